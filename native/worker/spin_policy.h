// Whether the decode thread spins for its next command before it sleeps. A wake-up across cores
// costs some 20 µs, so spinning usually pays; on a machine with more to run than cores it takes
// time from the kernels. Neither can be known beforehand, so both arms are measured in turn by
// what counts: how long one round lasts, from one wait to the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace aliquot::worker {

class SpinPolicy {
 public:
  static constexpr uint64_t kSpinNs = 40'000;

  /// To be called when a wait begins; returns the ns to spin, 0 for none.
  uint64_t begin_wait(uint64_t now);
  bool spinning() const { return spins_[arm_]; }

 private:
  static constexpr size_t kWindow = 16;          // rounds a measurement
  static constexpr size_t kHoldRounds = 512;     // rounds between measurements
  static constexpr uint64_t kIdleNs = 1'000'000; // a longer round says nothing about waking
  enum class Phase { kHold, kMeasureOwn, kMeasureOther };

  void note_round(uint64_t nanoseconds);
  uint64_t median();

  static constexpr std::array<bool, 2> spins_{true, false};
  size_t arm_ = 0;
  Phase phase_ = Phase::kHold;
  size_t rounds_ = kHoldRounds / 2;  // the first comparison comes early
  std::array<uint64_t, kWindow> samples_{};
  size_t sample_count_ = 0;
  uint64_t own_median_ = 0;
  uint64_t last_begin_ = 0;
};

}  // namespace aliquot::worker
