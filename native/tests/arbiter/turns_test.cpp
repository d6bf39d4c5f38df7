// What the arbiter decides, step by step.
#include <cmath>
#include <vector>

#include "check.h"
#include "device_host/arbiter/arbiter.h"

using namespace aliquot::arbiter;

namespace {

constexpr uint64_t kMillisecond = 1'000'000;

struct Said {
  uint64_t vgpu;
  uint64_t deadline;
};

struct Trial : Doer {
  void grant(uint64_t vgpu, uint64_t deadline_ns) override {
    granted = {vgpu, deadline_ns};
    ++grants;
  }
  void recall(uint64_t vgpu, uint64_t deadline_ns) override {
    recalled = {vgpu, deadline_ns};
    ++recalls;
  }
  int64_t balance(uint64_t vgpu) { return arbiter.account(vgpu, now).balance_ns; }
  void add(uint64_t vgpu, Shares shares = {}) { arbiter.add(vgpu, shares, now); }
  void wants(uint64_t vgpu) { arbiter.wants(vgpu, now); }
  void finished(uint64_t vgpu, bool more = true) { arbiter.finished(vgpu, more, now); }

  Arbiter arbiter{*this};
  uint64_t now = 1'000'000'000;
  Said granted{}, recalled{};
  int grants = 0, recalls = 0;
};

constexpr Shares kBatch{.priority = PriorityClass::kBatch};
constexpr Shares kLatency{.priority = PriorityClass::kLatency};

// Thirds don't come out even.
bool about(int64_t ns, int64_t expected) { return std::abs(ns - expected) < 10; }

}  // namespace

void test_one_alone() {
  Trial trial;
  trial.add(1);
  trial.add(2);
  trial.wants(1);
  CHECK(trial.granted.vgpu == 1 && trial.granted.deadline == kNoTime);
  CHECK(!trial.arbiter.contended() && trial.arbiter.next_look() == kNoTime);
  trial.now += 500 * kMillisecond;
  CHECK(trial.balance(1) == 0 && trial.balance(2) == 0);
  // Another comes: the device is its at once.
  trial.wants(2);
  CHECK(trial.arbiter.contended());
  CHECK(trial.recalls == 1 && trial.recalled.vgpu == 1 && trial.recalled.deadline == trial.now);
  trial.now += 100'000;
  trial.finished(1);
  CHECK(trial.granted.vgpu == 2 && trial.arbiter.holder() == 2u);
}

void test_two_in_turn() {
  Trial trial;
  trial.add(1);
  trial.add(2);
  trial.wants(1);
  trial.wants(2);
  CHECK(trial.recalled.deadline == trial.now + 2 * kMillisecond);
  for (int i = 0; i < 10; ++i) {
    trial.now = trial.arbiter.deadline() + 10'000;
    const uint64_t holder = *trial.arbiter.holder();
    trial.finished(holder);
    CHECK(trial.granted.vgpu == 3 - holder);
    CHECK(trial.balance(1) + trial.balance(2) == 0);
    CHECK(std::abs(trial.balance(1)) < 2 * static_cast<int64_t>(kMillisecond));
  }
  CHECK(trial.grants == 11 && trial.recalls == 1);
}

// However often somebody looks, thirds remain thirds.
void test_small_steps() {
  Trial trial;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) trial.add(vgpu);
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) trial.wants(vgpu);
  for (int i = 0; i < 3000; ++i) trial.arbiter.look(++trial.now);
  CHECK(about(trial.balance(1), -2000) && about(trial.balance(2), 1000));
}

void test_what_is_withheld_is_not_charged() {
  Trial trial;
  trial.add(1, {.limit = 2500});
  trial.wants(1);
  trial.now += 6 * kMillisecond;
  trial.arbiter.finished(1, true, trial.now, {kMillisecond, 4 * kMillisecond});
  CHECK(trial.arbiter.holder() == 1);  // one millisecond of its limit is gone
  const Account account = trial.arbiter.account(1, trial.now);
  CHECK(account.withheld_ns == 4 * kMillisecond && account.spared_ns == kMillisecond);
  trial.now += 8 * kMillisecond;
  trial.arbiter.finished(1, true, trial.now);
  CHECK(!trial.arbiter.holder());
  // Both together are no more than the turn.
  trial.arbiter.look(trial.now += 100 * kMillisecond);
  CHECK(trial.arbiter.holder() == 1);
  trial.arbiter.finished(1, true, trial.now += kMillisecond, {kMillisecond, 4 * kMillisecond});
  CHECK(trial.arbiter.account(1, trial.now).withheld_ns == 5 * kMillisecond);
  CHECK(trial.arbiter.account(1, trial.now).spared_ns == kMillisecond);
}

