// What a device's time is shared out to, in the simulator: each promise in a scenario of its own.
#include <algorithm>
#include <cstdio>
#include <string>

#include "check.h"
#include "scenarios.h"

using namespace aliquot::arbiter;

namespace {

// Figures are printed: how near a promise is to being broken is worth a look.
void say(const std::string& what, double figure, const char* unit) {
  std::printf("%-64s %9.3f %s\n", what.c_str(), figure, unit);
}

constexpr Load kUsual{.shortest_ns = 200 * kMicrosecond, .longest_ns = 2 * kMillisecond};

Load kernels_of(uint64_t ns) { return {.shortest_ns = ns, .longest_ns = ns}; }

Shares guaranteed(uint32_t points) { return {.guarantee = points * 100}; }

void shares_are_kept(const std::string& name, const std::vector<uint32_t>& guarantees) {
  Simulator simulator;
  std::vector<double> promised;
  uint64_t vgpu = 0;
  for (const uint32_t points : guarantees) {
    simulator.add(++vgpu, guaranteed(points), kUsual);
    promised.push_back(points > 0 ? points : 100.0 / static_cast<double>(guarantees.size()));
  }
  simulator.run_until(62 * kSecond);
  const auto one = deviations(simulator, promised, 2 * kSecond, 62 * kSecond, kSecond);
  const auto five = deviations(simulator, promised, 2 * kSecond, 62 * kSecond, 5 * kSecond);
  say(name + ": windows of 1 s within a point", 100 * one.within_a_point, "%");
  say(name + ": worst window of 1 s", one.worst, "points");
  say(name + ": worst window of 5 s", five.worst, "points");
  say(name + ": busy", busy(simulator, vgpu, 2 * kSecond, 62 * kSecond), "");
  CHECK(one.within_a_point >= 0.95);
  CHECK(one.worst <= 2);
  CHECK(five.worst <= 0.6);
  CHECK(simulator.false_grants == 0);
}

}  // namespace

void test_shares_are_kept() {
  shares_are_kept("30/70", {30, 70});
  shares_are_kept("10/90", {10, 90});
  shares_are_kept("50/30/20", {50, 30, 20});
  shares_are_kept("8 equal", std::vector<uint32_t>(8, 0));
  shares_are_kept("32 equal", std::vector<uint32_t>(32, 0));
}

void test_unlike_kernels() {
  for (const uint64_t longest : {5, 20}) {
    Simulator simulator;
    simulator.add(1, {}, kernels_of(50 * kMicrosecond));
    simulator.add(2, {}, kernels_of(longest * kMillisecond));
    simulator.run_until(32 * kSecond);
    const auto one = deviations(simulator, {50, 50}, 2 * kSecond, 32 * kSecond, kSecond);
    say("0.05 ms against " + std::to_string(longest) + " ms: worst window of 1 s", one.worst,
        "points");
    CHECK(one.worst <= 1 + 0.1 * static_cast<double>(longest));
  }
}

// A program that waits for each of its commands is away for moments: that costs it nothing.
void test_gaps_keep_the_claim() {
  Simulator simulator;
  simulator.add(1, {}, {.kind = Load::Kind::kSynchronous, .gap_ns = 100 * kMicrosecond});
  simulator.add(2, {}, kernels_of(20 * kMillisecond));
  simulator.run_until(32 * kSecond);
  // It does nothing in a tenth of its time, and has that time.
  const double own =
      static_cast<double>(simulator.work(1, 2 * kSecond, 32 * kSecond)) / (30 * kSecond);
  const double held = static_cast<double>(simulator.arbiter().account(1, simulator.now()).held_ns) /
                      static_cast<double>(simulator.now());
  say("gaps of 0.1 ms against 20 ms: work", 100 * own, "%");
  say("gaps of 0.1 ms against 20 ms: held", 100 * held, "%");
  CHECK(held >= 0.48 && held <= 0.52);
  CHECK(own >= 0.43);
}

// One that is away for longer between its commands gives the device back each time. It gets less
// than it could use, but far more than one turn in the time of the other's.
void test_long_gaps() {
  Simulator simulator;
  simulator.add(1, {}, {.kind = Load::Kind::kSynchronous, .gap_ns = 500 * kMicrosecond});
  simulator.add(2, {}, kernels_of(200 * kMicrosecond));
  simulator.run_until(12 * kSecond);
  const double own =
      static_cast<double>(simulator.work(1, 2 * kSecond, 12 * kSecond)) / (10 * kSecond);
  say("gaps of 0.5 ms against 0.2 ms, of 50 % promised: work", 100 * own, "%");
  CHECK(own >= 0.32);
}

