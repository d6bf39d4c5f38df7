// What a vGPU had of its device lately: how long it waited for turns, and its share of the time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace aliquot {

class TurnHistory {
 public:
  static constexpr size_t kWaits = 512;
  static constexpr uint64_t kLongestNs = 60'000'000'000;
  /// Samples closer than this to the one before take its place.
  static constexpr uint64_t kSampleNs = 90'000'000;

  void waited(uint64_t ns);
  /// The vGPU has had `held_ns` of the device up to `now`.
  void sample(uint64_t now, uint64_t held_ns);

  /// Of the last kWaits waits, the one that `percent` of them don't exceed, ns; 0 without any.
  uint64_t wait_percentile(unsigned percent) const;
  /// The share of the device's time over the last `span_ns` (or since the beginning, where that is
  /// shorter), in hundredths of a percent.
  uint32_t share(uint64_t span_ns, uint64_t now, uint64_t held_ns) const;

 private:
  struct Sample {
    uint64_t at;
    uint64_t held;
  };
  std::array<uint64_t, kWaits> waits_{};
  size_t wait_count_ = 0;
  std::deque<Sample> samples_;
};

}  // namespace aliquot
