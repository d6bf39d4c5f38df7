#include "device_host/growth_history.h"

#include <algorithm>

namespace aliquot {

void GrowthHistory::sample(uint64_t now, uint64_t value) {
  if (samples_.size() > 1 && now - samples_[samples_.size() - 2].at < kSampleNs)
    samples_.pop_back();
  samples_.push_back({now, value});
  // One older than the longest span stays, to reckon from.
  while (samples_.size() > 2 && now - samples_[1].at > kLongestNs) samples_.pop_front();
}

GrowthHistory::Growth GrowthHistory::over(uint64_t span_ns, uint64_t now, uint64_t value) const {
  if (samples_.empty()) return {};
  const uint64_t begin = now - std::min(now, span_ns);
  const auto is_later = [](uint64_t at, const Sample& sample) { return at < sample.at; };
  const auto later = std::upper_bound(samples_.begin(), samples_.end(), begin, is_later);
  const Sample& from = later == samples_.begin() ? samples_.front() : *(later - 1);
  if (now <= from.at) return {};
  return {value - std::min(value, from.value), now - from.at};
}

}  // namespace aliquot