// What one can't make use of is not saved up without end: when it wants all that it was owed, the
// other has its share again soon.
void test_nothing_is_hoarded() {
  Simulator simulator;
  simulator.add(1, {},
                {.kind = Load::Kind::kSynchronous,
                 .shortest_ns = 100 * kMicrosecond,
                 .longest_ns = 100 * kMicrosecond,
                 .gap_ns = 500 * kMicrosecond});
  simulator.add(2, {}, kernels_of(kMillisecond));
  simulator.run_until(12 * kSecond);
  simulator.stop(1);
  simulator.set_load(1, kUsual);
  simulator.start(1);
  simulator.run_for(kSecond);
  const auto after = deviations(simulator, {50, 50}, simulator.now() - 500 * kMillisecond,
                                simulator.now(), 500 * kMillisecond);
  say("half a second after ten of brief commands: off by", after.worst, "points");
  CHECK(after.worst <= 2);
}

// What runs on a vGPU is its own affair: many processes on one have no more than one on another.
void test_many_processes() {
  Simulator simulator;
  simulator.add(1, {}, {.kind = Load::Kind::kSynchronous, .gap_ns = kMillisecond, .count = 16});
  simulator.add(2, {}, kUsual);
  simulator.add(3, {}, {.kind = Load::Kind::kPeriodic, .gap_ns = 100 * kMillisecond, .count = 60});
  simulator.run_until(32 * kSecond);
  const auto one =
      deviations(simulator, {33.333, 33.333, 33.333}, 2 * kSecond, 32 * kSecond, kSecond);
  say("16 processes, one, and bursts of 60: worst second", one.worst, "points");
  CHECK(one.worst <= 1);
}

// Who dies again and again, in the middle of its turns, takes nothing from others.
void test_deaths() {
  Simulator simulator;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) simulator.add(vgpu, {}, kUsual);
  while (simulator.now() < 12 * kSecond) {
    simulator.run_for(7 * kMillisecond);
    simulator.lose_worker(3);
  }
  const double others[] = {static_cast<double>(simulator.work(1, 2 * kSecond, 12 * kSecond)),
                           static_cast<double>(simulator.work(2, 2 * kSecond, 12 * kSecond))};
  say("a third dies every 7 ms: the others' work", (others[0] + others[1]) / (10 * kSecond), "");
  CHECK(others[0] + others[1] >= 0.6 * 10 * kSecond);
  CHECK(others[0] / others[1] > 0.98 && others[0] / others[1] < 1.02);
  CHECK(simulator.false_grants == 0);
}

void test_limit_alone() {
  for (const uint64_t kernel : {50 * kMicrosecond, kMillisecond, 3 * kMillisecond}) {
    Simulator simulator;
    simulator.add(1, {.limit = 2500}, kernels_of(kernel));
    simulator.run_until(32 * kSecond);
    const auto one = deviations(simulator, {25}, 2 * kSecond, 32 * kSecond, kSecond, false);
    say("limit 25 alone, kernels of " + std::to_string(kernel / kMicrosecond) + " us: worst second",
        one.worst, "points");
    CHECK(one.worst <= 1);
  }
}

void test_fixed_share_stays_idle() {
  Simulator simulator;
  simulator.tell([](Arbiter& arbiter, uint64_t now) {
    arbiter.set_policy({.kind = PolicyKind::kFixedShare}, now);
  });
  for (uint64_t vgpu = 1; vgpu <= 2; ++vgpu) {
    simulator.add(vgpu, {}, kUsual);
    simulator.tell([&](Arbiter& arbiter, uint64_t now) { arbiter.set_maximum(vgpu, 4, now); });
  }
  simulator.run_until(32 * kSecond);
  const auto one = deviations(simulator, {25, 25}, 2 * kSecond, 32 * kSecond, kSecond, false);
  say("fixed-share, 2 of 4: worst second", one.worst, "points");
  CHECK(one.worst <= 2);
}

