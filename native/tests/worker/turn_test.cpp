// The gate at which device commands wait for turns, over a driver whose commands end when the test
// says so.
#include <atomic>
#include <optional>
#include <thread>

#include "check.h"
#include "direct_connection.h"
#include "scripted_driver.h"
#include "turn_double.h"
#include "worker/resting_threads.h"

namespace aliquot::worker {

void test_blocked_work();
void test_late_threads();
void test_paced_copies();
void test_resting_threads();

namespace {

using test::comes;
using test::grant_ms;
using test::kMillisecond;
using test::pause_ms;
using test::ScriptedDriver;

constexpr uint64_t kLong = 60'000;  // ms; tests end their turns themselves

/// A connection's decode thread, as the gate sees it: it submits commands of which nothing is
/// known.
class Submitter {
 public:
  Submitter(ScriptedDriver& script, TurnGate& gate, uint32_t owner)
      : script_(script), gate_(gate), owner_(owner), lane_(gate.open(nullptr, true)) {}
  ~Submitter() {
    stop();
    gate_.close(lane_);
  }
  /// Submits one command; it waits as long as the gate lets it.
  void submit(bool hidden = false) {
    join();
    passed_.store(false);
    thread_.emplace([this, hidden] {
      Work work{cost_, 1, 0, false, true};
      if (!gate_.enter(work, owner_, stop_)) return;
      cl_event event = hidden ? nullptr : script_.make_event();
      gate_.submitted(*lane_, event, work);
      passed_.store(true);
    });
  }
  /// Submits one that is let in at once; the number of its event.
  size_t submit_now(bool hidden = false) {
    const size_t number = script_.events();
    submit(hidden);
    CHECK(passes());
    return number;
  }
  bool passes() {
    return comes([&] { return passed_.load(); });
  }
  bool passed() const { return passed_.load(); }
  void stop() {
    stop_.store(true);
    join();
  }
  const std::shared_ptr<WorkCost>& cost() const { return cost_; }

