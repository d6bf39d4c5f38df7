// What keeps the watchdog awake or calls it at once. Shared with callbacks of the driver, which may
// come when the watchdog is gone.
#pragma once

#include <atomic>
#include <cstdint>

#include "worker/futex.h"

namespace aliquot::worker {

class Alarm {
 public:
  /// Something was enqueued: look now and then. One load while the watchdog is awake.
  void arm() {
    if (word_.load(std::memory_order_relaxed) == kAsleep) set(kAsleep, kArmed);
  }
  /// Something needs a look at once.
  void raise() {
    word_.store(kRaised);
    futex_wake(word_);
  }
  /// Sleeps for `nanoseconds`, or for good while nothing is armed. True when a look is due.
  bool wait(uint64_t nanoseconds) {
    const uint32_t word = word_.load();
    if (word == kAsleep) futex_wait(word_, kAsleep, 0);
    if (word == kArmed) futex_wait(word_, kArmed, nanoseconds);
    // A command that is enqueued after this finds the watchdog asleep and arms it.
    return word != kAsleep && word_.exchange(kAsleep) != kAsleep;
  }
  /// A look found commands under way.
  void stay_armed() { set(kAsleep, kArmed); }

 private:
  enum : uint32_t { kAsleep, kArmed, kRaised };
  void set(uint32_t from, uint32_t to) {
    if (word_.compare_exchange_strong(from, to)) futex_wake(word_);
  }
  std::atomic<uint32_t> word_{kAsleep};
};

}  // namespace aliquot::worker
