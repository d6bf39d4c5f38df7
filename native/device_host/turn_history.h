// What a vGPU had of its device lately: how long it waited for turns, and its share of the time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "device_host/growth_history.h"

namespace aliquot {

class TurnHistory {
 public:
  static constexpr size_t kWaits = 512;

  void waited(uint64_t ns);
  /// The vGPU has had `held_ns` of the device up to `now`.
  void sample(uint64_t now, uint64_t held_ns) { held_.sample(now, held_ns); }

  /// Of the last kWaits waits, the one that `percent` of them don't exceed, ns; 0 without any.
  uint64_t wait_percentile(unsigned percent) const;
  /// The share of the device's time over the last `span_ns` (or since the beginning, where that is
  /// shorter), in hundredths of a percent.
  uint32_t share(uint64_t span_ns, uint64_t now, uint64_t held_ns) const;

 private:
  std::array<uint64_t, kWaits> waits_{};
  size_t wait_count_ = 0;
  GrowthHistory held_;
};

}  // namespace aliquot
