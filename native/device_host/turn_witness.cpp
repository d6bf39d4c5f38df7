#include "device_host/turn_witness.h"

#include <algorithm>

namespace aliquot {

bool TurnWitness::begin(pid_t worker, uint64_t now, uint32_t processors) {
  *this = TurnWitness();
  watching_ = ::clock_getcpuclockid(worker, &clock_) == 0;
  processors_ = std::max(1U, processors);
  unasked_left_ns_ = kUnasked.at_once_ns;
  charged_left_ns_ = kCharged.at_once_ns;
  unexplained_left_ns_ = kUnexplained.at_once_ns;
  seen_at_ = now;
  before_ns_ = outside_ns();
  return watching_;
}

bool TurnWitness::resume(pid_t worker, uint64_t now, uint64_t children_ns, const Claims& claims,
                         uint32_t processors) {
  begin(worker, now, processors);
  children_ns_ = children_ns;
  before_ns_ += children_ns;
  burst_ns_ = std::min(kBurstNs, claims.burst_ns);
  seen_host_ns_ = claims.host_ns;
  forgives_ = true;
  return watching_;
}

void TurnWitness::end() {
  watching_ = false;
  at_rest_ns_ = kUnknown;
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

void TurnWitness::granted(bool rested) {
  if (!watching_ || in_turn_) return;
  if (rested) ++rests_;
  in_turn_ = true;
  turn_began_ns_ = processor_ns();
}

uint64_t TurnWitness::finished(uint64_t explained_ns) {
  if (!watching_ || !in_turn_) return 0;
  in_turn_ = false;
  const uint64_t now = processor_ns();
  const uint64_t taken = now - std::min(now, turn_began_ns_);
  inside_ns_ += taken;
  unexplained_ns_ += taken - std::min(taken, explained_ns);
  return taken;
}

// A machine that is busy lets the device host look late, and the worker answer late.
uint64_t TurnWitness::filled(uint64_t left_ns, const Allowance& allowance, uint64_t now,
                             uint64_t usual_ns) const {
  const uint64_t passed = std::min(now - std::min(now, seen_at_), kLongestNs);
  const uint64_t a_rest =
      allowance.a_rest_ns * processors_ + std::min(usual_ns, kMostUsualNs * processors_);
  return std::min(left_ns, allowance.at_once_ns) + passed / 100 * allowance.percent +
         (rests_ - seen_rests_) * a_rest;
}

// `silent_ns`: what it took outside turns, as far as it didn't say why.
void TurnWitness::judge_rests(uint64_t silent_ns) {
  judged_ns_ += silent_ns;
  judged_rests_ += rests_ - seen_rests_;
  if (judged_rests_ < kRestsToJudge) return;
  const uint64_t sample = judged_ns_ / judged_rests_;
  at_rest_ns_ = at_rest_ns_ == kUnknown ? sample : (at_rest_ns_ * 3 + sample) / 4;
  judged_ns_ = judged_rests_ = 0;
}

void TurnWitness::seen(uint64_t now, uint64_t outside_ns) {
  burst_ns_ = std::min(kBurstNs, burst_ns_ + (now - seen_at_) * kBurstPercent / 100);
  seen_outside_ns_ = outside_ns;
  seen_unexplained_ns_ = unexplained_ns_;
  seen_rests_ = rests_;
  seen_at_ = now;
}

TurnWitness::Verdict TurnWitness::guilty(uint64_t ns, const char* how) {
  reason_ = "it computed for " + std::to_string(ns / 1'000'000) + " ms " + how;
  return Verdict::kGuilty;
}

TurnWitness::Verdict TurnWitness::look(uint64_t now, uint64_t children_ns, uint64_t usual_ns) {
  if (!watching_) return Verdict::kNothing;
  children_ns_ = std::max(children_ns_, children_ns);
  if (asked_at_ != 0) {
    if (now - asked_at_ < kPatienceNs || ++late_looks_ < kPatienceLooks) return Verdict::kNothing;
    reason_ = "it didn't say what it computed outside its turns";
    return Verdict::kGuilty;
  }
  const uint64_t outside = outside_ns();
  const uint64_t taken = outside - std::min(outside, seen_outside_ns_);
  const uint64_t unexplained = unexplained_ns_ - seen_unexplained_ns_;
  const uint64_t unasked = filled(unasked_left_ns_, kUnasked, now, usual_ns);
  const uint64_t forgiven = filled(unexplained_left_ns_, kUnexplained, now);
  if (taken > unasked || unexplained > forgiven) {
    asked_at_ = now;
    late_looks_ = 0;
    return Verdict::kAsk;
  }
  unasked_left_ns_ = unasked - taken;
  unexplained_left_ns_ = forgiven - unexplained;
  charged_left_ns_ = filled(charged_left_ns_, kCharged, now);
  judge_rests(taken);
  seen(now, outside);
  return Verdict::kNothing;
}

TurnWitness::Verdict TurnWitness::answered(uint64_t now, uint64_t host_ns, uint64_t& charge_ns,
                                           uint64_t usual_ns) {
  charge_ns = 0;
  if (!watching_) return Verdict::kNothing;
  if (asked_at_ == 0 && forgives_) return Verdict::kNothing;
  if (asked_at_ == 0) {
    reason_ = "it answered what it was not asked";
    return Verdict::kGuilty;
  }
  asked_at_ = 0;
  const auto take = [](uint64_t& from, uint64_t most) {
    const uint64_t taken = std::min(from, most);
    from -= taken;
    return taken;
  };
  const uint64_t outside = outside_ns();
  const uint64_t taken = outside - std::min(outside, seen_outside_ns_);
  uint64_t claimed = host_ns - std::min(host_ns, seen_host_ns_) + early_claims_ns_;
  seen_host_ns_ = std::max(seen_host_ns_, host_ns);
  unasked_left_ns_ = filled(unasked_left_ns_, kUnasked, now, usual_ns);
  charged_left_ns_ = filled(charged_left_ns_, kCharged, now);
  unexplained_left_ns_ = filled(unexplained_left_ns_, kUnexplained, now);
  // What it claims may have been taken in turns, and is paid for with them.
  uint64_t unexplained = unexplained_ns_ - seen_unexplained_ns_;
  unexplained -= take(unexplained_left_ns_, unexplained);
  unexplained -= take(claimed, unexplained);
  const uint64_t explained = take(claimed, taken);
  const uint64_t silent = taken - explained;
  const uint64_t charged = silent - take(unasked_left_ns_, silent);
  charge_ns = explained - take(burst_ns_, explained) + charged;
  // More than it has taken by now: in the turn that goes on, or in children that have died since they
  // were looked at.
  const uint64_t processor = processor_ns();
  early_claims_ns_ =
      in_turn_ ? std::min(claimed, processor - std::min(processor, turn_began_ns_)) : 0;
  charged_left_ns_ += std::min(claimed, kCharged.at_once_ns);
  judge_rests(silent);
  seen(now, outside);
  if (unexplained != 0) return guilty(unexplained, "more in its turns than it said");
  if (charged > take(charged_left_ns_, charged)) return guilty(silent, "outside its turns");
  return Verdict::kNothing;
}

}  // namespace aliquot