 private:
  void join() {
    if (thread_.has_value()) thread_->join();
    thread_.reset();
  }
  ScriptedDriver& script_;
  TurnGate& gate_;
  const uint32_t owner_;
  const std::shared_ptr<TurnGate::Lane> lane_;
  const std::shared_ptr<WorkCost> cost_ = std::make_shared<WorkCost>(WorkCost::of_kernel());
  std::atomic<bool> stop_{false};
  std::atomic<bool> passed_{false};
  std::optional<std::thread> thread_;
};

struct Scene {
  ScriptedDriver script;
  test::TurnDouble turn{script.driver()};
  test::TurnHost& host = turn.host;
  test::TurnGranter& turns = turn.turns;
  TurnGate& gate = turn.gate;
  Submitter first{script, gate, 1};
  Submitter second{script, gate, 2};
  /// Until so many wait at the gate.
  bool wait(uint32_t threads) {
    return comes([&] { return gate.waiting() == threads; });
  }
};

void test_waiting() {
  Scene scene;
  scene.first.submit();
  CHECK(comes([&] { return scene.host.wanted() == 1; }));
  scene.second.submit();
  CHECK(scene.wait(2));
  pause_ms(30);
  CHECK(!scene.first.passed() && !scene.second.passed());
  CHECK_SAME(scene.host.wanted(), 1);  // one record for all
  scene.turns.grant();
  CHECK(scene.first.passes() && scene.second.passes());
  CHECK_SAME(scene.host.finished(), 0);
}

void test_window() {
  Scene scene;
  scene.turns.grant();
  const size_t one = scene.first.submit_now();
  scene.first.submit_now();
  scene.first.submit();  // each is taken to last 1 ms, and the window holds two
  CHECK(scene.wait(1));
  pause_ms(30);
  CHECK(!scene.first.passed());
  scene.script.set(one, CL_COMPLETE);
  CHECK(scene.first.passes());
}

void test_long_command() {
  Scene scene;
  scene.turns.window_ns = 10'000;
  scene.turns.grant();
  const size_t one = scene.first.submit_now();  // longer than the window, but alone
  scene.first.submit();
  CHECK(scene.wait(1));
  pause_ms(30);
  CHECK(!scene.first.passed());
  scene.script.set(one, CL_COMPLETE);
  CHECK(scene.first.passes());
}

// One that asks for more than the window is not passed for ever by those that ask for little.
void test_no_passing() {
  Scene scene;
  scene.turns.grant();
  const size_t one = scene.first.submit_now();
  Submitter large(scene.script, scene.gate, 3);
  large.cost()->measured(1, 10 * kMillisecond);
  large.submit();
  CHECK(scene.wait(1));
  pause_ms(10);
  scene.second.submit();
  CHECK(scene.wait(2));
  pause_ms(30);
  CHECK(!large.passed() && !scene.second.passed());
  const size_t next = scene.script.events();
  scene.script.set(one, CL_COMPLETE);
  CHECK(large.passes());
  CHECK(!scene.second.passed());
  scene.script.set(next, CL_COMPLETE);
  CHECK(scene.second.passes());
}

void test_deadline() {
  Scene scene;
  const uint32_t turn = grant_ms(scene.turns, kLong);
  const size_t one = scene.first.submit_now();
  scene.turns.shorten(now_ns());
  scene.first.submit();
  CHECK(scene.wait(1));
  pause_ms(30);
  CHECK(!scene.first.passed());
  CHECK_SAME(scene.host.finished(), 0);  // not while something is under way
  scene.script.set(one, CL_COMPLETE);
  CHECK(comes([&] { return scene.host.finished() == 1; }));
  const records::TurnFinished finished = scene.host.last();
  CHECK(finished.turn == turn && finished.more == 1 && finished.kernels == 1);
  pause_ms(30);
  CHECK(!scene.first.passed());
  CHECK_SAME(scene.host.wanted(), 0);  // `more` said so
  grant_ms(scene.turns, kLong);
  CHECK(scene.first.passes());
  CHECK_SAME(scene.host.finished(), 1);
}

// What would not end before the turn does waits for the next, unless it would never fit into one.
void test_no_room_in_turn() {
  Scene scene;
  scene.turns.window_ns = 2000 * kLong * kMillisecond;
  grant_ms(scene.turns, kLong);
  const size_t one = scene.first.submit_now();
  scene.script.set_times(one, 1, 1 + kLong * kMillisecond);
  scene.script.set(one, CL_COMPLETE);
  scene.gate.prune();  // now it is known to take as long as a turn
  const size_t two = scene.first.submit_now();
  scene.first.submit();
  CHECK(scene.wait(1));
  CHECK(!scene.first.passed());  // though the turn goes on
  scene.script.set(two, CL_COMPLETE);
  CHECK(comes([&] { return scene.host.finished() == 1; }));
  scene.turns.window_ns = 2 * kMillisecond;
  grant_ms(scene.turns, kLong);
  CHECK(scene.first.passes());  // it never would, and nothing is under way
}

void test_hidden() {
  Scene scene;
  grant_ms(scene.turns, kLong);
  const size_t marker = scene.first.submit_now(true);
  scene.turns.shorten(now_ns());
  scene.second.submit();
  CHECK(comes([&] { return scene.script.events() == marker + 1; }));
  pause_ms(30);
  CHECK_SAME(scene.host.finished(), 0);
  scene.script.set(marker, CL_COMPLETE);
  CHECK(comes([&] { return scene.host.finished() == 1; }));
  CHECK_SAME(scene.host.last().kernels, 1);
}

void test_one_drainer() {
  Scene scene;
  grant_ms(scene.turns, kLong);
  const size_t one = scene.first.submit_now();
  const size_t two = scene.second.submit_now();
  scene.turns.shorten(now_ns());
  scene.first.submit();
  scene.second.submit();
  CHECK(scene.wait(2));
  scene.script.set(one, CL_COMPLETE);
  pause_ms(30);
  CHECK_SAME(scene.host.finished(), 0);
  scene.script.set(two, CL_COMPLETE);
  CHECK(comes([&] { return scene.host.finished() == 1; }));
  pause_ms(50);
  CHECK_SAME(scene.host.finished(), 1);
  scene.turns.grant();
  CHECK(scene.first.passes() && scene.second.passes());
}

void test_idle() {
  Scene scene;
  scene.turns.grant();
  size_t one = scene.first.submit_now();
  scene.script.set(one, CL_COMPLETE);
  CHECK_SAME(scene.gate.idle(1), 0);  // nobody else wants it: kept, and nobody looks
  CHECK_SAME(scene.host.finished(), 0);
  scene.turns.shorten(now_ns() + kLong * kMillisecond);
  CHECK_SAME(scene.gate.idle(2), 0);  // another one's affair
  one = scene.first.submit_now();
  CHECK(scene.gate.idle(1) != 0);
  pause_ms(5);
  CHECK(scene.gate.idle(1) != 0);  // something is under way
  scene.script.set(one, CL_COMPLETE);
  CHECK(scene.gate.idle(1) != 0);  // patience begins
  pause_ms(1);
  CHECK_SAME(scene.gate.idle(1), 0);
  CHECK_SAME(scene.host.finished(), 1);
  CHECK_SAME(scene.host.last().more, 0);
  CHECK_SAME(scene.gate.idle(1), 0);
  CHECK_SAME(scene.host.finished(), 1);
}

void test_recall() {
  Scene scene;
  scene.turns.grant();
  size_t one = scene.first.submit_now();
  CHECK_SAME(scene.gate.idle(1), 0);
  scene.turns.shorten(now_ns() + kLong * kMillisecond);
  scene.gate.recall();
  CHECK(scene.gate.look() < 10 * kMillisecond);  // something is under way
  scene.script.set(one, CL_COMPLETE);
  scene.gate.look();
  pause_ms(1);
  scene.gate.look();
  CHECK_SAME(scene.host.finished(), 1);
  // Nothing for a while: at once.
  scene.turns.grant();
  one = scene.first.submit_now();
  scene.script.set(one, CL_COMPLETE);
  scene.gate.idle(1);
  pause_ms(1);
  scene.turns.shorten(now_ns() + kLong * kMillisecond);
  scene.gate.recall();
  scene.gate.look();
  CHECK_SAME(scene.host.finished(), 2);
  CHECK_SAME(scene.host.last().more, 0);
}

// The decode thread has other things to do when the turn ends.
void test_overdue() {
  Scene scene;
  grant_ms(scene.turns, kLong);
  const size_t one = scene.first.submit_now();
  scene.script.set(one, CL_COMPLETE);
  CHECK(scene.gate.look() != 0);
  CHECK_SAME(scene.host.finished(), 0);
  scene.turns.shorten(now_ns());
  scene.gate.look();
  CHECK_SAME(scene.host.finished(), 1);
}

void test_stop() {
  Scene scene;
  scene.first.submit();
  CHECK(comes([&] { return scene.host.wanted() == 1; }));
  uint64_t begin = now_ns();
  scene.first.stop();
  CHECK(now_ns() - begin < 500 * kMillisecond);
  CHECK(!scene.first.passed());
  // The turn that it had asked for comes when nobody wants it any more.
  scene.turns.grant();
  scene.gate.look();
  CHECK_SAME(scene.host.finished(), 1);
  CHECK_SAME(scene.host.last().more, 0);
  // One that awaits the end of what another one has under way.
  grant_ms(scene.turns, kLong);
  const size_t one = scene.second.submit_now();
  Submitter third(scene.script, scene.gate, 3);
  scene.turns.shorten(now_ns());
  third.submit();
  CHECK(scene.wait(1));
  begin = now_ns();
  third.stop();
  CHECK(now_ns() - begin < 500 * kMillisecond);
  CHECK_SAME(scene.host.finished(), 1);
  scene.script.set(one, CL_COMPLETE);
  scene.gate.look();
  CHECK_SAME(scene.host.finished(), 2);
}

void test_hang_up() {
  Scene scene;
  scene.first.submit();
  CHECK(comes([&] { return scene.host.wanted() == 1; }));
  scene.gate.hang_up();
  scene.first.stop();
  CHECK(!scene.first.passed());
}

void test_costs() {
  WorkCost kernel = WorkCost::of_kernel();
  CHECK_SAME(kernel.expected_ns(1), kMillisecond);
  kernel.measured(1000, 20'000);
  CHECK_SAME(kernel.expected_ns(1000), 20'000);
  CHECK_SAME(kernel.expected_ns(900), 18'000);
  CHECK_SAME(kernel.expected_ns(10'000), 200'000);
  CHECK_SAME(kernel.expected_ns(1'000'000'000), kMillisecond);  // nobody knows
  kernel.measured(1000, 40'000);
  CHECK_SAME(kernel.expected_ns(1000), 25'000);
  kernel.measured(~uint64_t{0}, 1);
  CHECK(kernel.expected_ns(~uint64_t{0}) != 0);
  const WorkCost copies = WorkCost::of_copies();
  CHECK_SAME(copies.expected_ns(5'000'000), kMillisecond);
}

// Commands that are short are measured together, with the time between them.
void test_learning() {
  Scene scene;
  scene.turns.window_ns = 1000 * kMillisecond;
  scene.turns.grant();
  const size_t one = scene.first.submit_now();
  scene.script.set_times(one, 1'000, 11'000);
  scene.script.set(one, CL_COMPLETE);
  scene.gate.prune();
  CHECK_SAME(scene.first.cost()->expected_ns(1), 10'000);
  scene.first.submit_now(true);
  scene.first.submit_now(true);
  const size_t two = scene.first.submit_now();
  const size_t three = scene.first.submit_now();
  scene.script.set_times(two, 12'000, 90'000);
  scene.script.set_times(three, 95'000, 12'000 + 4 * 50'000);
  scene.script.set(two, CL_COMPLETE);
  scene.script.set(three, CL_COMPLETE);
  scene.gate.prune();
  CHECK(scene.first.cost()->expected_ns(1) > 25'000);
}

// Turns come and go while three threads submit; each is given back once.
// While the turn is another's, and not while it is ours.
void test_threads_rest() {
  constexpr int kMany = 1000;
  const auto rest = [] {
    for (int i = 0; i < kMany; ++i) {
      if (slept_instead_of_yielding()) return true;
    }
    return false;
  };
  Scene scene;
  scene.turns.grant();
  const size_t one = scene.first.submit_now();
  CHECK(!rest());
  scene.script.set(one, CL_COMPLETE);
  scene.turns.shorten(now_ns());
  scene.gate.look();
  CHECK_SAME(scene.host.finished(), 1);
  CHECK(rest());
  scene.turns.grant();
  scene.first.submit_now();
  CHECK(!rest());
}

void test_many_turns() {
  Scene scene;
  std::atomic<bool> end{false};
  std::thread device([&] {
    for (size_t next = 0; !end.load();) {
      if (next < scene.script.events()) {
        scene.script.set(next++, CL_COMPLETE);
      } else {
        sched_yield();
      }
    }
  });
  std::thread server([&] {
    while (!end.load()) {
      scene.gate.look();
      pause_ms(1);
    }
  });
  constexpr uint32_t kTurns = 40;
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  for (uint32_t owner = 1; owner <= 3; ++owner) {
    threads.emplace_back([&, owner] {
      const auto lane = scene.gate.open(nullptr, true);
      const auto cost = std::make_shared<WorkCost>(WorkCost::of_kernel());
      Work work{cost, 1, 0, false, true};
      for (int i = 0; scene.gate.enter(work, owner, stop); ++i) {
        scene.gate.submitted(*lane, i % 3 == 0 ? nullptr : scene.script.make_event(), work);
        if (i % 16 == 15) scene.gate.idle(owner);
      }
      pause_ms(20);
      scene.gate.close(lane);
      scene.gate.left(owner);
    });
  }
  for (uint32_t turn = 1; turn <= kTurns; ++turn) {
    CHECK_SAME(grant_ms(scene.turns, 2), turn);
    CHECK(comes([&] { return scene.host.finished() == turn; }));
    CHECK_SAME(scene.host.last().turn, turn);
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  end.store(true);
  device.join();
  server.join();
  CHECK_SAME(scene.host.finished(), kTurns);
}

}  // namespace

}  // namespace aliquot::worker

int main() {
  using namespace aliquot::worker;
  test_waiting();
  test_window();
  test_long_command();
  test_no_passing();
  test_deadline();
  test_no_room_in_turn();
  test_hidden();
  test_one_drainer();
  test_idle();
  test_recall();
  test_overdue();
  test_stop();
  test_hang_up();
  test_costs();
  test_learning();
  test_many_turns();
  test_blocked_work();
  test_late_threads();
  test_paced_copies();
  test_resting_threads();
  test_threads_rest();
  return aliquot::test::g_failures == 0 ? 0 : 1;
}
