// Commands that wait for user events, whose end no turn may await, and the turns that user events
// need.
#include <thread>

#include "check.h"
#include "direct_connection.h"
#include "scripted_driver.h"
#include "turn_double.h"

namespace aliquot::worker {

namespace {

using test::comes;
using test::grant_ms;
using test::pause_ms;
using test::ScriptedDriver;
using test::send;

/// A connection with a buffer and two queues, 1 in order and 2 not.
class Guest {
 public:
  Guest(ScriptedDriver& script, test::TurnDouble& turn)
      : script_(script),
        watchdog_(0, turn.host),
        connection_({script.driver(),
                     std::make_shared<MemoryQuota>(1 << 20),
                     turn.host,
                     watchdog_,
                     nullptr,
                     0,
                     {},
                     &turn.gate},
                    1, memory_) {
    test::open_context(connection_);
    for (uint32_t queue = 1; queue <= 2; ++queue) {
      opencl::CreateQueueCommand command;
      command.queue = queue;
      command.context = command.device = 1;
      command.properties = queue == 2 ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0;
      memory_->replies[0].state.store(layout::kReplyEmpty);
      send(connection_, command);
    }
    opencl::CreateBufferCommand buffer;
    buffer.buffer = buffer.context = 1;
    buffer.size = 64;
    send(connection_, buffer);
  }
  ~Guest() {
    connection_.stop();
    connection_.tear_down();
  }
  /// The number of the driver's event.
  size_t user_event(uint32_t id) {
    opencl::CreateUserEventCommand command;
    command.event = id;
    command.context = 1;
    const size_t number = script_.events();
    send(connection_, command);
    return number;
  }
  void set(uint32_t id, cl_int status) {
    opencl::SetUserEventStatusCommand command;
    command.event = id;
    command.status = status;
    send(connection_, command);
  }
  size_t fill(uint32_t queue, std::vector<uint32_t> wait = {}, uint32_t event = 0) {
    const uint8_t zero = 0;
    opencl::FillBufferCommand command;
    command.queue = queue;
    command.buffer = 1;
    command.event = event;
    command.size = 64;
    command.pattern = {&zero, 1};
    command.wait = wait;
    const size_t number = script_.events();
    send(connection_, command);
    return number;
  }
  template <class Command>
  size_t wait_in_queue(uint32_t queue, uint32_t event = 0) {
    Command command;
    command.queue = queue;
    command.event = event;
    const size_t number = script_.events();
    send(connection_, command);
    return number;
  }
  Connection& connection() { return connection_; }

