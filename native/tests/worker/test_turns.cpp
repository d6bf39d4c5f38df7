// A worker that shares its device: what it does when turns begin, end and are taken back.
#include <time.h>

#include <vector>

#include "tests.h"

namespace aliquot::test {

using namespace opencl;

namespace {

constexpr uint64_t kMillisecond = 1'000'000;

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

void pause_ms(uint64_t milliseconds) {
  const timespec pause{static_cast<time_t>(milliseconds / 1000),
                       static_cast<long>(milliseconds % 1000 * kMillisecond)};
  nanosleep(&pause, nullptr);
}

uint32_t grant_ms(TestHost& host, uint64_t milliseconds) {
  return host.turns().grant(now_ns() + milliseconds * kMillisecond);
}

/// Kernel 1 counts in buffer 1, kernel 2 is slow.
void prepare(TestGuest& guest) {
  guest.open(1, 1);
  CHECK_SAME(guest.build(1, 1, kSource), CL_SUCCESS);
  guest.kernel(1, 1, "count");
  guest.kernel(2, 1, "slow");
  guest.buffer(1, 1, 64);
}

void count(TestGuest& guest, std::span<const uint32_t> wait = {}) {
  guest.launch(1, 1, 1, Arguments().buffer(0, 1).value(1, 1), 0, wait);
}

bool expect_finished(TestHost& host, uint32_t turn, uint32_t more, int milliseconds = 5'000) {
  records::Record record;
  if (!host.expect(records::Kind::kTurnFinished, record, milliseconds)) return false;
  const auto finished = payload_of<records::TurnFinished>(record);
  return finished.turn == turn && finished.more == more;
}

void test_without_turn(TestHost& host, TestGuest& guest) {
  count(guest);
  CHECK(!guest.finish(1, 200));
  CHECK(host.seen(records::Kind::kTurnWanted));
  const uint32_t turn = host.turns().grant();
  CHECK(guest.finish(1));
  CHECK(!expect_finished(host, turn, 0, 200));  // nobody else wants it
  // Others come.
  host.turns().shorten(now_ns() + 1000 * kMillisecond);
  host.send(make_record(records::Kind::kTurnRecall, 0));
  CHECK(expect_finished(host, turn, 0, 500));
}

void test_idle(TestHost& host, TestGuest& guest) {
  for (int i = 0; i < 5; ++i) {
    const uint32_t turn = grant_ms(host, 10'000);
    count(guest);
    CHECK(guest.finish(1));
    CHECK(expect_finished(host, turn, 0, 1'000));
  }
  // What the program didn't flush ends all the same.
  const uint32_t turn = grant_ms(host, 10'000);
  count(guest);
  CHECK(expect_finished(host, turn, 0, 2'000));
  CHECK(!host.seen(records::Kind::kTurnFinished));
}

void test_end_of_turn(TestHost& host, TestGuest& guest) {
  for (int i = 0; i < 40; ++i) guest.launch(1, 2, 1, Arguments().buffer(0, 1).value(1, 5));
  uint32_t turn = grant_ms(host, 10);
  const uint64_t sequence = guest.next_sequence();
  SyncCommand sync;
  sync.queue = 1;
  sync.sequence = sequence;
  guest.send(sync);
  int turns = 1;
  while (!guest.await_sequence(1, sequence, 1) && turns < 200) {
    records::Record record;
    if (!host.expect(records::Kind::kTurnFinished, record, 5'000)) break;
    const auto finished = payload_of<records::TurnFinished>(record);
    CHECK_SAME(finished.turn, turn);
    if (finished.more == 0) {
      if (guest.await_sequence(1, sequence, 200)) break;
      if (!host.expect(records::Kind::kTurnWanted, record, 10'000)) break;
    }
    turn = grant_ms(host, 10);
    ++turns;
  }
  CHECK(guest.await_sequence(1, sequence));
  CHECK(turns > 2);
  records::Record record;
  host.expect(records::Kind::kTurnFinished, record, 500);
}

constexpr size_t kItems = 4096;

/// The same long work twice: the second kernel could tell that it runs in pieces.
constexpr char kLongKernels[][300] = {
    R"(kernel void grind(global uint* out, int rounds) {
      uint x = get_global_id(0);
      for (int i = 0; i < rounds; ++i) x = x * 1664525u + 1013904223u;
      out[get_global_id(0)] = x;
    })",
    R"(kernel void grind(global uint* out, int rounds) {
      uint x = get_global_id(0) * (get_num_groups(0) / 64);
      for (int i = 0; i < rounds; ++i) x = x * 1664525u + 1013904223u;
      out[get_global_id(0)] = x;
    })"};

void grind(TestGuest& guest, uint32_t kernel, int rounds) {
  const uint64_t shape[] = {kItems, kItems / 64};
  const Arguments arguments = Arguments().buffer(0, 3).value(1, rounds);
  LaunchCommand launch;
  launch.queue = 1;
  launch.kernel = kernel;
  launch.dimensions = 1;
  launch.flags = 1;  // with a local size
  launch.shape = shape;
  launch.arguments = arguments.bytes();
  guest.send(launch);
}

/// Turns of 10 ms each until the queue has come to its end.
int turns_taken(TestHost& host, TestGuest& guest) {
  grant_ms(host, 10);
  SyncCommand sync;
  sync.queue = 1;
  sync.sequence = guest.next_sequence();
  guest.send(sync);
  for (int turns = 1; turns < 500; ++turns) {
    records::Record record;
    if (!host.expect(records::Kind::kTurnFinished, record, 10'000)) return -1;
    // On a busy machine a turn may go back unused: the next piece comes too late for it.
    if (payload_of<records::TurnFinished>(record).more == 0) {
      if (guest.await_sequence(1, sync.sequence, 200)) return turns;
      if (!host.expect(records::Kind::kTurnWanted, record, 10'000)) return -1;
    }
    grant_ms(host, 10);
  }
  return -1;
}

// A long kernel gives the device away in between, where it can't tell, and computes the same.
void test_pieces(TestHost& host, TestGuest& guest) {
  guest.buffer(3, 1, kItems * sizeof(uint32_t));
  std::vector<uint32_t> results[2];
  int rounds = 20'000;
  for (const uint32_t kernel : {3u, 4u}) {
    CHECK_SAME(guest.build(kernel, 1, kLongKernels[kernel - 3]), CL_SUCCESS);
    guest.kernel(kernel, kernel, "grind");
    // Alone, to learn how long it takes.
    const uint32_t turn = host.turns().grant();
    for (;;) {
      const uint64_t begin = now_ns();
      grind(guest, kernel, rounds);
      CHECK(guest.finish(1));
      if (kernel == 4 || rounds > 100'000'000 || now_ns() - begin > 80 * kMillisecond) break;
      rounds *= 2;
    }
    grind(guest, kernel, rounds);  // once more: the first time it was compiled as well
    CHECK(guest.finish(1));
    host.turns().shorten(now_ns());
    host.send(make_record(records::Kind::kTurnRecall, 0));
    CHECK(expect_finished(host, turn, 0));
    grind(guest, kernel, rounds);
    const int turns = turns_taken(host, guest);
    CHECK(kernel == 3 ? turns >= 3 : turns == 1);
    host.turns().grant();
    results[kernel - 3].resize(kItems);
    CHECK(guest.read(1, 3, results[kernel - 3].data(), kItems * sizeof(uint32_t)));
    host.turns().shorten(now_ns());
    host.send(make_record(records::Kind::kTurnRecall, 0));
    records::Record record;
    CHECK(host.expect(records::Kind::kTurnFinished, record, 2'000));
  }
  CHECK(results[0] == results[1] && results[0][1] != results[0][2]);
}

// Has no end that a turn could wait for.
void test_user_event(TestHost& host, TestGuest& guest) {
  CreateUserEventCommand create;
  create.event = 7;
  create.context = 1;
  guest.send(create);
  const uint32_t wait[] = {7};
  count(guest, wait);
  count(guest);
  guest.open(2, 2);
  guest.buffer(2, 2, 64);
  FillBufferCommand fill;
  fill.queue = fill.buffer = 2;
  fill.size = 64;
  const uint8_t zero = 0;
  fill.pattern = {&zero, 1};
  guest.send(fill);
  CHECK(expect_finished(host, grant_ms(host, 10'000), 0, 1'000));
  CHECK(guest.finish(2) && !guest.finish(1, 50));
  SetUserEventStatusCommand set;
  set.event = 7;
  set.status = CL_COMPLETE;
  guest.send(set);
  pause_ms(50);
  const uint32_t turn = grant_ms(host, 1'000);
  CHECK(guest.finish(1));
  CHECK(expect_finished(host, turn, 0, 1'000));
  guest.release(ObjectKind::kEvent, 7);
}

// Those at the gate are freed at once; the turn that they wanted goes back.
void test_vanishing(TestHost& host) {
  TestGuest guest(host, 2);
  prepare(guest);
  while (host.seen(records::Kind::kTurnWanted)) {
    records::Record record;
    host.expect(records::Kind::kTurnWanted, record, 1);
  }
  count(guest);
  records::Record record;
  CHECK(host.expect(records::Kind::kTurnWanted, record));
  const uint64_t begin = now_ns();
  CHECK(guest.disconnect());
  CHECK(now_ns() - begin < 1'000 * kMillisecond);
  CHECK(expect_finished(host, grant_ms(host, 10'000), 0, 500));
}

// A queue is measured whether its program asked for times or not, and the program sees none.
void test_unseen_times(TestHost& host, TestGuest& guest) {
  host.turns().grant();
  guest.launch(1, 1, 1, Arguments().buffer(0, 1).value(1, 1), 9);
  CHECK_SAME(guest.wait_event(9), CL_COMPLETE);
  CHECK_SAME(guest.memory().events[8].has_times, 0);
  guest.release(ObjectKind::kEvent, 9);
  CHECK(guest.finish(1));
}

void test_sleep(TestHost& host) {
  pause_ms(2'000);  // those that looked after turns have calmed down
  const uint64_t before = host.cpu_ticks();
  pause_ms(700);
  CHECK(host.cpu_ticks() - before <= 1);
}

}  // namespace

void test_turns(const WorkerSettings& with) {
  WorkerSettings settings = with;
  settings.turns = WorkerSettings::Turns::kGranted;
  TestHost host(settings);
  TestGuest guest(host, 1);
  prepare(guest);
  test_without_turn(host, guest);
  test_idle(host, guest);
  test_end_of_turn(host, guest);
  test_user_event(host, guest);
  test_pieces(host, guest);
  test_vanishing(host);
  test_unseen_times(host, guest);
  test_sleep(host);
  CHECK(guest.disconnect());
}

}  // namespace aliquot::test
