#include "guest/wait.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace aliquot::guest {

namespace {

constexpr uint64_t kSpinNs = 50'000;     // longest spin; waking a sleeper costs about half of it
constexpr uint32_t kMissesToStop = 4;    // spins in a row that ended asleep
constexpr uint32_t kWaitsToProbe = 16;   // then one wait in so many tries again

}  // namespace

void futex_wait_word(const void* word, uint32_t expected, int milliseconds) {
  const timespec timeout = {milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, nullptr, 0);
  errno = saved;
}

void futex_wake_word(const void* word, int count) {
  const int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  errno = saved;
}

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

void Lock::lock_slow() {
  for (int i = 0; i < 64; ++i) {
    uint32_t free = 0;
    if (word_.load(std::memory_order_relaxed) == 0 &&
        word_.compare_exchange_weak(free, 1, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return;
    }
    cpu_pause();
  }
  while (word_.exchange(2, std::memory_order_acquire) != 0) futex_wait(word_, 2u, kSliceMs);
}

void Lock::wake() { futex_wake(word_, 1); }

uint64_t SpinHistory::budget_ns() {
  if (misses_.load(std::memory_order_relaxed) < kMissesToStop) return kSpinNs;
  const uint32_t skipped = skipped_.load(std::memory_order_relaxed) + 1;
  skipped_.store(skipped, std::memory_order_relaxed);
  return skipped % kWaitsToProbe == 0 ? kSpinNs : 0;
}

void SpinHistory::record(uint64_t waited_ns) {
  const uint32_t misses = misses_.load(std::memory_order_relaxed);
  if (waited_ns <= kSpinNs) {
    if (misses != 0) misses_.store(0, std::memory_order_relaxed);
  } else if (misses < kMissesToStop) {
    misses_.store(misses + 1, std::memory_order_relaxed);
  }
}

}  // namespace aliquot::guest
