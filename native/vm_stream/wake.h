// Waking who sleeps on a word of shared memory, in whatever process.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace aliquot::vm_stream {

template <class Word>
void wake(const std::atomic<Word>& word, int count) {
  static_assert(sizeof word == 4);
  ::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}
template <class Word>
void wake_one(const std::atomic<Word>& word) {
  wake(word, 1);
}
template <class Word>
void wake_all(const std::atomic<Word>& word) {
  wake(word, INT32_MAX);
}

/// Sleeps while the word has this value, so long at most.
inline void sleep_on(const std::atomic<uint32_t>& word, uint32_t value, uint64_t most_ns) {
  const timespec most = {static_cast<time_t>(most_ns / 1'000'000'000u),
                         static_cast<long>(most_ns % 1'000'000'000u)};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &most, nullptr, 0);
}

/// Monotonic clock, ns.
inline uint64_t monotonic_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace aliquot::vm_stream
