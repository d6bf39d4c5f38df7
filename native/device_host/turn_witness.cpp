#include "device_host/turn_witness.h"

#include <algorithm>

namespace aliquot {

bool TurnWitness::begin(pid_t worker, uint64_t now) {
  watching_ = ::clock_getcpuclockid(worker, &clock_) == 0;
  in_turn_ = forgives_ = false;
  inside_ns_ = children_ns_ = turns_ = seen_turns_ = seen_host_ns_ = asked_at_ = 0;
  burst_ns_ = kBurstNs;
  seen_at_ = now;
  before_ns_ = seen_outside_ns_ = 0;
  before_ns_ = outside_ns();
  return watching_;
}

bool TurnWitness::resume(pid_t worker, uint64_t now, uint64_t children_ns, const Claims& claims) {
  begin(worker, now);
  children_ns_ = children_ns;
  before_ns_ += children_ns;
  burst_ns_ = std::min(kBurstNs, claims.burst_ns);
  seen_host_ns_ = claims.host_ns;
  forgives_ = true;
  return watching_;
}

uint64_t TurnWitness::processor_ns() const {
  timespec time{};
  if (!watching_ || ::clock_gettime(clock_, &time) != 0) return 0;
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t TurnWitness::outside_ns() const {
  const uint64_t until = in_turn_ ? turn_began_ns_ : processor_ns();
  const uint64_t outside = until - std::min(until, inside_ns_) + children_ns_;
  return outside - std::min(outside, before_ns_);
}

void TurnWitness::granted() {
  if (!watching_ || in_turn_) return;
  in_turn_ = true;
  turn_began_ns_ = processor_ns();
}

uint64_t TurnWitness::finished() {
  if (!watching_ || !in_turn_) return 0;
  in_turn_ = false;
  const uint64_t now = processor_ns();
  const uint64_t taken = now - std::min(now, turn_began_ns_);
  inside_ns_ += taken;
  ++turns_;
  return taken;
}

// A machine that is busy lets the device host look late, and the worker answer late.
uint64_t TurnWitness::allowed_ns(uint64_t now) const {
  const uint64_t passed = std::clamp(now - std::min(now, seen_at_), kUsualNs, kLongestNs);
  return kAllowedNs * passed / kUsualNs + turns_since_seen() * kAllowedATurnNs;
}

uint64_t TurnWitness::most_ns(uint64_t now) const {
  const uint64_t paid = std::min(kPaidNs + turns_since_seen() * kPaidATurnNs, kMostPaidNs);
  return std::max(paid, allowed_ns(now));
}

TurnWitness::Verdict TurnWitness::look(uint64_t now, uint64_t children_ns) {
  if (!watching_) return Verdict::kNothing;
  children_ns_ = std::max(children_ns_, children_ns);
  if (asked_at_ != 0) {
    if (now - asked_at_ < kPatienceNs) return Verdict::kNothing;
    reason_ = "it didn't say what it computed outside its turns";
    return Verdict::kGuilty;
  }
  const uint64_t outside = outside_ns();
  if (outside - std::min(outside, seen_outside_ns_) > allowed_ns(now)) {
    asked_at_ = now;
    return Verdict::kAsk;
  }
  burst_ns_ = std::min(kBurstNs, burst_ns_ + (now - seen_at_) * kBurstPercent / 100);
  seen_outside_ns_ = outside;
  seen_turns_ = turns_;
  seen_at_ = now;
  return Verdict::kNothing;
}

TurnWitness::Verdict TurnWitness::answered(uint64_t now, uint64_t host_ns, uint64_t& charge_ns) {
  charge_ns = 0;
  if (!watching_) return Verdict::kNothing;
  if (asked_at_ == 0 && forgives_) return Verdict::kNothing;
  if (asked_at_ == 0) {
    reason_ = "it answered what it was not asked";
    return Verdict::kGuilty;
  }
  asked_at_ = 0;
  const uint64_t outside = outside_ns();
  const uint64_t taken = outside - std::min(outside, seen_outside_ns_);
  // What it claims may have been taken within turns; more than all that it took it can't have been.
  const uint64_t claimed = std::min(taken, host_ns - std::min(host_ns, seen_host_ns_));
  seen_host_ns_ = std::max(seen_host_ns_, host_ns);
  burst_ns_ = std::min(kBurstNs, burst_ns_ + (now - seen_at_) * kBurstPercent / 100);
  const uint64_t free = std::min(burst_ns_, claimed);
  burst_ns_ -= free;
  const uint64_t unclaimed = taken - claimed;
  const uint64_t most = most_ns(now);
  charge_ns = claimed - free + unclaimed - std::min(unclaimed, allowed_ns(now));
  seen_outside_ns_ = outside;
  seen_turns_ = turns_;
  seen_at_ = now;
  if (unclaimed <= most) return Verdict::kNothing;
  reason_ = "it computed for " + std::to_string(unclaimed / 1'000'000) +
            " ms outside its turns";
  return Verdict::kGuilty;
}

}  // namespace aliquot
