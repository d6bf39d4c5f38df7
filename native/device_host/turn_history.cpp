#include "device_host/turn_history.h"

#include <algorithm>

namespace aliquot {

void TurnHistory::waited(uint64_t ns) { waits_[wait_count_++ % kWaits] = ns; }

uint64_t TurnHistory::wait_percentile(unsigned percent) const {
  const size_t count = std::min(wait_count_, kWaits);
  if (count == 0) return 0;
  std::array<uint64_t, kWaits> sorted = waits_;
  const size_t rank = std::min(count - 1, count * percent / 100);
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(rank),
                   sorted.begin() + static_cast<ptrdiff_t>(count));
  return sorted[rank];
}

uint32_t TurnHistory::share(uint64_t span_ns, uint64_t now, uint64_t held_ns) const {
  const GrowthHistory::Growth growth = held_.over(span_ns, now, held_ns);
  return growth.in_ns == 0 ? 0 : static_cast<uint32_t>(growth.grown * 10'000 / growth.in_ns);
}

}  // namespace aliquot
