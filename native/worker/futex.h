// Sleeping on a word of memory that another process may share, and waking who sleeps there.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

namespace aliquot::worker {

/// Sleeps while `*word == expected`, at most `nanoseconds` (0: without a bound; only for words
/// whose waker repeats itself until it is heard). May return early for no reason.
inline void futex_wait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t nanoseconds) {
  timespec limit{static_cast<time_t>(nanoseconds / 1'000'000'000u),
                 static_cast<long>(nanoseconds % 1'000'000'000u)};
  syscall(SYS_futex, reinterpret_cast<const uint32_t*>(&word), FUTEX_WAIT, expected,
          nanoseconds == 0 ? nullptr : &limit, nullptr, 0);
}

/// Wakes everybody who sleeps on `word`, in any process.
template <class Word>
inline void futex_wake(const std::atomic<Word>& word) {
  static_assert(sizeof(Word) == 4);
  syscall(SYS_futex, reinterpret_cast<const uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr,
          nullptr, 0);
}

/// Monotonic clock, ns.
inline uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

/// One hint to the core that this is a spin loop.
inline void cpu_pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace aliquot::worker
