// Waiting without ever waiting for good: a small lock, and "spin a little, then sleep in slices".
//
// A wait ends when its condition holds or when the connection is dead. Sleeps are futex waits of
// at most kSliceMs; after each slice the caller's connection is asked whether its peer still
// lives, so that a killed worker turns into an error within a second.
#pragma once

#include <atomic>
#include <cstdint>

namespace aliquot::guest {

constexpr int kSliceMs = 100;

/// Sleeps while the word equals `expected`, at most `milliseconds`. May return early.
void futex_wait_word(const void* word, uint32_t expected, int milliseconds);
/// Wakes up to `count` sleepers, in any process.
void futex_wake_word(const void* word, int count);

/// The same for the 32-bit atomics of the connection memory.
template <class Word>
inline void futex_wait(const std::atomic<Word>& word, Word expected, int milliseconds) {
  static_assert(sizeof(Word) == 4 && sizeof word == 4);
  futex_wait_word(&word, static_cast<uint32_t>(expected), milliseconds);
}
template <class Word>
inline void futex_wake(const std::atomic<Word>& word, int count) {
  static_assert(sizeof(Word) == 4 && sizeof word == 4);
  futex_wake_word(&word, count);
}

/// Monotonic clock, ns.
uint64_t now_ns();

/// One hint to the core that this is a spin loop.
inline void cpu_pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A mutex of one word: nothing to destroy. Not recursive.
class Lock {
 public:
  constexpr Lock() = default;
  void lock() {
    uint32_t free = 0;
    if (!word_.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
      lock_slow();
    }
  }
  void unlock() {
    if (word_.exchange(0, std::memory_order_release) == 2) wake();
  }

 private:
  void lock_slow();
  void wake();
  std::atomic<uint32_t> word_{0};  // 0 free, 1 held, 2 held and somebody sleeps
};

class LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.lock(); }
  ~LockGuard() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

/// Whether spinning has paid lately for one sort of wait. It doesn't for long waits, and not where
/// other processes want the core: then a sleeper makes room for the very thread that it waits for.
/// So both ways are tried in turn, and the one with the shorter waits is kept. Races lose a count
/// now and then, which does no harm: the figures are only hints.
class SpinHistory {
 public:
  /// ns to spin before sleeping; 0 when spinning doesn't pay at present.
  uint64_t budget_ns();
  /// Tells how long a wait took in the end.
  void record(uint64_t waited_ns);

 private:
  static constexpr uint32_t kHoldWaits = 96;  // waits before the other way is tried
  static constexpr uint32_t kFirstHold = kHoldWaits - 16;

  void compare(uint64_t waited_ns);

  std::atomic<uint32_t> misses_{0};   // waits in a row that outlasted a spin
  std::atomic<uint32_t> skipped_{0};  // waits that did not spin
  std::atomic<bool> sleeps_{false};   // the way in use: sleep at once
  std::atomic<uint32_t> waits_{kFirstHold};  // since the last comparison; the first comes early
  std::atomic<uint64_t> own_ns_{0};   // sum of the last waits before a trial of the other way
  std::atomic<uint64_t> trial_ns_{0};
};

/// Waits until `ready()` is true. `sleep()` must announce the sleeper to the peer, look at the
/// condition once more and futex-wait at most kSliceMs. `alive()` is asked after each sleep.
/// `work_ns`: what the peer is known to need beside the usual; it is spun through as well, and says
/// nothing of whether spinning pays.
/// `counter`: told when the wait begins and ends, and now and then in between (see time_account.h).
/// Returns false when the condition does not hold because the peer is gone.
template <class Ready, class Sleep, class Alive, class Counter>
bool wait_until(SpinHistory& history, Ready ready, Sleep sleep, Alive alive, Counter counter,
                uint64_t work_ns = 0) {
  if (ready()) return true;
  const uint64_t begin = now_ns();
  counter.begin(begin);
  uint64_t budget = history.budget_ns();
  if (budget != 0) budget += work_ns;
  const auto record = [&](uint64_t end) {
    const uint64_t waited = end - begin;
    history.record(waited > work_ns ? waited - work_ns : 0);
    counter.end(end);
  };
  if (budget != 0) {
    uint64_t now = begin;
    do {
      for (int i = 0; i < 16; ++i) {
        if (ready()) {
          record(now);
          return true;
        }
        cpu_pause();
      }
      now = now_ns();
    } while (now - begin < budget);
  }
  for (;;) {
    sleep();
    if (ready()) {
      record(now_ns());
      return true;
    }
    const uint64_t now = now_ns();
    if (!alive()) {
      counter.end(now);
      return ready();
    }
    counter.look(now);
  }
}

}  // namespace aliquot::guest
