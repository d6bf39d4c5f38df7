#include "device_host/turn_history.h"

#include <algorithm>

namespace aliquot {

void TurnHistory::waited(uint64_t ns) { waits_[wait_count_++ % kWaits] = ns; }

void TurnHistory::sample(uint64_t now, uint64_t held_ns) {
  if (samples_.size() > 1 && now - samples_[samples_.size() - 2].at < kSampleNs)
    samples_.pop_back();
  samples_.push_back({now, held_ns});
  // One older than the longest span stays, to reckon from.
  while (samples_.size() > 2 && now - samples_[1].at > kLongestNs) samples_.pop_front();
}

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
  const Sample* from = nullptr;
  for (const Sample& sample : samples_) {
    if (from != nullptr && now - sample.at < span_ns) break;
    from = &sample;
  }
  if (from == nullptr || now <= from->at) return 0;
  const uint64_t since = held_ns - std::min(held_ns, from->held);  // some of a turn may be spared
  return static_cast<uint32_t>(since * 10'000 / (now - from->at));
}

}  // namespace aliquot
