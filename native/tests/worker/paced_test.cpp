// Copies that a limit holds back: nobody waits for them but what comes after them in their queue.
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
using test::turn_ends;

constexpr uint64_t kFillBytes = 64;
constexpr uint64_t kSecond = 1'000'000'000;

/// One fill a second.
struct Scene {
  Scene() {
    turn.page->copy_rate.store(kFillBytes);
    grant_ms(turn.turns, 60'000);
  }
  /// Lets begin what may by then.
  void release(uint64_t seconds) { guest.connection().release_paced(begin + seconds * kSecond); }

  const uint64_t begin = now_ns();
  ScriptedDriver script;
  test::TurnDouble turn{script.driver()};
  QueueGuest guest{script, turn};
};

// Each that is held back has two events: what it waits for, and its own.
void test_held_back() {
  Scene scene;
  ScriptedDriver& script = scene.script;
  const size_t first = scene.guest.fill(1);
  CHECK_SAME(script.events(), first + 1);
  const size_t second = scene.guest.fill(1);
  const size_t third = scene.guest.fill(2);  // in another queue, and yet not before that one
  CHECK_SAME(script.fills(), 3);
  CHECK_SAME(script.events(), third + 2);
  scene.release(0);
  CHECK_SAME(script.status_of(second), CL_QUEUED);

  // They hold up no turn.
  CHECK(!turn_ends(scene.turn));
  script.set(first, CL_COMPLETE);
  scene.turn.gate.look();
  CHECK_SAME(scene.turn.host.finished(), 1);
  CHECK_SAME(scene.turn.host.wanted(), 0);

  // To begin, they need one.
  std::thread decoder([&] { scene.release(2); });
  CHECK(comes([&] { return scene.turn.host.wanted() == 1; }));
  pause_ms(30);
  CHECK_SAME(script.status_of(second), CL_QUEUED);
  grant_ms(scene.turn.turns, 60'000);
  decoder.join();
  CHECK_SAME(script.status_of(second), CL_COMPLETE);
  CHECK_SAME(script.status_of(third), CL_QUEUED);
  CHECK(!turn_ends(scene.turn));
  script.set(second + 1, CL_COMPLETE);
  scene.turn.gate.look();
  CHECK_SAME(scene.turn.host.finished(), 2);
  grant_ms(scene.turn.turns, 60'000);
  scene.release(4);
  CHECK_SAME(script.status_of(third), CL_COMPLETE);
  script.set(third + 1, CL_COMPLETE);
}

void test_limit_is_taken_away() {
  Scene scene;
  const size_t first = scene.guest.fill(1);
  const size_t second = scene.guest.fill(1);
  const size_t third = scene.guest.fill(1);
  scene.turn.page->copy_rate.store(0);
  scene.release(0);
  CHECK_SAME(scene.script.status_of(second), CL_COMPLETE);
  CHECK_SAME(scene.script.status_of(third), CL_COMPLETE);
  const size_t fourth = scene.guest.fill(1);
  CHECK_SAME(scene.script.events(), fourth + 1);
  for (const size_t event : {first, second + 1, third + 1, fourth}) {
    scene.script.set(event, CL_COMPLETE);
  }
}

// What the program holds up itself counts when it may begin.
void test_behind_a_user_event() {
  Scene scene;
  scene.guest.user_event(1);
  const size_t waiting = scene.guest.fill(1, {1});
  const size_t free = scene.guest.fill(2);
  scene.release(10);
  CHECK_SAME(scene.script.status_of(waiting), CL_QUEUED);
  CHECK_SAME(scene.script.status_of(free), CL_COMPLETE);
  scene.release(20);  // the other one is paid for
  scene.guest.set(1, CL_COMPLETE);
  scene.release(30);
  CHECK_SAME(scene.script.status_of(waiting), CL_COMPLETE);
  scene.script.set(waiting + 1, CL_COMPLETE);
  scene.script.set(free + 1, CL_COMPLETE);
}

void test_end() {
  Scene scene;
  const size_t first = scene.guest.fill(1);
  const size_t second = scene.guest.fill(1);
  std::thread device([&] {
    CHECK(comes([&] { return scene.script.status_of(second) == -1; }));
    scene.script.set(second + 1, -1);
    scene.script.set(first, CL_COMPLETE);
  });
  scene.guest.connection().stop();
  scene.guest.connection().tear_down();
  device.join();
}

// What is claimed is what has ended, with its time by the driver.
void test_claims() {
  Scene scene;
  scene.turn.page->copy_rate.store(0);
  const size_t first = scene.guest.fill(1);
  const size_t second = scene.guest.fill(2);
  scene.script.set_times(first, 1'000, 5'000);
  scene.script.set(first, CL_COMPLETE);
  scene.turn.gate.prune();
  CHECK_SAME(scene.turn.gate.copies().bytes, kFillBytes);
  CHECK_SAME(scene.turn.gate.copies().ns, 4'000);
  scene.script.set_times(second, 6'000, 9'000);
  scene.script.set(second, CL_COMPLETE);
  CHECK(turn_ends(scene.turn));
  CHECK_SAME(scene.turn.host.last().copied_bytes, 2 * kFillBytes);
  CHECK_SAME(scene.turn.host.last().copy_ns, 7'000);
}

}  // namespace

void test_paced_copies() {
  test_held_back();
  test_limit_is_taken_away();
  test_behind_a_user_event();
  test_end();
  test_claims();
}

}  // namespace aliquot::worker
