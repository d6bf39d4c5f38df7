#include "worker/spin_policy.h"

#include <algorithm>

namespace aliquot::worker {

uint64_t SpinPolicy::median() {
  std::sort(samples_.begin(), samples_.end());
  sample_count_ = 0;
  return samples_[kWindow / 2];
}

// The arms take turns in challenging the one in use.
SpinPolicy::Arm SpinPolicy::next_after(Arm arm, Arm other_than) {
  do {
    arm = static_cast<Arm>((static_cast<int>(arm) + 1) % 3);
  } while (arm == other_than);
  return arm;
}

void SpinPolicy::note_round(uint64_t nanoseconds) {
  if (phase_ == Phase::kHold) {
    if (++rounds_ < hold_) return;
    rounds_ = 0;
    hold_ = std::min(hold_ * 2, kMostHold);
    phase_ = Phase::kMeasureOwn;
    return;
  }
  samples_[sample_count_++] = nanoseconds;
  if (sample_count_ < kWindow) return;
  if (phase_ == Phase::kMeasureOwn) {
    own_median_ = median();
    own_ = arm_;
    arm_ = challenger_ = next_after(challenger_, own_);
    phase_ = Phase::kMeasureOther;
    return;
  }
  // The challenger must win clearly, or chance would toss between them.
  const bool better = median() * 20 < own_median_ * 19;
  if (!better) arm_ = own_;
  phase_ = Phase::kHold;
}

uint64_t SpinPolicy::begin_wait(uint64_t now, bool device_awaited) {
  const uint64_t round = now - last_begin_;
  last_begin_ = now;
  if (round < kIdleNs) note_round(round);
  if (arm_ == Arm::kSleep || (arm_ == Arm::kHandOver && device_awaited)) return 0;
  return kSpinNs;
}

}  // namespace aliquot::worker
