#include "worker/work_cost.h"

#include <algorithm>
#include <bit>

namespace aliquot::worker {

namespace {
constexpr uint64_t kLeastNs = 1000;  // what it costs to hand anything to a driver
constexpr uint64_t kMostNs = 60'000'000'000;
}  // namespace

uint64_t WorkCost::Measured::scaled(uint64_t to) const {
  if (to == amount) return nanoseconds;
  const double time =
      static_cast<double>(nanoseconds) * static_cast<double>(to) / static_cast<double>(amount);
  return static_cast<uint64_t>(std::min(time, static_cast<double>(kMostNs)));
}

uint64_t WorkCost::expected_ns(uint64_t amount) const {
  uint64_t expected = flat_ns_ + (amount_per_ns_ != 0 ? amount / amount_per_ns_ : 0);
  for (const Measured& size : sizes_) {
    if (size.amount == 0) continue;
    if (std::bit_width(size.amount) == std::bit_width(amount)) {
      expected = size.scaled(amount);
      break;
    }
    expected = std::min(expected, size.scaled(amount));
  }
  return std::clamp(expected, kLeastNs, kMostNs);
}

void WorkCost::measured(uint64_t amount, uint64_t nanoseconds) {
  if (amount == 0) return;
  for (Measured& size : sizes_) {
    if (size.amount == 0 || std::bit_width(size.amount) != std::bit_width(amount)) continue;
    size = {amount, (size.scaled(amount) * 3 + nanoseconds) / 4};
    return;
  }
  sizes_[next_size_++ % sizes_.size()] = {amount, nanoseconds};
}

}  // namespace aliquot::worker
