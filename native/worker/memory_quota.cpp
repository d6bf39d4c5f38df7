#include "worker/memory_quota.h"

#include <algorithm>

#include "worker/futex.h"

namespace aliquot::worker {

bool MemoryQuota::charge(uint64_t bytes) {
  uint64_t used = used_.load();
  do {
    const uint64_t most = limit();  // what was charged before it was lowered may be more
    if (bytes > most || used > most - bytes) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes));
  // Lowered just now, and the device host may have been told of what was used before.
  if (used + bytes <= limit()) return true;
  refund(bytes);
  return false;
}

void MemoryQuota::refund(uint64_t bytes) {
  used_.fetch_sub(bytes);
  refunds_.fetch_add(1);
  futex_wake(refunds_);
}

bool MemoryQuota::charge_patiently(uint64_t bytes, uint64_t patience_ns,
                                   const std::atomic<bool>& stop) {
  constexpr uint64_t kSliceNs = 10'000'000;
  uint64_t begin = now_ns();
  uint32_t seen = refunds_.load();
  while (!charge(bytes)) {
    if (bytes > limit() || condemned_.load() == 0 || stop.load()) return false;
    if (now_ns() - begin > patience_ns) return false;
    futex_wait(refunds_, seen, std::min(kSliceNs, patience_ns));
    const uint32_t refunds = refunds_.load();
    if (refunds != seen) begin = now_ns();
    seen = refunds;
  }
  return true;
}

}  // namespace aliquot::worker