 private:
  ScriptedDriver& script_;
  std::shared_ptr<layout::ConnectionMemory> memory_ = std::make_shared<layout::ConnectionMemory>();
  Watchdog watchdog_;
  Connection connection_;
};

/// Whether the turn ends though nothing of what was enqueued has ended.
bool turn_ends(test::TurnDouble& turn) {
  const size_t before = turn.host.finished();
  turn.turns.shorten(now_ns());
  turn.gate.look();
  return turn.host.finished() == before + 1;
}

void test_not_awaited() {
  ScriptedDriver script;
  test::TurnDouble turn(script.driver());
  Guest guest(script, turn);
  guest.user_event(1);
  const size_t waiting = guest.fill(1, {1}, 2);  // without a turn: it doesn't begin
  CHECK_SAME(script.fills(), 1);
  const size_t behind = guest.fill(1);
  const size_t marker = guest.wait_in_queue<opencl::MarkerCommand>(1, 3);
  guest.fill(2, {3});  // waits for the marker
  CHECK_SAME(script.fills(), 3);
  CHECK_SAME(turn.host.wanted(), 0);
  grant_ms(turn.turns, 60'000);
  const size_t free = guest.fill(2);
  CHECK(!turn_ends(turn));
  script.set(free, CL_COMPLETE);
  turn.gate.look();
  CHECK_SAME(turn.host.finished(), 1);
  // What the user event sets off needs a turn.
  std::thread setter([&] { guest.set(1, CL_COMPLETE); });
  CHECK(comes([&] { return turn.host.wanted() == 1; }));
  pause_ms(30);
  CHECK_SAME(script.status_of(0), CL_QUEUED);
  grant_ms(turn.turns, 60'000);
  setter.join();
  CHECK_SAME(script.status_of(0), CL_COMPLETE);
  CHECK(!turn_ends(turn));
  for (const size_t event : {waiting, behind, marker, marker + 1}) script.set(event, CL_COMPLETE);
  CHECK(comes([&] {
    turn.gate.look();
    return turn.host.finished() == 2;
  }));
}

// Out of order only a barrier holds up what follows.
void test_out_of_order() {
  ScriptedDriver script;
  test::TurnDouble turn(script.driver());
  Guest guest(script, turn);
  guest.user_event(1);
  grant_ms(turn.turns, 60'000);
  const size_t waiting = guest.fill(2, {1});
  const size_t free = guest.fill(2);
  CHECK(!turn_ends(turn));
  script.set(free, CL_COMPLETE);
  turn.gate.look();
  CHECK_SAME(turn.host.finished(), 1);
  const size_t barrier = guest.wait_in_queue<opencl::BarrierCommand>(2);
  const size_t behind = guest.fill(2);
  CHECK_SAME(turn.host.wanted(), 0);
  CHECK_SAME(script.fills(), 3);
  grant_ms(turn.turns, 60'000);
  guest.set(1, -7);
  CHECK(!turn_ends(turn));
  for (const size_t event : {waiting, barrier, behind}) script.set(event, -7);
  CHECK(comes([&] {
    turn.gate.look();
    return turn.host.finished() == 2;
  }));
}

// A user event that nobody waits for, and one that is released, need nothing and leave nothing.
void test_free_user_events() {
  ScriptedDriver script;
  test::TurnDouble turn(script.driver());
  Guest guest(script, turn);
  guest.user_event(1);
  guest.set(1, CL_COMPLETE);
  CHECK_SAME(script.status_of(0), CL_COMPLETE);
  guest.user_event(2);
  opencl::ReleaseCommand release;
  release.kind = static_cast<uint32_t>(opencl::ObjectKind::kEvent);
  release.object = 2;
  send(guest.connection(), release);
  CHECK_SAME(script.status_of(1), -1);
  CHECK_SAME(turn.host.wanted(), 0);
}

// What a command waited for has its status only when that command has failed for another reason,
// and its queue is gone.
void test_queue_is_gone() {
  ScriptedDriver script;
  test::TurnDouble turn(script.driver());
  Guest guest(script, turn);
  guest.user_event(1);
  guest.user_event(2);
  const size_t waiting = guest.fill(1, {1, 2});
  guest.set(1, -1);
  script.set(waiting, -1);
  opencl::ReleaseCommand release;
  release.kind = static_cast<uint32_t>(opencl::ObjectKind::kQueue);
  release.object = 1;
  send(guest.connection(), release);
  grant_ms(turn.turns, 60'000);
  guest.set(2, CL_COMPLETE);
  CHECK(turn_ends(turn));
}

// The guest process vanishes while commands wait: without a turn, and at once.
void test_end() {
  ScriptedDriver script;
  test::TurnDouble turn(script.driver());
  Guest guest(script, turn);
  guest.user_event(1);
  size_t last = guest.fill(1, {1});
  for (int i = 0; i < 300; ++i) last = guest.fill(1);
  std::thread device([&] {
    CHECK(comes([&] { return script.status_of(0) == -1; }));
    for (size_t event = 1; event <= last; ++event) {
      if (script.status_of(event) > CL_COMPLETE) script.set(event, -1);
    }
  });
  guest.connection().stop();
  guest.connection().tear_down();
  device.join();
  CHECK_SAME(turn.host.wanted(), 0);
}

}  // namespace

void test_blocked_work() {
  test_not_awaited();
  test_out_of_order();
  test_free_user_events();
  test_queue_is_gone();
  test_end();
}

}  // namespace aliquot::worker
