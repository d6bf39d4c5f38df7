// The arbiter's decisions: who has the device next, and until when.
#include <algorithm>

#include "device_host/arbiter/arbiter.h"

namespace aliquot::arbiter {
namespace {

// Not worth a signal to a worker: the rest of a turn that would be cut off.
constexpr uint64_t kTrifle = 50'000;

}  // namespace

// What is owed to it in proportion of its rate: the largest is next. With averaging over N turns
// only an Nth counts of what was settled before: others come in between.
double Arbiter::score(const Entry& entry) const {
  const auto& [vgpu, member] = entry;
  if (member.rate == 0) return 0;
  const double averaging = std::clamp(policy_.averaging, 1u, 60u);
  const auto settled = static_cast<double>(member.settled_ns);
  const double owed = static_cast<double>(accounts_.balance(vgpu)) - settled * (1 - 1 / averaging);
  return owed * kOne / static_cast<double>(member.rate);
}

// Of the class `latency`, and within its share.
bool Arbiter::urgent(const Entry& entry) const {
  const auto& [vgpu, member] = entry;
  return member.title.shares.priority == PriorityClass::kLatency && member.rate > 0 &&
         accounts_.balance(vgpu) >= -static_cast<int64_t>(turn_ns() / 2);
}

bool Arbiter::before(const Entry& one, const Entry& other) const {
  if (urgent(one) != urgent(other)) return urgent(one);
  const bool has_rate = one.second.rate > 0;
  if (has_rate != (other.second.rate > 0)) return has_rate;
  const double scores[] = {score(one), score(other)};
  if (scores[0] != scores[1]) return scores[0] > scores[1];
  if (one.second.since_ns != other.second.since_ns)
    return one.second.since_ns < other.second.since_ns;
  return one.first < other.first;
}

Arbiter::Entry* Arbiter::first_waiting(const Entry* besides) {
  Entry* first = nullptr;
  for (auto& entry : members_) {
    if (entry.second.state != State::kWaiting || !entry.second.limit.open() || &entry == besides)
      continue;
    if (!first || before(entry, *first)) first = &entry;
  }
  return first;
}

// When the holder must give the device to its rival, or has spent what its limit gave it.
uint64_t Arbiter::end_of_turn(const Entry& holder, const Entry* rival) const {
  const uint64_t limit_ns = holder.second.limit.lasts_ns();
  const uint64_t spent = limit_ns < kNoTime - last_ns_ ? last_ns_ + limit_ns : kNoTime;
  if (!rival || rival->second.rate == 0) return spent;
  if (holder.second.rate == 0 || (urgent(*rival) && !urgent(holder))) return last_ns_;
  // Each nanosecond brings their scores nearer by 1 / rate. At the end they should be apart by as
  // much as they were at the start, the other way round: half a turn beyond the point of equality.
  const double ahead =
      (score(holder) - score(*rival)) * static_cast<double>(holder.second.rate) / kOne;
  uint64_t fair = last_ns_;
  if (ahead > 0)
    fair += static_cast<uint64_t>(
        std::min(ahead + static_cast<double>(turn_ns()) / 2, static_cast<double>(kLongestTurn)));
  // A rival that is owed more than a turn waits for no more than half of one: a program that waits
  // for each of its commands wants the device often and briefly, and would hardly get what it's
  // owed.
  const bool owes = -ahead > static_cast<double>(turn_ns());
  return std::min(spent, std::max(fair, holder.second.since_ns + turn_ns() / (owes ? 2 : 1)));
}

void Arbiter::settle() {
  if (!holder_) return grant_next();
  const uint64_t end = std::max(end_of_turn(*holder_, first_waiting()), last_ns_);
  if (deadline_ns_ != kNoTime && end + kTrifle >= deadline_ns_) return;
  if (end == kNoTime) return;
  deadline_ns_ = end;
  doer_.recall(holder_->first, end);
}

void Arbiter::grant_next() {
  Entry* next = first_waiting();
  if (!next) return;
  enter(*next, State::kHolding);
  ++next->second.account.turns;
  deadline_ns_ = end_of_turn(*next, first_waiting());
  doer_.grant(next->first, deadline_ns_);
}

// The holder's turn ends. What it took beyond that others are owed for longer than for this moment.
void Arbiter::settle_overrun() {
  const Member& holder = std::exchange(holder_, nullptr)->second;
  const uint64_t end = std::max(deadline_ns_, holder.since_ns);
  if (last_ns_ <= end) return;
  const double overrun = static_cast<double>(last_ns_ - end) / kOne;
  for (auto& [vgpu, member] : members_)
    if (member.state == State::kWaiting)
      member.settled_ns += static_cast<int64_t>(overrun * static_cast<double>(member.rate));
}

void Arbiter::enter(Entry& entry, State state) {
  auto& [vgpu, member] = entry;
  const State old = std::exchange(member.state, state);
  if (old == State::kWaiting) {
    const uint64_t waited = last_ns_ - member.since_ns;
    member.longest_wait_ns = std::max(member.longest_wait_ns, waited);
    member.account.longest_wait_ns = std::max(member.account.longest_wait_ns, waited);
  }
  if (old == State::kAway) member.longest_wait_ns = 0;
  if (&entry == holder_) settle_overrun();
  if (state == State::kHolding) {
    holder_ = &entry;
    charged_ns_ = 0;
  }
  member.since_ns = last_ns_;
  if (state == State::kAway) {
    // Whoever leaves again and again, with more owed to it each time than it makes use of, does not
    // save that up without end.
    const auto kept = static_cast<int64_t>(std::max(kPatience, member.longest_wait_ns));
    const int64_t balance = accounts_.balance(vgpu);
    if (balance > kept) accounts_.cancel(vgpu, static_cast<uint64_t>(balance - kept));
  }
  if (state != State::kHolding) member.settled_ns = accounts_.balance(vgpu);
  if (old == State::kAway || state == State::kAway) refresh();
}

}  // namespace aliquot::arbiter