void test_handing_over_is_spared() {
  Trial trial;
  trial.add(1, {.limit = 5000});
  trial.add(2, {.guarantee = 5000});
  trial.wants(1);
  trial.wants(2);
  trial.now += 2 * kMillisecond;
  CHECK(about(trial.balance(1), -1'500'000));  // 25 beside 75
  trial.arbiter.finished(1, true, trial.now, {400'000, 0});
  CHECK(about(trial.balance(1), -1'200'000) && trial.balance(1) + trial.balance(2) == 0);
  CHECK(trial.arbiter.account(1, trial.now).spared_ns == 400'000);
  // No more than the turn was long.
  trial.now += kMillisecond;
  trial.arbiter.finished(2, true, trial.now, {10 * kMillisecond, 0});
  CHECK(about(trial.balance(1), -1'200'000));
}

void test_long_debts() {
  Trial trial;
  trial.add(1, {.guarantee = 3000});
  trial.add(2, {.guarantee = 7000});
  trial.wants(1);
  trial.wants(2);
  trial.now += 22 * kMillisecond;  // a kernel of 20 ms beyond the end of the turn
  trial.finished(1);
  CHECK(trial.balance(1) == -15'400'000 && trial.balance(2) == 15'400'000);
  // One long turn in which the debt is paid, and half a turn more.
  CHECK(trial.granted.deadline == trial.now + kLongestTurn);
  trial.now += kLongestTurn;
  trial.finished(2);
  CHECK(trial.granted.vgpu == 2);
  CHECK(about(static_cast<int64_t>(trial.granted.deadline - trial.now), 22'333'333));

  // Averaged over ten turns the debtor comes in between.
  trial.arbiter.set_policy({.averaging = 10}, trial.now);
  int turns = 0;
  for (; trial.granted.vgpu == 2 && turns < 20; ++turns) {
    trial.now = trial.arbiter.deadline();
    trial.finished(2);
  }
  CHECK(turns < 20 && trial.balance(1) < 0);
}

// What one had alone cost it nothing, so nothing of that can be given back to it.
void test_only_what_was_charged_is_spared() {
  Trial trial;
  trial.add(1);
  trial.add(2);
  trial.wants(1);
  trial.now += 49 * kMillisecond;
  trial.wants(2);
  trial.now += kMillisecond;
  trial.arbiter.finished(1, true, trial.now, {0, 25 * kMillisecond});
  CHECK(about(trial.balance(1), -250'000) && trial.balance(1) + trial.balance(2) == 0);
  CHECK(trial.arbiter.holder() == 2);
}

void test_returning() {
  Trial trial;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) trial.add(vgpu);
  trial.wants(1);
  trial.now += 50 * kMillisecond;
  trial.wants(2);
  trial.now += 10'000;
  trial.finished(1);
  CHECK(trial.arbiter.holder() == 2u);
  trial.now += 20 * kMillisecond;
  // Whoever comes waits for no more than a turn, even where the holder is owed something.
  trial.wants(3);
  CHECK(trial.arbiter.deadline() <= trial.now + 2 * kMillisecond);
  // The end of a turn that is past already is told once.
  const int recalls = trial.recalls;
  trial.now += 10 * kMillisecond;
  trial.arbiter.look(trial.now);
  CHECK(trial.recalls == recalls);
}

void test_classes() {
  Trial trial;
  trial.add(1);
  trial.add(2, kBatch);
  trial.add(3, kLatency);
  trial.wants(2);
  CHECK(trial.granted.vgpu == 2 && trial.granted.deadline == kNoTime);
  trial.now += kMillisecond / 2;
  trial.wants(1);
  CHECK(trial.recalled.vgpu == 2 && trial.recalled.deadline == trial.now);  // at once
  CHECK(trial.arbiter.rate(2) == 0);
  trial.now += kMillisecond;  // what has no share of its own can't owe any
  CHECK(trial.balance(1) == 0 && trial.balance(2) == 0);
  trial.finished(2);
  CHECK(trial.granted.vgpu == 1 && trial.granted.deadline == kNoTime && trial.arbiter.contended());
  trial.now += kMillisecond / 2;
  CHECK(trial.balance(1) == 0 && trial.balance(2) == 0);
  trial.now += kMillisecond / 2;
  trial.wants(3);
  CHECK(trial.recalled.vgpu == 1 && trial.recalled.deadline == trial.now);
  trial.finished(1);
  CHECK(trial.granted.vgpu == 3 && trial.granted.deadline == trial.now + 2 * kMillisecond);
  trial.now += 4 * kMillisecond;  // 2 ms above its share: now it is as any other
  trial.finished(3);
  CHECK(trial.granted.vgpu == 1);
  trial.now += kMillisecond;
  trial.finished(1, false);
  trial.finished(3, false);
  trial.now += kMillisecond;
  trial.finished(3, false);
  CHECK(trial.granted.vgpu == 2);
}

void test_limits() {
  Trial trial;
  trial.add(1, {.limit = 2500});
  trial.wants(1);
  CHECK(trial.granted.deadline == trial.now + 6'250'000);
  trial.now += 6'300'000;
  trial.finished(1);
  CHECK(!trial.arbiter.holder());
  const uint64_t look = trial.arbiter.next_look();
  CHECK(look > trial.now + 18 * kMillisecond && look < trial.now + 19 * kMillisecond);
  trial.now = look;
  trial.arbiter.look(look);
  CHECK(trial.arbiter.holder() == 1u && trial.arbiter.next_look() == kNoTime);
  // Who doesn't want the device saves up no more than enough for that.
  trial.now += kMillisecond;
  trial.finished(1, false);
  trial.now += 1000 * kMillisecond;
  trial.wants(1);
  CHECK(trial.granted.deadline == trial.now + 6'250'000);
  // One that its limit holds back does not end the turn of another.
  trial.add(2);
  trial.now += 7 * kMillisecond;
  trial.finished(1);
  CHECK(!trial.arbiter.holder());
  trial.wants(2);
  CHECK(trial.granted.vgpu == 2 && trial.granted.deadline == kNoTime && !trial.arbiter.contended());
  const int recalls = trial.recalls;
  trial.now = trial.arbiter.next_look();
  CHECK(trial.recalls == recalls);
  trial.arbiter.look(trial.now);
  CHECK(trial.arbiter.contended() && trial.recalled.vgpu == 2 &&
        trial.recalled.deadline == trial.now);
}

void test_fixed_and_equal_share() {
  Trial trial;
  trial.arbiter.set_policy({.kind = PolicyKind::kFixedShare}, trial.now);
  for (uint64_t vgpu = 1; vgpu <= 2; ++vgpu) {
    trial.add(vgpu);
    trial.arbiter.set_maximum(vgpu, 4, trial.now);
  }
  CHECK(trial.arbiter.rate(1) == 0.25);
  trial.wants(1);
  CHECK(trial.granted.deadline == trial.now + 6'250'000);

  trial.arbiter.set_policy({.kind = PolicyKind::kEqualShare}, trial.now);
  trial.arbiter.set_running(1, true, trial.now);
  CHECK(trial.arbiter.rate(1) == 1);
  trial.arbiter.set_running(2, true, trial.now);
  CHECK(trial.arbiter.rate(1) == 0.5);
  trial.arbiter.set_running(2, false, trial.now);
  CHECK(trial.arbiter.rate(1) == 1);
}

void test_absence() {
  Trial trial;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) trial.add(vgpu);
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) trial.wants(vgpu);
  trial.now += 60 * kMillisecond;
  trial.finished(1);
  CHECK(about(trial.balance(1), -40'000'000) && about(trial.balance(2), 20'000'000));
  trial.finished(2, false);  // away with its claim, which it keeps for a while
  trial.finished(3, false);
  CHECK(trial.arbiter.holder() == 1u);
  trial.now += 100 * kMillisecond;
  CHECK(about(trial.balance(1), -40'000'000) && about(trial.balance(2), 20'000'000));
  trial.now += 1;
  CHECK(trial.balance(2) == 1'000'000 && trial.balance(3) == 1'000'000);
  CHECK(trial.balance(1) == -2'000'000);  // and with claims go debts

  // A debt is paid by staying away while others use the device.
  trial.wants(2);
  trial.finished(1, false);
  CHECK(trial.balance(1) < -1'900'000);
  trial.now += 2 * kMillisecond;
  CHECK(about(trial.balance(1), -1'000'000));
  trial.now += 20 * kMillisecond;
  CHECK(trial.balance(1) == 0 && trial.balance(2) == 0 && trial.balance(3) == 0);

  // What is charged outside turns is owed to those that wanted the device.
  trial.arbiter.charge_outside(1, 5000, trial.now);
  CHECK(trial.balance(1) == -5000 && trial.balance(2) == 5000);
  CHECK(trial.arbiter.account(1, trial.now).outside_ns == 5000);
  trial.arbiter.remove(2, trial.now);
  CHECK(trial.balance(1) == 0);
}

// Where handing over takes a good part of a turn, turns become longer, up to a bound; a policy that
// names a length has it, and so has a vGPU that is in haste.
void test_turns_are_worth_handing_over() {
  Trial trial;
  for (uint64_t vgpu = 1; vgpu <= 2; ++vgpu) {
    trial.add(vgpu);
    trial.wants(vgpu);
  }
  const auto turns_that_lose = [&](uint64_t lost_ns) {
    for (int turn = 0; turn < 600; ++turn) {
      const uint64_t holder = *trial.arbiter.holder();
      trial.now = trial.arbiter.deadline();
      trial.arbiter.finished(holder, true, trial.now, {lost_ns, 0});
    }
    return trial.arbiter.turn_ns();
  };
  CHECK(turns_that_lose(90'000) == 2 * kMillisecond);
  const uint64_t longer = turns_that_lose(200'000);
  CHECK(longer > 3'900'000 && longer <= 4'000'000);
  CHECK(turns_that_lose(1'500'000) == 6 * kMillisecond);
  trial.arbiter.set_policy({.turn_ns = 3 * kMillisecond}, trial.now);
  CHECK(trial.arbiter.turn_ns() == 3 * kMillisecond);
  trial.arbiter.set_policy({}, trial.now);
  CHECK(trial.arbiter.turn_ns() == 6 * kMillisecond);
  trial.add(3, {.priority = PriorityClass::kLatency});
  CHECK(trial.arbiter.turn_ns() == 2 * kMillisecond);
  trial.arbiter.remove(3, trial.now);
  CHECK(turns_that_lose(90'000) == 2 * kMillisecond);
}

void test_changes_take_effect() {
  Trial trial;
  trial.add(1, {.guarantee = 2000});
  trial.add(2, {.guarantee = 4000});
  CHECK(trial.arbiter.guaranteed() == 6000);
  CHECK(trial.arbiter.turn_ns() == 2 * kMillisecond);
  trial.wants(1);
  trial.wants(2);
  CHECK(std::abs(trial.arbiter.rate(1) - 0.4) < 1e-9);
  trial.arbiter.set_shares(1, {.guarantee = 6000}, trial.now);
  CHECK(std::abs(trial.arbiter.rate(1) - 0.6) < 1e-9);
  trial.arbiter.set_policy({.turn_ns = 30 * kMillisecond}, trial.now);
  trial.finished(1);
  CHECK(trial.granted.deadline == trial.now + 30 * kMillisecond);
  trial.arbiter.set_policy({}, trial.now);
  CHECK(trial.recalled.deadline == trial.now + 2 * kMillisecond);
  trial.arbiter.set_shares(2, {.limit = 1000}, trial.now);
  CHECK(trial.arbiter.deadline() <= trial.now + 2'250'000 * 2);
  for (uint64_t vgpu = 3; vgpu <= 9; ++vgpu) trial.add(vgpu);
  CHECK(trial.arbiter.turn_ns() == kMillisecond);
}

void test_worker_lost() {
  Trial trial;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) trial.add(vgpu);
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) trial.wants(vgpu);
  trial.now += kMillisecond;
  trial.arbiter.lost_worker(1, trial.now);
  const uint64_t next = trial.granted.vgpu;
  CHECK(next != 1 && trial.grants == 2);
  trial.finished(1);  // said before it was lost
  CHECK(trial.arbiter.holder() == next);
  trial.arbiter.remove(next, trial.now);
  CHECK(trial.granted.vgpu == 5 - next && trial.arbiter.deadline() == kNoTime);
  trial.arbiter.remove(5 - next, trial.now);
  CHECK(!trial.arbiter.holder() && !trial.arbiter.contended());
  CHECK(trial.arbiter.held_since() == kNoTime && trial.arbiter.deadline() == kNoTime);
  trial.wants(1);
  CHECK(trial.arbiter.holder() == 1u && trial.arbiter.held_since() == trial.now);
  trial.wants(7);  // nobody
  trial.finished(7);
}

void test_accounts_read() {
  Trial trial;
  trial.add(1);
  trial.add(2);
  trial.wants(1);
  trial.wants(2);
  trial.now += 5 * kMillisecond;
  const Account one = trial.arbiter.account(1, trial.now),
                two = trial.arbiter.account(2, trial.now);
  CHECK(one.held_ns == 5 * kMillisecond && one.overrun_ns == 3 * kMillisecond && one.turns == 1);
  CHECK(two.waited_ns == 5 * kMillisecond && two.longest_wait_ns == 5 * kMillisecond);
  CHECK(two.balance_ns == 2'500'000 && one.balance_ns == -2'500'000);
  // Reading moves nothing: an earlier moment can be read after a later one, unless something
  // happened.
  CHECK(trial.arbiter.account(1, trial.now - kMillisecond).held_ns == 4 * kMillisecond);
  trial.arbiter.look(trial.now);
  CHECK(trial.arbiter.account(1, trial.now - kMillisecond).held_ns == 5 * kMillisecond);
  CHECK(trial.arbiter.account(9, trial.now).held_ns == 0);
}
