// The turns of one device over the last minute, for whoever wants to see them on a line of time.
//
// Bounded: of turns so short that a minute of them doesn't fit, those of a vGPU that began within some
// milliseconds become one span. How many that is follows from how many turns there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "protocol/records.h"

namespace aliquot {

class TurnLog {
 public:
  static constexpr size_t kMost = 65'536;
  static constexpr uint64_t kMinuteNs = 60'000'000'000;
  static constexpr uint64_t kShortestSpanNs = 1'000'000;
  static constexpr uint64_t kLongestSpanNs = 1'000'000'000;

  explicit TurnLog(uint64_t now) : known_since_ns_(now) {}

  /// One that has ended, after all that were added before it.
  void add(const records::Turn& turn);
  /// Those that ended later than `ns`, by their beginnings.
  std::vector<records::Turn> since(uint64_t ns) const;
  /// What ended before may be missing.
  uint64_t known_since_ns() const { return known_since_ns_; }
  /// Turns of a vGPU that begin within so long are one span.
  uint64_t span_ns() const { return span_ns_; }

 private:
  records::Turn& at(uint64_t number) { return turns_[number % kMost]; }
  const records::Turn& at(uint64_t number) const { return turns_[number % kMost]; }
  void forget_first(uint64_t now);

  std::vector<records::Turn> turns_;  // by their numbers, modulo kMost
  uint64_t first_ = 0, next_ = 0;     // of those that are there; the next one is to come
  std::unordered_map<uint64_t, uint64_t> last_of_;  // the number of each vGPU's last
  uint64_t known_since_ns_;
  uint64_t span_ns_ = kShortestSpanNs;
  uint64_t steady_until_ = 0;  // the number before which the span stays as it is
};

}  // namespace aliquot
