// What an arbiter must remember to go on after its device host's death, and how it does.
#include "device_host/arbiter/arbiter.h"

#include <algorithm>

namespace aliquot::arbiter {

ArbiterMemory Arbiter::memory() const {
  ArbiterMemory memory;
  memory.policy = policy_;
  memory.held = holder_ != nullptr;
  memory.holder = holder_ != nullptr ? holder_->first : 0;
  memory.deadline_ns = deadline_ns_;
  memory.charged_ns = charged_ns_;
  memory.last_ns = last_ns_;
  memory.phase_ns = phase_ns_;
  return memory;
}

MemberMemory Arbiter::member_memory(const Entry& entry) const {
  const auto& [vgpu, member] = entry;
  MemberMemory memory;
  memory.vgpu = vgpu;
  memory.maximum = member.title.maximum;
  memory.running = member.title.running ? 1 : 0;
  memory.wants = member.state == State::kAway ? 0 : 1;
  memory.since_ns = member.since_ns;
  memory.longest_wait_ns = member.longest_wait_ns;
  memory.settled_ns = member.settled_ns;
  memory.balance_ns = accounts_.balance(vgpu);
  memory.tokens = member.limit.tokens();
  memory.account = member.account;
  return memory;
}

void Arbiter::resume(const ArbiterMemory& memory, const std::vector<MemberMemory>& members,
                     std::optional<uint64_t> holder, uint64_t now) {
  policy_ = memory.policy;
  last_ns_ = std::min(memory.last_ns, now);
  phase_ns_ = memory.phase_ns % kOne;
  int64_t sum = 0;
  for (const MemberMemory& told : members) {
    Entry* entry = find(told.vgpu);
    if (entry == nullptr) continue;
    Member& member = entry->second;
    member.title.maximum = std::max(told.maximum, 1u);
    member.title.running = told.running != 0;
    member.state = told.wants != 0 ? State::kWaiting : State::kAway;
    member.since_ns = std::min(told.since_ns, last_ns_);
    member.longest_wait_ns = told.longest_wait_ns;
    member.settled_ns = told.settled_ns;
    member.account = told.account;
    accounts_.resume(told.vgpu, told.balance_ns);
    sum += told.balance_ns;
  }
  // Of a vGPU that couldn't be taken over the balance is missing: the others settle it.
  if (sum != 0) {
    constexpr uint64_t kNobody = ~uint64_t{0};
    accounts_.resume(kNobody, -sum);
    accounts_.close(kNobody);
  }
  if (memory.held) {
    Entry* entry = find(memory.holder);
    if (entry != nullptr && entry->second.state == State::kWaiting) {
      entry->second.state = State::kHolding;
      holder_ = entry;
      deadline_ns_ = memory.deadline_ns;
      charged_ns_ = memory.charged_ns;
    }
  }
  refresh();
  for (const MemberMemory& told : members)
    if (Entry* entry = find(told.vgpu)) entry->second.limit.resume(told.tokens);
  // Death may have come between a grant, or the end of a turn, and its being remembered.
  if (holder_ != nullptr && holder != holder_->first) enter(*holder_, State::kAway);
  Entry* entry = holder ? find(*holder) : nullptr;
  if (entry != nullptr && entry != holder_) {
    enter(*entry, State::kHolding);
    ++entry->second.account.turns;
  }
  if (holder_ != nullptr) deadline_ns_ = std::min(deadline_ns_, now);
}

}  // namespace aliquot::arbiter
