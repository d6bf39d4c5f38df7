#include "device_host/heartbeat.h"

#include <algorithm>

namespace aliquot {

namespace {
// A device host that couldn't run itself, for want of a processor, blames nobody for that time.
constexpr uint64_t kLongestStep = 1000;
}  // namespace

Heartbeat::Verdict Heartbeat::look(uint64_t now, bool guests_connected) {
  const uint64_t step = last_look_ == 0 ? 0 : std::min(now - last_look_, kLongestStep);
  last_look_ = now;
  if (open_) {
    passed_ = guests_connected ? passed_ + step : 0;
    return passed_ > kPatienceMilliseconds ? Verdict::kDead : Verdict::kNothing;
  }
  passed_ += step;
  if (!guests_connected || passed_ < kPauseMilliseconds) return Verdict::kNothing;
  open_ = true;
  passed_ = 0;
  ++sequence_;
  return Verdict::kAsk;
}

bool Heartbeat::answered(uint32_t sequence) {
  if (late_ != 0 && sequence == late_) return true;
  if (!open_ || sequence != sequence_) return false;
  open_ = false;
  passed_ = 0;
  return true;
}

}  // namespace aliquot
