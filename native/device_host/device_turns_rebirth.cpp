// The turns beyond a device host's death: what is remembered of them, and how another one goes on.
#include <algorithm>
#include <utility>

#include "device_host/device_turns.h"
#include "device_host/state_entries.h"

namespace aliquot {

namespace {

struct MemberImage {
  arbiter::MemberMemory arbiter;
  uint64_t busy_ns, hand_over_ns;
  uint32_t hand_overs;
  CopyAccount::Sums copies;
};

struct TurnsImage {
  arbiter::ArbiterMemory arbiter;
  uint64_t count;
  MemberImage members[DeviceTurns::kMostMembers];
};
static_assert(sizeof(TurnsImage) <= StateMemory::kMostTurnsBytes);

constexpr size_t bytes_of(uint64_t members) {
  return offsetof(TurnsImage, members) + members * sizeof(MemberImage);
}

}  // namespace

void DeviceTurns::remember() {
  if (!remembers_) return;
  auto* image = static_cast<TurnsImage*>(state_.begin_turns());
  if (image == nullptr) return;
  image->arbiter = arbiter_.memory();
  uint64_t count = 0;
  arbiter_.remember_members([&](const arbiter::MemberMemory& memory) {
    const auto member = members_.find(memory.vgpu);
    if (member == members_.end() || count == kMostMembers) return;
    image->members[count++] = {memory, member->second.busy_ns, member->second.hand_over_ns,
                               member->second.hand_overs, member->second.copies.sums()};
  });
  image->count = count;
  state_.end_turns(bytes_of(count));
}

void DeviceTurns::begin_rebirth() {
  remembers_ = false;
  for (const auto& [slot, entry] : state_.all<PastTurnsEntry>())
    inherited_[entry.vgpu] = {slot, entry.past};
}

bool DeviceTurns::adopt_worker(uint64_t vgpu, TurnPeer peer, Descriptor memory, void* page,
                               const TurnWitness::Claims& outside) {
  Member* member = join(vgpu);
  if (member == nullptr || !memory || page == nullptr) return false;
  member->peer = std::move(peer);
  member->page = std::make_unique<TurnPageMemory>();
  member->page->adopt(std::move(memory), page);
  member->page->limit_copies(member->known->copy_limit);
  member->page->limit_memory(member->known->memory_limit);
  member->claims = outside;
  return true;
}

void DeviceTurns::worker_resumed(uint64_t vgpu, pid_t worker, uint64_t children_ns) {
  Member* member = find(vgpu);
  if (member == nullptr || processors_ == 0) return;
  if (!member->witness.resume(worker, now_ns(), children_ns, member->claims, processors_)) return;
  member->withheld.begin(worker, processors_);
  watch_workers();
}

TurnWitness::Claims DeviceTurns::claims(uint64_t vgpu) const {
  const auto found = members_.find(vgpu);
  return found == members_.end() ? TurnWitness::Claims() : found->second.witness.claims();
}

void DeviceTurns::resume() {
  size_t bytes = 0;
  const auto* image = static_cast<const TurnsImage*>(state_.turns(bytes));
  const bool sound = image != nullptr && bytes >= bytes_of(0) && image->count <= kMostMembers &&
                     bytes == bytes_of(image->count);
  std::optional<uint64_t> holder;
  for (const auto& [vgpu, member] : members_)
    if (member.page && member.page->holds()) holder = vgpu;
  arbiter::ArbiterMemory memory;
  std::vector<arbiter::MemberMemory> members;
  if (sound) memory = image->arbiter;
  for (uint64_t index = 0; sound && index < image->count; ++index) {
    const MemberImage& told = image->members[index];
    Member* member = join(told.arbiter.vgpu);
    if (member == nullptr) continue;
    if (!member->page) leaving_.insert(told.arbiter.vgpu);
    members.push_back(told.arbiter);
    member->busy_ns = told.busy_ns;
    member->hand_over_ns = told.hand_over_ns;
    member->hand_overs = told.hand_overs;
    member->copies.resume(told.copies);
    if (!member->page) members.back().wants = 0;  // its worker has gone with the device host
    if (members.back().wants != 0) member->wanted_since = now_ns();
  }
  const uint64_t now = now_ns();
  arbiter_.resume(memory, members, holder, now);
  if (Member* member = holder ? find(*holder) : nullptr) {
    member->wanted_since = 0;
    member->witness.granted();
    member->withheld.granted();
    recall(*holder, now);
  }
  for (auto& [vgpu, nobodys] : inherited_) state_.erase(nobodys.first);
  inherited_.clear();
  remembers_ = true;
  arbiter_.look(now);
  let_rest(now);
  for (auto& [vgpu, member] : members_) show(vgpu, member);
  arm();
}

}  // namespace aliquot
