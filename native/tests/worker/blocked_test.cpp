// Commands that wait for user events, whose end no turn may await, and the turns that user events
// need.
#include <thread>

#include "check.h"
#include "queue_guest.h"

namespace aliquot::worker {

namespace {

using test::comes;
using test::grant_ms;
using test::pause_ms;
using test::QueueGuest;
using test::ScriptedDriver;
using test::send;
using test::turn_ends;

void test_not_awaited() {
  ScriptedDriver script;
  test::TurnDouble turn(script.driver());
  QueueGuest guest(script, turn);
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
  QueueGuest guest(script, turn);
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
  QueueGuest guest(script, turn);
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
  QueueGuest guest(script, turn);
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
  QueueGuest guest(script, turn);
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
