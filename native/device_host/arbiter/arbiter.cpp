#include "device_host/arbiter/arbiter.h"

#include <algorithm>

namespace aliquot::arbiter {

void Arbiter::set_policy(const Policy& policy, uint64_t now) {
  accrue(now);
  policy_ = policy;
  refresh();
  settle();
}

uint64_t Arbiter::usual_turn_ns() const {
  constexpr uint64_t kMillisecond = 1'000'000;
  if (policy_.turn_ns != 0) return std::clamp(policy_.turn_ns, kMillisecond, kLongestTurn);
  return members_.size() <= 8 ? 2 * kMillisecond : kMillisecond;
}

uint64_t Arbiter::turn_ns() const {
  const uint64_t usual = usual_turn_ns();
  // Who is in haste waits for the kernels that are under way, and those fill a turn.
  return policy_.turn_ns != 0 || in_haste_ ? usual : turn_length_.of(usual);
}

uint32_t Arbiter::guaranteed() const {
  uint32_t sum = 0;
  for (const auto& [vgpu, member] : members_) sum += member.title.shares.guarantee;
  return sum;
}

void Arbiter::add(uint64_t vgpu, const Shares& shares, uint64_t now, const Account& before) {
  accrue(now);
  const auto [entry, is_new] = members_.try_emplace(vgpu);
  entry->second.title.shares = shares;
  if (is_new) {
    entry->second.since_ns = last_ns_;
    entry->second.account = before;
    accounts_.open(vgpu);
  }
  refresh();
  settle();
}

void Arbiter::set_shares(uint64_t vgpu, const Shares& shares, uint64_t now) {
  accrue(now);
  if (Entry* entry = find(vgpu)) entry->second.title.shares = shares;
  refresh();
  settle();
}

void Arbiter::set_maximum(uint64_t vgpu, uint32_t maximum, uint64_t now) {
  accrue(now);
  if (Entry* entry = find(vgpu)) entry->second.title.maximum = std::max(maximum, 1u);
  refresh();
  settle();
}

void Arbiter::set_running(uint64_t vgpu, bool running, uint64_t now) {
  accrue(now);
  if (Entry* entry = find(vgpu)) entry->second.title.running = running;
  refresh();
  settle();
}

void Arbiter::remove(uint64_t vgpu, uint64_t now) {
  accrue(now);
  if (Entry* entry = find(vgpu)) {
    if (entry == holder_) holder_ = nullptr;
    accounts_.close(vgpu);
    members_.erase(vgpu);
    refresh();
  }
  settle();
}

void Arbiter::lost_worker(uint64_t vgpu, uint64_t now) {
  accrue(now);
  Entry* entry = find(vgpu);
  if (entry && entry->second.state != State::kAway) enter(*entry, State::kAway);
  settle();
}

void Arbiter::wants(uint64_t vgpu, uint64_t now) {
  accrue(now);
  Entry* entry = find(vgpu);
  if (entry && entry->second.state == State::kAway) enter(*entry, State::kWaiting);
  settle();
}

void Arbiter::finished(uint64_t vgpu, bool more, uint64_t now, Unused unused) {
  accrue(now);
  Entry* entry = find(vgpu);
  if (entry && entry == holder_) {
    spare_holder(unused);
    enter(*entry, more ? State::kWaiting : State::kAway);
  }
  settle();
}

void Arbiter::charge_outside(uint64_t vgpu, uint64_t ns, uint64_t now) {
  accrue(now);
  if (Entry* entry = find(vgpu)) {
    entry->second.account.outside_ns += ns;
    entry->second.limit.charge(ns);
    // Owed to those that wanted the device meanwhile; where nobody did, to all in equal parts.
    std::vector<Accounts::Part> active, others;
    for (const auto& [other, member] : members_) {
      if (other == vgpu) continue;
      others.emplace_back(other, 1);
      if (member.rate > 0) active.emplace_back(other, member.rate);
    }
    accounts_.charge(vgpu, ns, active.empty() ? others : active);
  }
  settle();
}

uint64_t Arbiter::next_look() const {
  uint64_t next = kNoTime;
  for (const auto& [vgpu, member] : members_) {
    if (member.state != State::kWaiting || member.limit.open()) continue;
    const uint64_t wait = member.limit.opens_in_ns();
    if (wait < kNoTime - last_ns_) next = std::min(next, last_ns_ + wait);
  }
  return next;
}

void Arbiter::look(uint64_t now) {
  accrue(now);
  settle();
}

std::optional<uint64_t> Arbiter::holder() const {
  if (!holder_) return std::nullopt;
  return holder_->first;
}

bool Arbiter::limited(uint64_t vgpu) const {
  const auto found = members_.find(vgpu);
  return found != members_.end() && found->second.state == State::kWaiting &&
         !found->second.limit.open();
}

uint64_t Arbiter::held_since() const { return holder_ ? holder_->second.since_ns : kNoTime; }

uint64_t Arbiter::deadline() const { return holder_ ? deadline_ns_ : kNoTime; }

bool Arbiter::contended() const {
  for (const auto& [vgpu, member] : members_)
    if (member.state == State::kWaiting && member.limit.open()) return true;
  return false;
}

Account Arbiter::account(uint64_t vgpu, uint64_t now) const {
  if (now > last_ns_) {
    Arbiter then(*this);  // reading changes nothing
    if (holder_) then.holder_ = then.find(holder_->first);
    then.accrue(now);
    return then.account(vgpu, now);
  }
  const auto found = members_.find(vgpu);
  if (found == members_.end()) return {};
  const Member& member = found->second;
  Account account = member.account;
  account.balance_ns = accounts_.balance(vgpu);
  if (member.state == State::kWaiting)
    account.longest_wait_ns = std::max(account.longest_wait_ns, last_ns_ - member.since_ns);
  return account;
}

double Arbiter::rate(uint64_t vgpu) const {
  const auto found = members_.find(vgpu);
  if (found == members_.end()) return 0;
  std::vector<const Title*> titles{&found->second.title};
  for (const auto& [other, member] : members_)
    if (other != vgpu && member.state != State::kAway) titles.push_back(&member.title);
  return rates_of(policy_, titles, running()).front();
}

Arbiter::Entry* Arbiter::find(uint64_t vgpu) {
  const auto found = members_.find(vgpu);
  return found == members_.end() ? nullptr : &*found;
}

}  // namespace aliquot::arbiter
