// The arbiter's accounts: what goes by with time.
#include <algorithm>
#include <cmath>

#include "device_host/arbiter/arbiter.h"

namespace aliquot::arbiter {

void Arbiter::accrue(uint64_t now) {
  if (now > last_ns_) {
    const uint64_t passed = now - last_ns_;
    for (auto& entry : members_) {
      Member& member = entry.second;
      if (member.state == State::kWaiting) {
        member.account.waited_ns += passed;
        if (!member.limit.open()) member.account.limited_ns += passed;
      }
      member.limit.pass(passed, &entry == holder_);
    }
    if (holder_) {
      Account& account = holder_->second.account;
      account.held_ns += passed;
      if (now > deadline_ns_) account.overrun_ns += now - std::max(last_ns_, deadline_ns_);
      charge_holder(passed);
      pay_by_absence(passed);
    }
    last_ns_ = now;
  }
  let_lapse();
}

void Arbiter::charge_holder(uint64_t ns) {
  // With no rate of its own it has what nobody else can use: that costs nobody anything. And who is
  // alone owes to itself.
  const uint64_t rate = holder_->second.rate;
  if (rate == 0 || rate == kOne) return;
  accounts_.charge(holder_->first, ns, active(), phase_ns_);
  charged_ns_ += ns;
  phase_ns_ = (phase_ns_ + ns) % kOne;
}

// Takes back what was charged: of a turn that was its alone for a while, the part that wasn't. Who
// else came or went during the turn makes no difference worth counting.
void Arbiter::spare_holder(Unused unused) {
  Member& holder = holder_->second;
  const uint64_t turn_ns = last_ns_ - holder.since_ns;
  const uint64_t withheld_ns = std::min(unused.withheld_ns, turn_ns);
  const uint64_t handing_over_ns = std::min(unused.handing_over_ns, turn_ns - withheld_ns);
  const uint64_t ns = handing_over_ns + withheld_ns;
  holder.account.spared_ns += handing_over_ns;
  holder.account.withheld_ns += withheld_ns;
  holder.limit.refund(ns);
  const uint64_t charged_ns = std::min(charged_ns_, turn_ns);
  if (charged_ns == 0) return;
  turn_length_.ended(ns);
  const double part = static_cast<double>(charged_ns) / static_cast<double>(turn_ns);
  accounts_.refund(holder_->first, static_cast<uint64_t>(static_cast<double>(ns) * part), active());
}

std::vector<Accounts::Part> Arbiter::active() const {
  std::vector<Accounts::Part> active;
  for (const auto& [vgpu, member] : members_)
    if (member.state != State::kAway) active.emplace_back(vgpu, member.rate);
  return active;
}

void Arbiter::pay_by_absence(uint64_t ns) {
  for (auto& [vgpu, member] : members_) {
    if (member.state != State::kAway || accounts_.balance(vgpu) >= 0) continue;
    if (!member.absent_rate)
      member.absent_rate = static_cast<uint64_t>(rates_with(&member).front() * kOne);
    const double forgone =
        static_cast<double>(ns) * static_cast<double>(*member.absent_rate) / kOne;
    accounts_.cancel(vgpu, static_cast<uint64_t>(std::llround(forgone)));
  }
}

void Arbiter::let_lapse() {
  const auto kept = static_cast<int64_t>(turn_ns() / 2);
  for (auto& [vgpu, member] : members_) {
    if (member.state != State::kAway) continue;
    member.limit.spill();
    if (last_ns_ - member.since_ns <= kPatience) continue;
    const int64_t balance = accounts_.balance(vgpu);
    if (balance > kept) accounts_.cancel(vgpu, static_cast<uint64_t>(balance - kept));
  }
}

std::vector<double> Arbiter::rates_with(const Member* absent) const {
  std::vector<const Title*> titles;
  if (absent) titles.push_back(&absent->title);
  for (const auto& [vgpu, member] : members_)
    if (member.state != State::kAway) titles.push_back(&member.title);
  return rates_of(policy_, titles, running());
}

void Arbiter::refresh() {
  const uint32_t sharing = running();
  in_haste_ = std::any_of(members_.begin(), members_.end(), [](const auto& entry) {
    return entry.second.title.shares.priority == PriorityClass::kLatency;
  });
  for (auto& [vgpu, member] : members_) {
    member.limit.set(limit_of(policy_, member.title, sharing), turn_ns());
    member.rate = 0;
    member.absent_rate.reset();
  }
  // Where limits leave some of the device to nobody, nobody is charged for that either: the device
  // is not held then. While it is, the time falls to those who want it, in proportion of their
  // rates.
  const std::vector<double> rates = rates_with(nullptr);
  double sum = 0;
  for (const double rate : rates) sum += rate;
  if (sum <= 0) return;
  double so_far = 0;
  uint64_t given = 0;
  auto next = rates.begin();
  for (auto& [vgpu, member] : members_) {
    if (member.state == State::kAway) continue;
    so_far += *next++;
    const auto upto = static_cast<uint64_t>(std::llround(std::min(so_far / sum, 1.0) * kOne));
    member.rate = upto - std::exchange(given, upto);
  }
}

uint32_t Arbiter::running() const {
  return static_cast<uint32_t>(
      std::count_if(members_.begin(), members_.end(),
                    [](const auto& entry) { return entry.second.title.running; }));
}

}  // namespace aliquot::arbiter
