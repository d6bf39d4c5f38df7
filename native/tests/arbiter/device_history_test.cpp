// Random devices in the simulator: vGPUs of any shares, with programs of any kind, that come, go,
// die and are resized. Nobody starves, debts are bounded, and when all is quiet shares are as
// promised.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "check.h"
#include "simulator.h"

using namespace aliquot::arbiter;

namespace {

constexpr uint64_t kMostVgpus = 6;
constexpr uint64_t kLongestKernel = 8 * kMillisecond;
// How late a turn can end: what lies submitted, a kernel more, and the words' ways.
constexpr uint64_t kLate = kMillisecond + kLongestKernel + 120 * kMicrosecond;

// While nobody's share changes, a debt comes from being served too long at once: the longest turn,
// and being late. Before that the holder was owed most of all, in proportion, so what it owed was
// at most its part of what those were owed that are away and keep it, 100 ms each.
constexpr int64_t debt_bound(uint64_t vgpus) {
  return static_cast<int64_t>(kLongestTurn + kLate + vgpus * kPatience);
}

// Where nobody has kernels above 2 ms, balances go to and fro by no more than a turn and what is
// late.
constexpr int64_t kSettled = 10'000'000;

class DeviceHistory {
 public:
  explicit DeviceHistory(uint64_t seed) : random_(seed), simulator_(seed) {}

  void run() {
    Policy policy;
    policy.kind = one_in(4) ? static_cast<PolicyKind>(upto(2)) : PolicyKind::kBestEffort;
    if (one_in(4)) policy.turn_ns = kMillisecond + upto(9 * kMillisecond);
    simulator_.tell([&](Arbiter& arbiter, uint64_t now) { arbiter.set_policy(policy, now); });
    simulator_.watch = [this] { watch(); };
    const uint64_t vgpus = 1 + upto(kMostVgpus - 1);
    for (uint64_t vgpu = 1; vgpu <= vgpus; ++vgpu) add(vgpu);
    for (int i = 0; i < 25; ++i) {
      simulator_.run_for(upto(80 * kMillisecond));
      disturb(1 + upto(kMostVgpus - 1));
    }
    nobody_starved();
    calm_down();
    CHECK(simulator_.false_grants == 0);
  }

 private:
  struct Known {
    bool started = true;
    Shares shares;
    bool always_eligible = true;  // and with a share of its own
    double least_rate = 1;
    int64_t largest_debt = 0;
  };

  uint64_t upto(uint64_t most) { return random_() % (most + 1); }
  bool one_in(uint64_t many) { return random_() % many == 0; }

  Load load() {
    Load load;
    load.kind = static_cast<Load::Kind>(upto(2));
    load.shortest_ns = 20 * kMicrosecond + upto(2 * kMillisecond);
    load.longest_ns = load.shortest_ns + (one_in(3) ? upto(6 * kMillisecond) : 0);
    load.longest_ns = std::min(load.longest_ns, kLongestKernel);
    load.count = static_cast<uint32_t>(1 + upto(5));
    load.gap_ns = load.kind == Load::Kind::kPeriodic
                      ? kMillisecond + load.count * load.longest_ns / 2 + upto(40 * kMillisecond)
                      : upto(one_in(2) ? kMillisecond / 2 : 5 * kMillisecond);
    return load;
  }

  Shares shares() {
    Shares shares;
    if (one_in(2)) shares.guarantee = static_cast<uint32_t>(upto(kWhole / kMostVgpus));
    if (one_in(5))
      shares.limit = std::max(shares.guarantee, 500 + static_cast<uint32_t>(upto(9000)));
    shares.weight = static_cast<uint32_t>(1 + upto(4));
    if (one_in(3)) shares.priority = static_cast<PriorityClass>(upto(2));
    return shares;
  }

  void add(uint64_t vgpu) {
    Known& known = known_[vgpu];
    known.shares = shares();
    know(known);
    simulator_.add(vgpu, known.shares, load());
    simulator_.tell([&](Arbiter& arbiter, uint64_t now) {
      arbiter.set_maximum(vgpu, static_cast<uint32_t>(kMostVgpus), now);
      arbiter.set_running(vgpu, true, now);
    });
  }

  void know(Known& known) {
    if (known.shares.limit < kWhole || known.shares.priority == PriorityClass::kBatch ||
        simulator_.arbiter().policy().kind != PolicyKind::kBestEffort)
      known.always_eligible = false;
  }

