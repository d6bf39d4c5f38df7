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
constexpr uint32_t kTrialWaits = 8;      // waits that the two ways are compared by
constexpr uint64_t kLongestCounted = 4 * kSpinNs;  // a long kernel must not decide a comparison

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
  if (misses_.load(std::memory_order_relaxed) < kMissesToStop) {
    return sleeps_.load(std::memory_order_relaxed) ? 0 : kSpinNs;
  }
  const uint32_t skipped = skipped_.load(std::memory_order_relaxed) + 1;
  skipped_.store(skipped, std::memory_order_relaxed);
  return skipped % kWaitsToProbe == 0 ? kSpinNs : 0;
}

// Waits 0 to kHoldWaits use one way, the last of them are summed; then come trials of the other.
void SpinHistory::compare(uint64_t waited_ns) {
  const uint64_t counted = waited_ns < kLongestCounted ? waited_ns : kLongestCounted;
  const uint32_t wait = waits_.fetch_add(1, std::memory_order_relaxed);
  if (wait < kHoldWaits) {
    if (wait >= kHoldWaits - kTrialWaits) own_ns_.fetch_add(counted, std::memory_order_relaxed);
    if (wait + 1 == kHoldWaits) sleeps_.store(!sleeps_.load(), std::memory_order_relaxed);
    return;
  }
  trial_ns_.fetch_add(counted, std::memory_order_relaxed);
  if (wait + 1 != kHoldWaits + kTrialWaits) return;
  const uint64_t own = own_ns_.exchange(0, std::memory_order_relaxed);
  const uint64_t trial = trial_ns_.exchange(0, std::memory_order_relaxed);
  // The trial must win clearly, or chance would toss between the two.
  if (trial * 10 >= own * 9) sleeps_.store(!sleeps_.load(), std::memory_order_relaxed);
  waits_.store(0, std::memory_order_relaxed);
}

void SpinHistory::record(uint64_t waited_ns) {
  compare(waited_ns);
  const uint32_t misses = misses_.load(std::memory_order_relaxed);
  if (waited_ns <= kSpinNs) {
    if (misses != 0) misses_.store(0, std::memory_order_relaxed);
  } else if (misses < kMissesToStop) {
    misses_.store(misses + 1, std::memory_order_relaxed);
  }
}

}  // namespace aliquot::guest