void test_equal_share() {
  Simulator simulator;
  simulator.tell([](Arbiter& arbiter, uint64_t now) {
    arbiter.set_policy({.kind = PolicyKind::kEqualShare}, now);
  });
  for (uint64_t vgpu = 1; vgpu <= 4; ++vgpu) {
    simulator.add(vgpu, {}, kUsual);
    simulator.tell([&](Arbiter& arbiter, uint64_t now) { arbiter.set_running(vgpu, true, now); });
  }
  simulator.run_until(32 * kSecond);
  const auto all = deviations(simulator, {25, 25, 25, 25}, 2 * kSecond, 32 * kSecond, kSecond);
  const double used = busy(simulator, 4, 2 * kSecond, 32 * kSecond);
  say("equal-share, 4: worst second", all.worst, "points");
  say("equal-share, 4: busy", used, "");
  CHECK(all.worst <= 1 && used >= 0.94);
  // What one of them doesn't use stays unused.
  simulator.stop(4);
  simulator.run_for(10 * kSecond);
  const double rest = busy(simulator, 3, simulator.now() - 9 * kSecond, simulator.now());
  say("equal-share, 3 of 4: busy", rest, "");
  CHECK(rest <= 0.76 && rest >= 0.69);
}

// A limit that is also the share: who has to wait for others' long kernels has the time afterwards.
void test_limits_beside_long_kernels() {
  Simulator simulator;
  simulator.tell([](Arbiter& arbiter, uint64_t now) {
    arbiter.set_policy({.kind = PolicyKind::kEqualShare}, now);
  });
  for (uint64_t vgpu = 1; vgpu <= 4; ++vgpu) {
    simulator.add(vgpu, {},
                  vgpu == 1 ? kernels_of(50 * kMicrosecond) : kernels_of(20 * kMillisecond));
    simulator.tell([&](Arbiter& arbiter, uint64_t now) { arbiter.set_running(vgpu, true, now); });
  }
  simulator.run_until(32 * kSecond);
  const auto one = deviations(simulator, {25, 25, 25, 25}, 2 * kSecond, 32 * kSecond, kSecond);
  say("equal-share, 0.05 ms beside three of 20 ms: worst second", one.worst, "points");
  CHECK(one.worst <= 3);
}

void test_idle_share_is_used() {
  uint64_t longest_until_used = 0, longest_until_back = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Simulator simulator(seed);
    simulator.add(1, guaranteed(50), kUsual);
    simulator.add(2, guaranteed(50), kernels_of(100 * kMicrosecond));
    simulator.run_for(kSecond + seed * 77 * kMicrosecond);
    simulator.stop(2);
    const uint64_t stopped = simulator.now();
    simulator.run_for(100 * kMillisecond + seed * 13 * kMicrosecond);
    // Used by the other from then on: its longest time without work.
    uint64_t from = stopped + kMillisecond;
    while (simulator.work(1, from, from + kMillisecond) == 0) from += kMillisecond / 10;
    longest_until_used = std::max(longest_until_used, from - stopped);
    simulator.latencies(2);
    simulator.start(2);
    simulator.run_for(100 * kMillisecond);
    longest_until_back = std::max(longest_until_back, simulator.latencies(2).front());
  }
  say("an idle vGPU's share is used by others after", static_cast<double>(longest_until_used) / 1e6,
      "ms");
  say("and its own again after", static_cast<double>(longest_until_back) / 1e6, "ms");
  CHECK(longest_until_used <= 2 * kMillisecond);
  CHECK(longest_until_back <= 5 * kMillisecond);
}

void test_latency_class() {
  Simulator simulator;
  // A bit less than the window: two of them lie submitted.
  const Load others{.shortest_ns = 900 * kMicrosecond, .longest_ns = kMillisecond};
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) simulator.add(vgpu, {}, others);
  simulator.add(4, {.priority = PriorityClass::kLatency},
                {.kind = Load::Kind::kPeriodic,
                 .shortest_ns = 200 * kMicrosecond,
                 .longest_ns = 200 * kMicrosecond,
                 .gap_ns = 10 * kMillisecond + 7 * kMicrosecond});
  simulator.run_until(32 * kSecond);
  const auto latencies = simulator.latencies(4);
  const auto p99 = percentile(latencies, 0.99), worst = percentile(latencies, 1);
  say("class latency beside three: p99", static_cast<double>(p99) / 1e6, "ms");
  say("class latency beside three: worst", static_cast<double>(worst) / 1e6, "ms");
  CHECK(latencies.size() > 3100 && p99 <= 4 * kMillisecond);
  // It is never given more than its share for that.
  simulator.stop(4);
  simulator.run_for(kSecond);
  Simulator greedy;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) greedy.add(vgpu, {}, kernels_of(kMillisecond));
  greedy.add(4, {.priority = PriorityClass::kLatency}, kernels_of(200 * kMicrosecond));
  greedy.run_until(32 * kSecond);
  const auto all = deviations(greedy, {25, 25, 25, 25}, 2 * kSecond, 32 * kSecond, kSecond);
  say("class latency, saturating: worst second", all.worst, "points");
  CHECK(all.worst <= 1);
}

