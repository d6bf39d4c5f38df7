// Whether the decode thread spins for its next command before it sleeps. A wake-up across cores
// costs some 20 µs, so spinning usually pays; but while the guest process waits for the device,
// nothing will come, and a spinning thread only keeps the driver's own threads from a core. Then it
// is better to sleep and to be woken by the completion, on the core that the driver leaves at that
// moment. And on a machine with more to run than cores, any spinning takes time from the kernels.
// None of this can be known beforehand, so the arms are measured in turn by what counts: how long
// one round lasts, from one wait to the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/copy_time.h"

namespace aliquot::worker {

class SpinPolicy {
 public:
  static constexpr uint64_t kSpinNs = 40'000;

  enum class Arm { kHandOver, kSpin, kSleep };

  /// To be called when a wait begins; returns the ns to spin, 0 for none. `device_awaited`: the
  /// guest process waits for a completion that has not come yet.
  uint64_t begin_wait(uint64_t now, bool device_awaited);
  /// The ns to spin after a sleep that ended without a command: a completion was published, and the
  /// guest process now copies `bytes` before it goes on.
  uint64_t after_completion(uint64_t bytes) const {
    if (!wakes_for_completions()) return 0;
    return kSpinNs + protocol::copy_time_ns(bytes);
  }
  /// Whether a sleep should end when a completion is published.
  bool wakes_for_completions() const { return arm_ != Arm::kSleep; }
  Arm arm() const { return arm_; }

 private:
  static constexpr size_t kWindow = 16;          // rounds a measurement
  // Rounds between measurements: few at first, since programs may be short, then ever more.
  static constexpr size_t kFirstHold = 8;
  static constexpr size_t kMostHold = 256;
  static constexpr uint64_t kIdleNs = 1'000'000; // a longer round says nothing about waking
  enum class Phase { kHold, kMeasureOwn, kMeasureOther };

  void note_round(uint64_t nanoseconds);
  uint64_t median();

  static Arm next_after(Arm arm, Arm other_than);

  Arm arm_ = Arm::kHandOver;
  Arm own_ = Arm::kHandOver;        // the best so far, while another is measured
  Arm challenger_ = Arm::kHandOver; // measured last
  Phase phase_ = Phase::kHold;
  size_t rounds_ = 0;
  size_t hold_ = kFirstHold;
  std::array<uint64_t, kWindow> samples_{};
  size_t sample_count_ = 0;
  uint64_t own_median_ = 0;
  uint64_t last_begin_ = 0;
};

}  // namespace aliquot::worker
