#include "worker/memory_quota.h"

#include <malloc.h>

#include <algorithm>

#include "worker/futex.h"

namespace aliquot::worker {

namespace {

// What an allocator may keep of freed memory before it is told. Far below the driver's allowance.
constexpr uint64_t kMostKept = uint64_t{64} << 20;

}  // namespace

bool MemoryQuota::charge(uint64_t bytes) {
  if (maybe_kept_.load(std::memory_order_relaxed) >= kMostKept) make_allocator_give_back();
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
  maybe_kept_.fetch_add(bytes, std::memory_order_relaxed);
  refunds_.fetch_add(1);
  futex_wake(refunds_);
}

// A driver for processors takes buffers from the C library's allocator, which keeps small ones that
// were freed for others as small. With great ones beside them the worker would have more memory than
// its vGPU may. (Other allocators have little in that one, and this costs nothing.)
void MemoryQuota::make_allocator_give_back() {
  if (maybe_kept_.exchange(0) < kMostKept) return;
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
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
