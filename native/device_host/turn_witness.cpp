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
  seen_.at = now;
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

uint64_t TurnWitness::outside_ns() const { return sight(0).outside_ns; }

TurnWitness::Sight TurnWitness::sight(uint64_t now) const {
  const uint64_t processor = processor_ns();
  const uint64_t until = in_turn_ ? turn_began_ns_ : processor;
  const uint64_t outside = until - std::min(until, inside_ns_) + children_ns_;
  return {now, outside - std::min(outside, before_ns_), unexplained_ns_, rests_, until,
          processor, children_ns_};
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
uint64_t TurnWitness::filled(uint64_t left_ns, const Allowance& allowance, const Sight& sight,
                             uint64_t usual_ns) const {
  const uint64_t passed = std::min(sight.at - std::min(sight.at, seen_.at), kLongestNs);
  const uint64_t a_rest =
      allowance.a_rest_ns * processors_ + std::min(usual_ns, kMostUsualNs * processors_);
  return std::min(left_ns, allowance.at_once_ns) + passed / 100 * allowance.percent +
         (sight.rests - seen_.rests) * a_rest;
}

// `silent_ns`: what it took outside turns, as far as it didn't say why.
void TurnWitness::judge_rests(uint64_t silent_ns, const Sight& sight) {
  judged_ns_ += silent_ns;
  judged_rests_ += sight.rests - seen_.rests;
  if (judged_rests_ < kRestsToJudge) return;
  const uint64_t sample = judged_ns_ / judged_rests_;
  at_rest_ns_ = at_rest_ns_ == kUnknown ? sample : (at_rest_ns_ * 3 + sample) / 4;
  judged_ns_ = judged_rests_ = 0;
}

void TurnWitness::seen(const Sight& sight) {
  burst_ns_ = std::min(kBurstNs, burst_ns_ + (sight.at - seen_.at) * kBurstPercent / 100);
  seen_ = sight;
}

TurnWitness::Verdict TurnWitness::guilty(uint64_t ns, const char* how) {
  reason_ = "it computed for " + std::to_string(ns / 1'000'000) + " ms " + how;
  return Verdict::kGuilty;
}

TurnWitness::Verdict TurnWitness::look(uint64_t now, uint64_t children_ns, uint64_t usual_ns) {
  if (!watching_) return Verdict::kNothing;
  children_ns_ = std::max(children_ns_, children_ns);
  if (asked_) {
    const uint64_t computed = processor_ns() + children_ns_;  // in turns, too
    if (now - asked_sight_.at < kPatienceNs || ++late_looks_ < kPatienceLooks ||
        computed < asked_sight_.processor_ns + asked_sight_.children_ns + kPatienceComputingNs)
      return Verdict::kNothing;
    reason_ = "it didn't say what it computed outside its turns";
    return Verdict::kGuilty;
  }
  const Sight sight = this->sight(now);
  const uint64_t taken = sight.outside_ns - std::min(sight.outside_ns, seen_.outside_ns);
  const uint64_t unexplained = sight.unexplained_ns - seen_.unexplained_ns;
  const uint64_t unasked = filled(unasked_left_ns_, kUnasked, sight, usual_ns);
  const uint64_t forgiven = filled(unexplained_left_ns_, kUnexplained, sight);
  if (taken > unasked || unexplained > forgiven) {
    asked_ = true;
    asked_sight_ = sight;
    late_looks_ = 0;
    return Verdict::kAsk;
  }
  unasked_left_ns_ = unasked - taken;
  unexplained_left_ns_ = forgiven - unexplained;
  charged_left_ns_ = filled(charged_left_ns_, kCharged, sight);
  judge_rests(taken, sight);
  seen(sight);
  return Verdict::kNothing;
}

TurnWitness::Verdict TurnWitness::answered(uint64_t host_ns, uint64_t& charge_ns, uint64_t usual_ns) {
  charge_ns = 0;
  if (!watching_) return Verdict::kNothing;
  if (!asked_ && forgives_) return Verdict::kNothing;
  if (!asked_) {
    reason_ = "it answered what it was not asked";
    return Verdict::kGuilty;
  }
  asked_ = false;
  const auto take = [](uint64_t& from, uint64_t most) {
    const uint64_t taken = std::min(from, most);
    from -= taken;
    return taken;
  };
  const Sight& sight = asked_sight_;
  const uint64_t taken = sight.outside_ns - std::min(sight.outside_ns, seen_.outside_ns);
  uint64_t claimed = host_ns - std::min(host_ns, seen_host_ns_) + early_claims_ns_;
  seen_host_ns_ = std::max(seen_host_ns_, host_ns);
  unasked_left_ns_ = filled(unasked_left_ns_, kUnasked, sight, usual_ns);
  charged_left_ns_ = filled(charged_left_ns_, kCharged, sight);
  unexplained_left_ns_ = filled(unexplained_left_ns_, kUnexplained, sight);
  // What it claims may have been taken in turns, and is paid for with them.
  uint64_t unexplained = sight.unexplained_ns - seen_.unexplained_ns;
  unexplained -= take(unexplained_left_ns_, unexplained);
  unexplained -= take(claimed, unexplained);
  const uint64_t explained = take(claimed, taken);
  const uint64_t silent = taken - explained;
  const uint64_t charged = silent - take(unasked_left_ns_, silent);
  charge_ns = explained - take(burst_ns_, explained) + charged;
  // More than it had taken when it was asked: since then, or in the turn that went on. What is of
  // children that have died since they were looked at isn't known, and brings room instead.
  const uint64_t processor = processor_ns();
  early_claims_ns_ = std::min(claimed, processor - std::min(processor, sight.until_ns));
  charged_left_ns_ += std::min(claimed, kCharged.at_once_ns);
  judge_rests(silent, sight);
  seen(sight);
  if (unexplained != 0) return guilty(unexplained, "more in its turns than it said");
  if (charged > take(charged_left_ns_, charged)) return guilty(silent, "outside its turns");
  return Verdict::kNothing;
}

}  // namespace aliquot
