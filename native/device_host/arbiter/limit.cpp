#include "device_host/arbiter/limit.h"

#include <algorithm>
#include <cmath>

namespace aliquot::arbiter {
namespace {

// However long turns are: in any one second a vGPU is within a point of its limit, so bursts above
// it must be far below 10 ms.
constexpr double kLongestBurst = 4e6;
constexpr double kMostOwed = 60e9;
constexpr uint64_t kNever = ~uint64_t{0};

}  // namespace

void Limit::set(double part, uint64_t turn_ns) {
  part_ = std::clamp(part, 0.0, 1.0);
  turn_ns_ = std::min(static_cast<double>(turn_ns), kLongestBurst);
  turn();
}

void Limit::pass(uint64_t ns, bool held) {
  const auto passed = static_cast<double>(ns);
  tokens_ns_ += part_ * passed - (held ? passed : 0);
  turn();
}

void Limit::charge(uint64_t ns) {
  tokens_ns_ -= static_cast<double>(ns);
  turn();
}

void Limit::spill() {
  tokens_ns_ = std::min(tokens_ns_, turn_ns_);
  turn();
}

uint64_t Limit::lasts_ns() const {
  if (part_ >= 1) return kNever;
  return static_cast<uint64_t>(std::max(tokens_ns_, 0.0) / (1 - part_));
}

uint64_t Limit::opens_in_ns() const {
  if (open_) return 0;
  if (part_ <= 0) return kNever;
  return static_cast<uint64_t>(std::ceil(std::max(enough() - tokens_ns_, 0.0) / part_));
}

void Limit::turn() {
  tokens_ns_ = std::max(tokens_ns_, -kMostOwed);
  if (part_ >= 1) {
    tokens_ns_ = std::min(tokens_ns_, turn_ns_);
    open_ = true;
  } else if (part_ <= 0 || tokens_ns_ <= 0) {
    open_ = false;
  } else if (tokens_ns_ + 1 >= enough()) {  // a nanosecond is what rounding may cost
    open_ = true;
  }
}

}  // namespace aliquot::arbiter
