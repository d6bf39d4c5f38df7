#include "device_host/turn_log.h"

#include <algorithm>

namespace aliquot {

void TurnLog::add(const records::Turn& turn) {
  const auto last = last_of_.find(turn.vgpu);
  if (last != last_of_.end()) {
    records::Turn& span = at(last->second);
    if (turn.begin_ns < span.begin_ns + span_ns_) {
      span.end_ns = turn.end_ns;
      span.charged_ns += turn.charged_ns;
      return;
    }
  }
  if (next_ - first_ == kMost) forget_first(turn.end_ns);
  if (turns_.size() < kMost) turns_.emplace_back();
  at(next_) = turn;
  last_of_[turn.vgpu] = next_++;
}

void TurnLog::forget_first(uint64_t now) {
  const records::Turn& first = at(first_);
  const uint64_t age = now - std::min(now, first.end_ns);
  known_since_ns_ = std::max(known_since_ns_, first.end_ns);
  if (const auto last = last_of_.find(first.vgpu); last->second == first_) last_of_.erase(last);
  ++first_;
  // Not again before much of what is known is of the new span.
  if (next_ < steady_until_) return;
  steady_until_ = next_ + kMost / 4;
  if (age < kMinuteNs) {
    span_ns_ = std::min(2 * span_ns_, kLongestSpanNs);
  } else if (age > 3 * kMinuteNs) {
    span_ns_ = std::max(span_ns_ / 2, kShortestSpanNs);
  }
}

std::vector<records::Turn> TurnLog::since(uint64_t ns) const {
  std::vector<records::Turn> turns;
  for (uint64_t number = first_; number < next_; ++number)
    if (at(number).end_ns > ns) turns.push_back(at(number));
  return turns;
}

}  // namespace aliquot
