// How much something that only grows has grown over the last seconds.
#pragma once

#include <cstdint>
#include <deque>

namespace aliquot {

class GrowthHistory {
 public:
  static constexpr uint64_t kLongestNs = 60'000'000'000;
  /// Samples closer than this to the one before take its place.
  static constexpr uint64_t kSampleNs = 90'000'000;

  struct Growth {
    uint64_t grown = 0;
    uint64_t in_ns = 0;  // 0: nothing is known yet
  };

  /// It has come to `value` at `now`.
  void sample(uint64_t now, uint64_t value);
  /// What it has grown over the last `span_ns`, or since the beginning where that is shorter. It has
  /// come to `value`.
  Growth over(uint64_t span_ns, uint64_t now, uint64_t value) const;

 private:
  struct Sample {
    uint64_t at;
    uint64_t value;
  };
  std::deque<Sample> samples_;
};

}  // namespace aliquot
