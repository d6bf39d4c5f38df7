// vGPUs that nobody leases take no part in the turns: they make no turn shorter, and nothing is written
// about them when others' turns change. What they have had is kept for when they come back.
#include <algorithm>
#include <utility>

#include "device_host/device_turns.h"
#include "device_host/state_entries.h"

namespace aliquot {

// nullptr: there is no room for another.
DeviceTurns::Member* DeviceTurns::join(uint64_t vgpu) {
  leaving_.erase(vgpu);
  if (Member* member = find(vgpu)) return member;
  Known* known = find_known(vgpu);
  if (known == nullptr || !has_room()) return nullptr;
  Member& member = members_[vgpu];
  member.known = known;
  member.busy_ns = known->past.busy_ns;
  member.copies.resume(known->past.copies);
  const uint64_t now = now_ns();
  arbiter_.add(vgpu, known->shares, now, known->past.account);
  arbiter_.set_maximum(vgpu, known->maximum, now);
  arm();
  return &member;
}

void DeviceTurns::rest(uint64_t vgpu) {
  if (find(vgpu) == nullptr) return;
  leaving_.insert(vgpu);
  let_rest(now_ns());
}

// Who owes stays until that is paid: else ending a worker would be a way out of debts. Less than a turn
// is no debt, as claims of that size lapse, too; and what one that leaves was owed nobody owes any more.
void DeviceTurns::let_rest(uint64_t now) {
  if (leaving_.empty()) return;
  arbiter_.look(now);
  for (bool anybody = true; anybody;) {
    anybody = false;
    const auto most = static_cast<int64_t>(arbiter_.turn_ns());
    for (auto next = leaving_.begin(); next != leaving_.end();) {
      const uint64_t vgpu = *next;
      if (arbiter_.balance(vgpu) < -most) {
        ++next;
        continue;
      }
      Known& known = known_.at(vgpu);
      known.past = past_of(vgpu, now);
      known.past.account.balance_ns = 0;
      // Before it is gone from what is remembered of the turns.
      state_.save(known.past_slot, PastTurnsEntry{vgpu, known.past});
      members_.erase(vgpu);
      arbiter_.remove(vgpu, now);
      next = leaving_.erase(next);
      anybody = true;
    }
  }
  arm();
}

PastTurns DeviceTurns::past_of(uint64_t vgpu, uint64_t now) const {
  const auto member = members_.find(vgpu);
  if (member != members_.end())
    return {arbiter_.account(vgpu, now), member->second.busy_ns, member->second.copies.sums()};
  const auto known = known_.find(vgpu);
  return known == known_.end() ? PastTurns() : known->second.past;
}

void DeviceTurns::inherit(uint64_t vgpu, Known& known) {
  const auto found = inherited_.find(vgpu);
  if (found == inherited_.end()) return;
  std::tie(known.past_slot, known.past) = found->second;
  inherited_.erase(found);
}

}  // namespace aliquot
