#include "worker/resting_threads.h"

#include <atomic>

#include "worker/futex.h"

namespace aliquot::worker {

namespace {

// Even: the device is ours, or nobody else's. Odd: it is not. Futex word.
std::atomic<uint32_t> rests{0};

// Who waits for a lock of the driver's yields as well, though never so often.
constexpr uint32_t kYieldsBefore = 16;
// As long as TBB's threads look for work: then they leave, and sleep as they always do.
constexpr uint64_t kSleepNs = 1'000'000;

thread_local uint32_t seen_rest = 0;
thread_local uint32_t yields = 0;

}  // namespace

void rest_threads() {
  uint32_t seen = rests.load();
  if (seen % 2 == 0) rests.compare_exchange_strong(seen, seen + 1);
}

void rouse_threads() {
  uint32_t seen = rests.load(std::memory_order_relaxed);
  if (seen % 2 == 0 || !rests.compare_exchange_strong(seen, seen + 1)) return;
  futex_wake(rests);
}

bool slept_instead_of_yielding() {
  const uint32_t seen = rests.load();
  if (seen % 2 == 0) return false;
  if (seen != seen_rest) {
    seen_rest = seen;
    yields = 0;
  }
  if (++yields < kYieldsBefore) return false;
  futex_wait(rests, seen, kSleepNs);
  return true;
}

}  // namespace aliquot::worker