void test_resize() {
  Simulator simulator;
  simulator.add(1, guaranteed(20), kUsual);
  simulator.add(2, guaranteed(40), kUsual);
  simulator.run_until(5 * kSecond);
  simulator.tell(
      [](Arbiter& arbiter, uint64_t now) { arbiter.set_shares(1, {.guarantee = 6000}, now); });
  simulator.run_until(15 * kSecond);
  // 20 + 20 of what was left over; now 60 beside 40. From a tenth of a second on it has that.
  const uint64_t after = 5 * kSecond + 100 * kMillisecond;
  const auto second = deviations(simulator, {60, 40}, after, after + kSecond, kSecond);
  const auto tenth = deviations(simulator, {60, 40}, after - 50 * kMillisecond,
                                after + 50 * kMillisecond, 100 * kMillisecond);
  say("resized 20 to 60: off in the second that begins 100 ms later", second.worst, "points");
  say("resized 20 to 60: off in the 100 ms that begin 50 ms later", tenth.worst, "points");
  CHECK(second.worst <= 1.5 && tenth.worst <= 5);
}

void test_device_is_busy() {
  for (const uint64_t vgpus : {2, 4, 8}) {
    Simulator simulator;
    for (uint64_t vgpu = 1; vgpu <= vgpus; ++vgpu) simulator.add(vgpu, {}, kUsual);
    simulator.run_until(12 * kSecond);
    const double used = busy(simulator, vgpus, 2 * kSecond, 12 * kSecond);
    say(std::to_string(vgpus) + " saturating: busy", used, "");
    CHECK(used >= 0.95);
  }
}

void test_long_debt_is_paid() {
  Simulator simulator;
  simulator.add(1, {}, {.shortest_ns = 500 * kMillisecond, .longest_ns = 500 * kMillisecond});
  simulator.add(2, {}, kUsual);
  simulator.run_until(20 * kMillisecond);  // the long kernel is under way
  simulator.stop(1);
  simulator.run_until(400 * kMillisecond);
  simulator.start(1);  // and more are to come
  simulator.run_until(60 * kSecond);
  const auto ten = deviations(simulator, {50, 50}, 10 * kSecond, 60 * kSecond, 10 * kSecond);
  say("500 ms kernels: worst 10 s", ten.worst, "points");
  CHECK(ten.worst <= 5);
  CHECK(simulator.arbiter().account(1, simulator.now()).balance_ns > -600'000'000);
}

// Averaged over turns, who had a long kernel pays for it bit by bit, and nobody loses by that.
void test_averaging() {
  uint64_t waits[2] = {};
  for (const uint32_t averaging : {1, 20}) {
    Simulator simulator;
    simulator.tell(
        [&](Arbiter& arbiter, uint64_t now) { arbiter.set_policy({.averaging = averaging}, now); });
    simulator.add(1, {}, kUsual);
    simulator.add(2, {}, {.rare_ns = 60 * kMillisecond, .one_in = 200});
    simulator.run_until(62 * kSecond);
    const Account debtor = simulator.arbiter().account(2, simulator.now());
    const auto ten = deviations(simulator, {50, 50}, 2 * kSecond, 62 * kSecond, 10 * kSecond);
    const std::string name = "averaging " + std::to_string(averaging) + ", rarely 60 ms: ";
    say(name + "longest wait of the debtor", static_cast<double>(debtor.longest_wait_ns) / 1e6,
        "ms");
    say(name + "worst 10 s", ten.worst, "points");
    CHECK(ten.worst <= 1);
    waits[averaging > 1] = debtor.longest_wait_ns;
  }
  CHECK(waits[1] < waits[0] / 2);
}
