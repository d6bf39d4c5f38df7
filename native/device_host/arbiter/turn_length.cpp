#include "device_host/arbiter/turn_length.h"

#include <algorithm>

namespace aliquot::arbiter {
namespace {

constexpr double kTurns = 64;  // that the average looks back on
// So many times what is lost a turn should be long.
constexpr uint64_t kTimesTheLoss = 20;
// With eight tenants everybody has had a turn after 48 ms: often enough that in each second all have
// had their shares.
constexpr uint64_t kLongest = 6'000'000;

}  // namespace

void TurnLength::ended(uint64_t lost_ns) {
  const auto lost = static_cast<double>(std::min(lost_ns, kLongest));
  lost_ns_ += (lost - lost_ns_) / kTurns;
}

uint64_t TurnLength::of(uint64_t usual_ns) const {
  const auto worth = static_cast<uint64_t>(lost_ns_) * kTimesTheLoss;
  return std::max(usual_ns, std::min(worth, kLongest));
}

}  // namespace aliquot::arbiter
