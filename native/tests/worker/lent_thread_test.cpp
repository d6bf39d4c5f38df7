// Drivers that compute on waiting threads have one that waits, while there is enough to do.
#include <optional>

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

cl_command_queue some_queue() {
  static int place;
  return reinterpret_cast<cl_command_queue>(&place);
}

Driver that_computes_on_waiting_threads(const ScriptedDriver& script) {
  Driver driver = script.driver();
  driver.computes_on_waiting_threads = true;
  return driver;
}

/// Submits one command that is expected to take so long; the number of its event.
size_t submit(ScriptedDriver& script, TurnGate& gate, TurnGate::Lane& lane, uint64_t expected_ns) {
  const std::atomic<bool> stop{false};
  Work work;
  work.expected_ns = expected_ns;
  CHECK(gate.enter(work, 1, stop));
  gate.submitted(lane, script.make_event(), work);
  return script.events() - 1;
}

void test_long_work() {
  ScriptedDriver script;
  const Driver driver = that_computes_on_waiting_threads(script);
  test::TurnDouble turn{driver};
  const auto lane = turn.gate.open(some_queue(), true);
  turn.turns.grant(now_ns() + kLong);
  const size_t one = submit(script, turn.gate, *lane, kMillisecond);
  CHECK(comes([&] { return script.waiting() == 1; }));
  const size_t two = submit(script, turn.gate, *lane, kMillisecond);
  script.set(one, CL_COMPLETE);
  pause_ms(5);
  CHECK_SAME(script.waiting(), 1);  // the thread waits for the second, too
  script.set(two, CL_COMPLETE);
  CHECK(comes([&] { return script.waiting() == 0; }));
  const size_t three = submit(script, turn.gate, *lane, kMillisecond);  // it has slept meanwhile
  CHECK(comes([&] { return script.waiting() == 1; }));
  script.set(three, CL_COMPLETE);
  CHECK(comes([&] { return script.waiting() == 0; }));
  turn.gate.close(lane);
}

// Where no event is asked for the end is told by a call in the queue, and none covers the launch.
void test_without_event() {
  ScriptedDriver script;
  const Driver driver = that_computes_on_waiting_threads(script);
  test::TurnDouble turn{driver};
  const auto lane = turn.gate.open(some_queue(), true);
  turn.turns.grant(now_ns() + kLong);
  const std::atomic<bool> stop{false};
  Work work;
  work.expected_ns = kMillisecond;
  CHECK(turn.gate.enter(work, 1, stop));
  script.make_event();  // stands for what the launch does
  turn.gate.submitted(*lane, nullptr, work);
  CHECK(comes([&] { return script.waiting() == 1; }));
  turn.gate.close(lane);
  script.set(0, CL_COMPLETE);
  CHECK(comes([&] { return script.waiting() == 0; }));
}

void test_not_worth_it() {
  ScriptedDriver script;
  const Driver driver = that_computes_on_waiting_threads(script);
  test::TurnDouble turn{driver};
  const auto lane = turn.gate.open(some_queue(), true);
  turn.turns.grant(now_ns() + kLong);
  const size_t brief = submit(script, turn.gate, *lane, 10'000);
  for (int i = 0; i < 100; ++i) submit(script, turn.gate, *lane, 10'000);
  pause_ms(20);
  CHECK_SAME(script.waiting(), 0);
  for (size_t i = brief; i < script.events(); ++i) script.set(i, CL_COMPLETE);
  turn.gate.close(lane);
}

void test_other_drivers() {
  ScriptedDriver script;
  test::TurnDouble turn{script.driver()};
  const auto lane = turn.gate.open(some_queue(), true);
  turn.turns.grant(now_ns() + kLong);
  const size_t one = submit(script, turn.gate, *lane, kMillisecond);
  pause_ms(20);
  CHECK_SAME(script.waiting(), 0);
  script.set(one, CL_COMPLETE);
  turn.gate.close(lane);
}

// The worker must end though a kernel goes on.
void test_end_while_it_waits() {
  ScriptedDriver script;
  const Driver driver = that_computes_on_waiting_threads(script);
  std::optional<test::TurnDouble> turn(std::in_place, driver);
  const auto lane = turn->gate.open(some_queue(), true);
  turn->turns.grant(now_ns() + kLong);
  const size_t one = submit(script, turn->gate, *lane, kMillisecond);
  CHECK(comes([&] { return script.waiting() == 1; }));
  turn->gate.close(lane);
  turn.reset();
  CHECK_SAME(script.waiting(), 1);
  script.set(one, CL_COMPLETE);
  CHECK(comes([&] { return script.waiting() == 0; }));
}

// With all cores at work an answer comes late: guest drivers have to say ahead what they will wait
// for, also those whose vGPU has come from another device.
void test_guest_drivers_are_told() {
  ScriptedDriver script;
  for (const bool computes : {true, false}) {
    Driver driver = script.driver();
    driver.computes_on_waiting_threads = computes;
    test::TurnDouble turn{driver};
    Watchdog watchdog(0, turn.host);
    const auto memory = std::make_shared<layout::ConnectionMemory>();
    memory->control.watch_ahead.store(computes ? 0 : 1);
    Connection connection({driver, std::make_shared<MemoryQuota>(1 << 20), turn.host, watchdog,
                           nullptr, 0, {}, &turn.gate},
                          1, memory);
    CHECK_SAME(memory->control.watch_ahead.load(), computes ? 1U : 0U);
    connection.stop();
    connection.tear_down();
  }
}

}  // namespace

void test_lent_thread() {
  test_guest_drivers_are_told();
  test_long_work();
  test_without_event();
  test_not_worth_it();
  test_other_drivers();
  test_end_while_it_waits();
}

}  // namespace aliquot::worker
