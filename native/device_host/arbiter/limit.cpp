#include "device_host/arbiter/limit.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace aliquot::arbiter {
namespace {

// A limited vGPU that is alone runs and rests by turns. They take this long together: handing the
// device over costs about a tenth of a millisecond each time, and in any one second a vGPU shall be
// within a point, 10 ms, of its limit.
constexpr double kCycle = 25e6;
// At least so long it runs, however low its limit is; less than a turn where those are long.
constexpr double kShortestRun = 4e6;
constexpr double kMostOwed = 60e9;
constexpr uint64_t kNever = ~uint64_t{0};

}  // namespace

void Limit::set(double part, uint64_t turn_ns) {
  const double old = std::exchange(part_, std::clamp(part, 0.0, 1.0));
  const double run = std::max(std::min(static_cast<double>(turn_ns), kShortestRun), part_ * kCycle);
  enough_ns_ = run * (1 - part_);
  if (part_ != old) spill();
  turn();
}

void Limit::resume(const Tokens& tokens) {
  tokens_ns_ = tokens.ns;
  open_ = tokens.open;
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

void Limit::refund(uint64_t ns) {
  tokens_ns_ += static_cast<double>(ns);
  turn();
}

void Limit::spill() {
  if (part_ < 1) tokens_ns_ = std::min(tokens_ns_, enough_ns_);
  turn();
}

uint64_t Limit::lasts_ns() const {
  if (part_ >= 1) return kNever;
  return static_cast<uint64_t>(std::max(tokens_ns_, 0.0) / (1 - part_));
}

uint64_t Limit::opens_in_ns() const {
  if (open_) return 0;
  if (part_ <= 0) return kNever;
  return static_cast<uint64_t>(std::ceil(std::max(enough_ns_ - tokens_ns_, 0.0) / part_));
}

void Limit::turn() {
  tokens_ns_ = std::max(tokens_ns_, -kMostOwed);
  if (part_ >= 1) {
    tokens_ns_ = std::clamp(tokens_ns_, 0.0, kCycle / 4);  // the most that any limit lets it keep
    open_ = true;
  } else if (part_ <= 0 || tokens_ns_ <= 0) {
    open_ = false;
  } else if (tokens_ns_ + 1 >= enough_ns_) {  // a nanosecond is what rounding may cost
    open_ = true;
  }
}

}  // namespace aliquot::arbiter