  void disturb(uint64_t vgpu) {
    const auto found = known_.find(vgpu);
    if (found == known_.end()) return add(vgpu);
    Known& known = found->second;
    switch (upto(9)) {
      case 0:
        known_.erase(vgpu);
        return simulator_.remove(vgpu);
      case 1:
        simulator_.lose_worker(vgpu);
        return;
      case 2:
        known.shares = shares();
        know(known);
        return simulator_.tell(
            [id = vgpu, shares = known.shares](Arbiter& arbiter, uint64_t now) {
            arbiter.set_shares(id, shares, now);
          });
      default:
        if (known.started)
          simulator_.stop(vgpu);
        else
          simulator_.start(vgpu);
        known.started = !known.started;
    }
  }

  void watch() {
    if (simulator_.events % 32 != 0) return;
    int64_t sum = 0;
    for (auto& [vgpu, known] : known_) {
      const Account account = simulator_.arbiter().account(vgpu, simulator_.now());
      sum += account.balance_ns;
      CHECK(-account.balance_ns <= debt_bound(known_.size()));
      known.largest_debt = std::max(known.largest_debt, -account.balance_ns);
      known.least_rate = std::min(known.least_rate, simulator_.arbiter().rate(vgpu));
      largest_claim_ = std::max(largest_claim_, account.balance_ns);
    }
    CHECK(sum == 0);
  }

  // Nobody waits for longer than its own debt takes to be paid at its rate, and the others' claims
  // and a turn of each.
  void nobody_starved() {
    for (const auto& [vgpu, known] : known_) {
      if (!known.always_eligible) continue;
      const Account account = simulator_.arbiter().account(vgpu, simulator_.now());
      const double own = static_cast<double>(known.largest_debt) / known.least_rate;
      const double others =
          static_cast<double>(kMostVgpus) *
          static_cast<double>(static_cast<uint64_t>(largest_claim_) + kLongestTurn + kLate);
      CHECK(static_cast<double>(account.longest_wait_ns) <= own + others);
    }
  }

  // All of the class normal, without limits, always busy: now each has its share.
  void calm_down() {
    simulator_.tell([&](Arbiter& arbiter, uint64_t now) { arbiter.set_policy({}, now); });
    for (auto& [vgpu, known] : known_) {
      known.shares.limit = kWhole;
      known.shares.priority = PriorityClass::kNormal;
      simulator_.tell(
          [id = vgpu, shares = known.shares](Arbiter& arbiter, uint64_t now) {
            arbiter.set_shares(id, shares, now);
          });
      simulator_.stop(vgpu);
      simulator_.set_load(vgpu, {.shortest_ns = 50 * kMicrosecond + upto(kMillisecond),
                                 .longest_ns = 2 * kMillisecond});
      simulator_.start(vgpu);
    }
    if (known_.empty()) return;
    simulator_.run_for(kSecond);
    std::map<uint64_t, Account> before;
    for (const auto& [vgpu, known] : known_)
      before[vgpu] = simulator_.arbiter().account(vgpu, simulator_.now());
    simulator_.run_for(kSecond);
    for (const auto& [vgpu, known] : known_) {
      const Account& then = before[vgpu];
      const Account now = simulator_.arbiter().account(vgpu, simulator_.now());
      const double held = static_cast<double>(now.held_ns - then.held_ns) / kSecond;
      // A vGPU of a small share may have to wait for its share until a large old debt is paid.
      const double old = std::abs(static_cast<double>(then.balance_ns)) / kSecond;
      CHECK(std::abs(held - simulator_.arbiter().rate(vgpu)) <= 0.01 + old);
      CHECK(now.balance_ns >= std::min<int64_t>(then.balance_ns, 0) - kSettled);
    }
  }

  std::mt19937_64 random_;
  Simulator simulator_;
  std::map<uint64_t, Known> known_;
  int64_t largest_claim_ = 0;
};

}  // namespace

void test_device_histories(uint64_t seed, uint64_t histories) {
  for (uint64_t i = 0; i < histories; ++i) {
    const int before = g_failures;
    DeviceHistory(seed + i).run();
    if (g_failures != before && before == 0)
      std::fprintf(stderr, "first in the device history with seed %llu\n",
                   static_cast<unsigned long long>(seed + i));
  }
}
