// Random calls of the arbiter, in any order, sensible or not, at any time: what must hold after
// each.
#include <algorithm>
#include <map>
#include <random>

#include "check.h"
#include "device_host/arbiter/arbiter.h"

using namespace aliquot::arbiter;

namespace {

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kVgpus = 6;

// Knows by the calls alone who is there and who waits, and holds the arbiter to it.
class History : Doer {
 public:
  explicit History(uint64_t seed) : random_(seed) {}

  void run(int calls) {
    for (int i = 0; i < calls; ++i) {
      now_ += step();
      call();
      look_over();
      if (i % 8 == 0 || i + 1 == calls) audit();
    }
  }

 private:
  struct Known {
    bool waits = false;
    uint64_t added_ns = 0;
    Account before;
  };

  uint64_t upto(uint64_t most) { return random_() % (most + 1); }
  bool one_in(uint64_t many) { return random_() % many == 0; }

  uint64_t step() {
    if (one_in(4)) return 0;
    if (one_in(100)) return upto(3'000 * kMillisecond);
    if (one_in(10)) return upto(200 * kMillisecond);
    if (one_in(10)) return upto(10);
    return upto(4 * kMillisecond);
  }

  Shares shares() {
    Shares shares;
    shares.guarantee = one_in(2) ? 0 : static_cast<uint32_t>(upto(kWhole / kVgpus));
    if (one_in(3))
      shares.limit = static_cast<uint32_t>(shares.guarantee + upto(kWhole - shares.guarantee));
    shares.weight = static_cast<uint32_t>(1 + upto(one_in(2) ? 3 : kMostWeight - 1));
    shares.priority = static_cast<PriorityClass>(one_in(2) ? 0 : upto(2));
    return shares;
  }

  void call() {
    const uint64_t vgpu = 1 + upto(kVgpus);  // one more than there ever are
    const bool is_there = known_.count(vgpu) > 0;
    switch (upto(15)) {
      case 0:
        if (vgpu > kVgpus || is_there) return arbiter_.look(now_);
        known_[vgpu].added_ns = now_;
        arbiter_.add(vgpu, shares(), now_);
        break;
      case 1:
        if (!one_in(4)) return arbiter_.look(now_);
        known_.erase(vgpu);
        if (holder_ == vgpu) holder_ = 0;
        arbiter_.remove(vgpu, now_);
        break;
      case 2:
        if (is_there) known_[vgpu].waits = false;
        if (holder_ == vgpu) holder_ = 0;
        arbiter_.lost_worker(vgpu, now_);
        break;
      case 3:
        arbiter_.set_shares(vgpu, shares(), now_);
        break;
      case 4:
        arbiter_.set_running(vgpu, one_in(2), now_);
        arbiter_.set_maximum(vgpu, static_cast<uint32_t>(upto(5)), now_);
        break;
      case 5:
        if (!one_in(4)) return arbiter_.look(now_);
        arbiter_.set_policy({.kind = static_cast<PolicyKind>(upto(2)),
                             .turn_ns = one_in(2) ? 0 : upto(40 * kMillisecond),
                             .averaging = static_cast<uint32_t>(upto(70))},
                            now_);
        break;
      case 6:
        arbiter_.charge_outside(vgpu, upto(one_in(10) ? 100'000 * kMillisecond : 20 * kMillisecond),
                                now_);
        break;
      case 7:
        if (const uint64_t look = arbiter_.next_look(); look != kNoTime && look > now_) now_ = look;
        arbiter_.look(now_);
        CHECK(arbiter_.next_look() > now_);
        break;
      case 8:
        arbiter_.look(now_);
        if (is_there && holder_ != vgpu) known_[vgpu].waits = true;
        arbiter_.wants(vgpu, upto(now_));  // a time that went by is as if it were now
        break;
      case 9:
      case 10:
      case 11:
        if (is_there && holder_ != vgpu) known_[vgpu].waits = true;
        arbiter_.wants(vgpu, now_);
        break;
      default: {
        const uint64_t who = one_in(10) ? vgpu : holder_;
        const bool more = one_in(2);
        if (who != 0 && who == holder_) {
          known_[who].waits = more;
          holder_ = 0;
        }
        arbiter_.finished(who, more, now_,
                          {one_in(2) ? upto(200'000) : 0, one_in(2) ? upto(2'000'000) : 0});
      }
    }
  }

  // One at a time has the device, and nobody could who has it not.
  void look_over() {
    CHECK(arbiter_.holder().value_or(0) == holder_);
    CHECK(holder_ != 0 || !arbiter_.contended());
    CHECK(arbiter_.next_look() > now_);
    CHECK(holder_ == 0 || arbiter_.held_since() <= now_);
    CHECK(holder_ == 0 || arbiter_.deadline() == deadline_);
    if (known_.empty()) CHECK(arbiter_.guaranteed() == 0);
  }

  void audit() {
    int64_t sum = 0, most = 0;
    uint64_t held = 0;
    for (auto& [vgpu, known] : known_) {
      const Account account = arbiter_.account(vgpu, now_);
      sum += account.balance_ns;
      most = std::max(most, std::max(account.balance_ns, -account.balance_ns));
      held += account.held_ns;
      const Account& before = known.before;
      CHECK(account.held_ns >= before.held_ns && account.waited_ns >= before.waited_ns);
      CHECK(account.turns >= before.turns && account.overrun_ns >= before.overrun_ns);
      CHECK(account.outside_ns >= before.outside_ns);
      CHECK(account.longest_wait_ns >= before.longest_wait_ns);
      CHECK(account.spared_ns >= before.spared_ns && account.withheld_ns >= before.withheld_ns);
      CHECK(account.spared_ns + account.withheld_ns <= account.held_ns);
      CHECK(account.overrun_ns <= account.held_ns && account.longest_wait_ns <= account.waited_ns);
      CHECK(account.held_ns + account.waited_ns <= now_ - known.added_ns);
      const double rate = arbiter_.rate(vgpu);
      CHECK(rate >= 0 && rate <= 1);
      known.before = account;
    }
    CHECK(sum == 0);
    CHECK(most <= kMostDebt * static_cast<int64_t>(kVgpus));
    CHECK(held <= now_);
  }

  void grant(uint64_t vgpu, uint64_t deadline_ns) override {
    CHECK(holder_ == 0 && known_.count(vgpu) > 0 && known_[vgpu].waits);
    CHECK(deadline_ns >= now_);
    known_[vgpu].waits = false;
    holder_ = vgpu;
    deadline_ = deadline_ns;
  }

  void recall(uint64_t vgpu, uint64_t deadline_ns) override {
    CHECK(vgpu == holder_ && deadline_ns < deadline_);
    deadline_ = deadline_ns;
  }

  std::mt19937_64 random_;
  Arbiter arbiter_{*this};
  std::map<uint64_t, Known> known_;
  uint64_t now_ = 1, holder_ = 0, deadline_ = 0;
};

}  // namespace

void test_call_histories(uint64_t seed, uint64_t histories) {
  for (uint64_t i = 0; i < histories; ++i) {
    const int before = g_failures;
    History(seed + i).run(200);
    if (g_failures != before && before == 0)
      std::fprintf(stderr, "first in the history of calls with seed %llu\n",
                   static_cast<unsigned long long>(seed + i));
  }
}
