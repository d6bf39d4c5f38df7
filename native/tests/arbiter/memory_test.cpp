// An arbiter that goes on where another one was.
#include <vector>

#include "check.h"
#include "device_host/arbiter/arbiter.h"

using namespace aliquot::arbiter;

namespace {

constexpr uint64_t kMillisecond = 1'000'000;

struct Trial : Doer {
  void grant(uint64_t vgpu, uint64_t) override {
    granted = vgpu;
    ++grants;
  }
  void recall(uint64_t, uint64_t) override {}

  std::vector<MemberMemory> members() const {
    std::vector<MemberMemory> members;
    arbiter.remember_members([&](const MemberMemory& member) { members.push_back(member); });
    return members;
  }
  int64_t sum() const {
    int64_t sum = 0;
    for (const MemberMemory& member : members()) sum += member.balance_ns;
    return sum;
  }

  Arbiter arbiter{*this};
  uint64_t now = 1'000'000'000;
  uint64_t granted = 0;
  int grants = 0;
};

constexpr Shares kShares[] = {{.guarantee = 2'000}, {.weight = 3}, {.limit = 4'000}};

// Three that want the device all the time, for a while; the device is held in the end.
void run(Trial& trial) {
  Policy policy;
  policy.turn_ns = 3 * kMillisecond;
  policy.averaging = 2;
  trial.arbiter.set_policy(policy, trial.now);
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) {
    trial.arbiter.add(vgpu, kShares[vgpu - 1], trial.now);
    trial.arbiter.set_running(vgpu, true, trial.now);
    trial.arbiter.wants(vgpu, trial.now);
  }
  for (int turn = 0; turn < 100; ++turn) {
    trial.now += 2 * kMillisecond + 4711 * static_cast<uint64_t>(turn % 7);
    const auto holder = trial.arbiter.holder();
    if (holder) trial.arbiter.finished(*holder, true, trial.now, {4711, 815});
    trial.arbiter.look(trial.now);
  }
  while (!trial.arbiter.holder()) trial.arbiter.look(trial.now += kMillisecond);
}

void resume(const Trial& before, Trial& after, std::optional<uint64_t> holder,
            uint64_t without = 0) {
  after.now = before.now + 5 * kMillisecond;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu)
    if (vgpu != without) after.arbiter.add(vgpu, kShares[vgpu - 1], after.now);
  CHECK(after.grants == 0);
  after.arbiter.resume(before.arbiter.memory(), before.members(), holder, after.now);
  CHECK(after.grants == 0 && after.arbiter.holder() == holder && after.sum() == 0);
}

}  // namespace

void test_another_arbiter_goes_on() {
  Trial before, after;
  run(before);
  const uint64_t holder = *before.arbiter.holder();
  resume(before, after, holder);
  CHECK(after.arbiter.policy().averaging == 2);
  CHECK(after.arbiter.turn_ns() == 3 * kMillisecond);
  CHECK(after.arbiter.deadline() <= after.now);  // the turn is over
  const auto old = before.members(), now = after.members();
  CHECK(old.size() == 3 && now.size() == 3);
  for (size_t index = 0; index < now.size(); ++index) {
    CHECK(now[index].balance_ns == old[index].balance_ns);
    CHECK(now[index].account.held_ns == old[index].account.held_ns);
    CHECK(now[index].account.turns == old[index].account.turns);
    CHECK(now[index].account.limited_ns == old[index].account.limited_ns);
    CHECK(now[index].account.withheld_ns == old[index].account.withheld_ns);
    CHECK(now[index].wants == 1 && now[index].running == 1);
    CHECK(now[index].tokens.ns == old[index].tokens.ns);
  }
  // What was held while no device host was there is charged, until it is given back; then others go
  // on.
  const uint64_t had = after.arbiter.account(holder, before.now).held_ns;
  after.now += kMillisecond;
  CHECK(after.arbiter.account(holder, after.now).held_ns == had + 6 * kMillisecond);
  after.arbiter.finished(holder, true, after.now);
  CHECK(after.grants == 1 && after.granted != holder && after.sum() == 0);
}

void test_a_grant_nobody_remembered() {
  Trial before, after;
  run(before);
  const uint64_t holder = *before.arbiter.holder(), other = holder % 3 + 1;
  resume(before, after, other);
  after.now += kMillisecond;
  CHECK(after.arbiter.account(other, after.now).turns ==
        before.arbiter.account(other, before.now).turns + 1);
  after.arbiter.finished(other, false, after.now);
  CHECK(after.arbiter.holder() != other && after.sum() == 0);
}

void test_a_turn_whose_end_nobody_remembered() {
  Trial before, after;
  run(before);
  resume(before, after, std::nullopt);
  after.arbiter.look(after.now);
  CHECK(after.grants == 1 && after.granted != *before.arbiter.holder());
}

void test_a_vgpu_that_was_lost() {
  for (uint64_t lost = 1; lost <= 3; ++lost) {
    Trial before, after;
    run(before);
    const auto holder = before.arbiter.holder();
    resume(before, after, holder == lost ? std::nullopt : holder, lost);
    CHECK(after.members().size() == 2);
  }
}
