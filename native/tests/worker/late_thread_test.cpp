// Threads that wake up late: many of a worker's guest processes may have more to run than the
// machine has processors, so that turns come and go before a thread sees that one has ended.
#include <atomic>
#include <memory>
#include <thread>

#include "direct_connection.h"
#include "scripted_driver.h"
#include "turn_double.h"

namespace aliquot::worker {

namespace {

using test::comes;
using test::kMillisecond;
using test::pause_ms;
using test::ScriptedDriver;

constexpr uint64_t kLong = 60'000 * kMillisecond;

Work some_work(const std::shared_ptr<WorkCost>& cost) { return {cost, 1, 0, false, true}; }

/// Waits for the end of a turn, and for the next one, in a thread of its own.
class Late {
 public:
  Late(ScriptedDriver& script, TurnGate& gate, uint32_t owner)
      : thread_([this, &script, &gate, owner] {
          const auto lane = gate.open(nullptr, true);
          Work work = some_work(cost_);
          if (gate.enter(work, owner, stop_)) gate.submitted(*lane, script.make_event(), work);
          gate.close(lane);
        }) {}
  ~Late() {
    stop_.store(true);
    thread_.join();
  }

 private:
  const std::shared_ptr<WorkCost> cost_ = std::make_shared<WorkCost>(WorkCost::of_kernel());
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// It had awaited the end of a turn that the queue itself then gave back; before it wakes up, the
// next one has been granted, used by others, and given back, too. That one is not its to give back
// again: the device host ends workers that do.
void test_late_drainer() {
  ScriptedDriver script(true);
  test::TurnDouble turn{script.driver()};
  TurnGate& gate = turn.gate;
  const auto lane = gate.open(nullptr, true);
  const auto cost = std::make_shared<WorkCost>(WorkCost::of_kernel());
  const std::atomic<bool> stop{false};
  const auto submit = [&] {
    Work work = some_work(cost);
    CHECK(gate.enter(work, 1, stop));
    gate.submitted(*lane, script.make_event(), work);
    return script.events() - 1;
  };
  const uint32_t first = turn.turns.grant(now_ns() + kLong);
  const size_t one = submit();
  turn.turns.shorten(now_ns());
  const Late late(script, gate, 2);
  CHECK(comes([&] { return script.native_kernels() == 1; }));
  pause_ms(1);  // it goes to sleep
  script.set(one, CL_COMPLETE);
  script.run_native_kernels();
  CHECK_SAME(turn.host.finished(), 1);
  CHECK_SAME(turn.host.last().turn, first);
  turn.turns.grant_unheard(now_ns() + kLong);
  script.set(submit(), CL_COMPLETE);
  turn.turns.shorten(now_ns());
  gate.idle(1);
  CHECK_SAME(turn.host.finished(), 2);
  CHECK_SAME(turn.host.last().turn, first + 1);
  pause_ms(50);
  CHECK_SAME(turn.host.finished(), 2);
  gate.close(lane);
}

}  // namespace

// It may wake up early by chance, and then this shows nothing.
void test_late_threads() {
  for (int i = 0; i < 5; ++i) test_late_drainer();
}

}  // namespace aliquot::worker
