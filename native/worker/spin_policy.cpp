#include "worker/spin_policy.h"

#include <algorithm>

namespace aliquot::worker {

uint64_t SpinPolicy::median() {
  std::sort(samples_.begin(), samples_.end());
  sample_count_ = 0;
  return samples_[kWindow / 2];
}

void SpinPolicy::note_round(uint64_t nanoseconds) {
  if (phase_ == Phase::kHold) {
    if (++rounds_ < kHoldRounds) return;
    rounds_ = 0;
    phase_ = Phase::kMeasureOwn;
    return;
  }
  samples_[sample_count_++] = nanoseconds;
  if (sample_count_ < kWindow) return;
  if (phase_ == Phase::kMeasureOwn) {
    own_median_ = median();
    arm_ ^= 1;
    phase_ = Phase::kMeasureOther;
    return;
  }
  // The other arm must win clearly, or chance would toss between them.
  const bool better = median() * 20 < own_median_ * 19;
  if (!better) arm_ ^= 1;
  phase_ = Phase::kHold;
}

uint64_t SpinPolicy::begin_wait(uint64_t now) {
  const uint64_t round = now - last_begin_;
  last_begin_ = now;
  if (round < kIdleNs) note_round(round);
  return spinning() ? kSpinNs : 0;
}

}  // namespace aliquot::worker
