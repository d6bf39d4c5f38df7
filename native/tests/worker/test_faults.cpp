// Guest processes that vanish or misbehave, kernels that don't end, a worker that is killed.
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests.h"

namespace aliquot::test {

using namespace opencl;

namespace {

bool still_works(TestGuest& guest) {
  const int zero = 0;
  guest.buffer(500, 1, 4);
  guest.write(1, 500, &zero, 4);
  guest.kernel(500, 1, "count");
  guest.launch(1, 500, 1, Arguments().buffer(0, 500).value(1, 9));
  int out = 0;
  const bool read = guest.read(1, 500, &out, 4);
  guest.release(ObjectKind::kKernel, 500);
  guest.release(ObjectKind::kBuffer, 500);
  return read && out == 9 && guest.take_error(1) == 0;
}

void expect_violation(TestHost& host, uint32_t connection, TestGuest& guest) {
  records::Record record;
  const bool came = host.expect(records::Kind::kViolation, record);
  CHECK(came);
  if (came) CHECK_SAME(payload_of<records::Violation>(record).connection, connection);
  CHECK_SAME(guest.memory().control.worker_closed.load(), 1);
  CHECK(guest.disconnect());
}

void test_violations(TestHost& host, TestGuest& neighbour) {
  uint32_t connection = 10;
  const auto try_frame = [&](std::vector<uint64_t> words) {
    TestGuest guest(host, ++connection);
    guest.open(1, 1);
    guest.send_bytes(reinterpret_cast<const unsigned char*>(words.data()), words.size() * 8);
    expect_violation(host, connection, guest);
    CHECK(still_works(neighbour));
  };
  const auto header = [](uint64_t size, uint64_t opcode, uint64_t flags = 0) {
    return size | (opcode << 32) | (flags << 48);
  };
  try_frame({header(0, 48)});             // no size
  try_frame({header(16, 48), 1});         // too short for a launch
  try_frame({header(64, 60), 1});         // longer than what is there
  try_frame({header(12, 60), 1});         // not a multiple of 8
  try_frame({header(16, 4711), 1});       // no such command
  try_frame({header(16, 10, 1), 1});      // flags
  try_frame({header(16, 10), 99});        // no such kind
  try_frame({header(128 << 10, 48), 1});  // larger than any frame
  try_frame({header(24, 60), 1, 1, 2});   // trailing words become the next frame
  // Tails that can't be.
  for (const uint64_t tail : {~uint64_t{0}, uint64_t{3}, uint64_t{1} << 40}) {
    TestGuest guest(host, ++connection);
    guest.open(1, 1);
    guest.publish_tail(tail);
    expect_violation(host, connection, guest);
  }
  // A reply slot that doesn't exist.
  TestGuest guest(host, ++connection);
  LastErrorCommand command;
  command.reply.slot = layout::kReplySlots;
  guest.send(command);
  expect_violation(host, connection, guest);
  CHECK(still_works(neighbour));
}

// A guest process that dies with work under way: everything is free once its kernel has ended.
void test_vanishing(TestHost& host, TestGuest& neighbour) {
  TestGuest guest(host, 40);
  guest.open(1, 1);
  CHECK_SAME(guest.build(1, 1, kSource), CL_SUCCESS);
  guest.kernel(1, 1, "slow");
  guest.buffer(1, 1, host.memory_limit() / 2 + 1);
  CreateUserEventCommand user;
  user.event = 1;
  user.context = 1;
  guest.send(user);
  const uint32_t gate[] = {1};
  guest.launch(1, 1, 1, Arguments().buffer(0, 1).value(1, 200));
  guest.launch(1, 1, 1, Arguments(), 2, gate);  // waits for what will never be set
  guest.watch(2, 1, 1);
  CHECK_SAME(guest.call(LastErrorCommand{{}, 1}).status, CL_SUCCESS);
  CHECK(guest.disconnect());
  neighbour.buffer(600, 1, host.memory_limit() / 2 + 1);
  CHECK(still_works(neighbour));
  FillBufferCommand fill;
  fill.queue = 1;
  fill.buffer = 600;
  fill.size = 1;
  const uint8_t byte = 1;
  fill.pattern = {&byte, 1};
  neighbour.send(fill);
  CHECK(neighbour.finish(1));
  CHECK_SAME(neighbour.take_error(1), CL_SUCCESS);
  neighbour.release(ObjectKind::kBuffer, 600);
}

// A guest process that reads nothing: notifications overflow, replies are overwritten, nobody
// waits.
void test_deaf_guest(TestHost& host, TestGuest& neighbour) {
  TestGuest guest(host, 41);
  guest.open(1, 1);
  for (uint32_t round = 0; round < 3; ++round) {
    for (uint32_t id = 1; id <= layout::kNotifyEntries / 2; ++id) {
      MarkerCommand marker;
      marker.queue = 9;  // there is none, so the event has failed
      marker.event = id;
      guest.send(marker);
      guest.watch(id, 1, 1);
      guest.release(ObjectKind::kEvent, id);
    }
  }
  CHECK_SAME(guest.call(LastErrorCommand{{}, 1}).status, CL_SUCCESS);
  CHECK_SAME(guest.memory().control.notify_overflow.load(), 1);
  CHECK(still_works(neighbour));
  CHECK(guest.disconnect());
}

void test_dead_ids(TestGuest& guest) {
  guest.launch(1, 0, 1, Arguments());
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_KERNEL);
  guest.launch(7, 1, 1, Arguments(), 9);
  CHECK_SAME(guest.wait_event(9), CL_INVALID_COMMAND_QUEUE);
  guest.release(ObjectKind::kEvent, 9);
  const uint32_t unknown[] = {4242};
  MarkerCommand marker;
  marker.queue = 1;
  marker.wait = unknown;
  guest.send(marker);
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_EVENT_WAIT_LIST);
  for (uint32_t kind = 0; kind < kObjectKinds; ++kind) {
    guest.release(static_cast<ObjectKind>(kind), 1'000'000);
    guest.release(static_cast<ObjectKind>(kind), 0xFFFF'FFFF);
    guest.release(static_cast<ObjectKind>(kind), 0);
  }
  CreateQueueCommand again;  // an id that is in use
  again.queue = 1;
  again.context = 1;
  again.device = 1;
  CHECK(guest.call(again).status != CL_SUCCESS);
  CHECK(still_works(guest));
}

// A command that fails early ends nothing that is still running before it.
void test_early_failure(TestGuest& guest) {
  SharedPages& pages = guest.add_arena(7, 4096);
  const auto* result = reinterpret_cast<const volatile int*>(pages.data());
  guest.buffer(700, 1, 4, 7);
  guest.kernel(700, 1, "slow");
  CreateUserEventCommand user;
  user.event = 700;
  user.context = 1;
  guest.send(user);
  const uint32_t gate[] = {700};
  SetUserEventStatusCommand set;
  set.event = 700;
  set.status = -5;
  constexpr int kRounds = 200;
  guest.launch(1, 700, 1, Arguments().buffer(0, 700).value(1, kRounds));
  guest.launch(1, 700, 1, Arguments().value(1, 1), 701, gate);
  SyncCommand before;
  before.queue = 1;
  before.sequence = guest.next_sequence();
  guest.send(before);
  guest.send(set);
  CHECK(guest.await_sequence(1, before.sequence));
  CHECK(*result >= 1);  // some drivers run what should have failed
  // The same for a sync that comes after the failure.
  guest.release(ObjectKind::kEvent, 700);
  guest.release(ObjectKind::kEvent, 701);
  guest.send(user);
  *reinterpret_cast<int*>(pages.data()) = 0;
  guest.launch(1, 700, 1, Arguments().value(1, kRounds));
  guest.launch(1, 700, 1, Arguments().value(1, 1), 701, gate);
  guest.send(set);
  CHECK(guest.wait_event(701) <= 0);
  CHECK(guest.finish(1));
  CHECK(*result >= 1);
  guest.take_error(1);
  for (const uint32_t id : {700u, 701u}) guest.release(ObjectKind::kEvent, id);
  guest.release(ObjectKind::kKernel, 700);
  guest.release(ObjectKind::kBuffer, 700);
}

// The limit is long enough for a machine that stands still for a moment.
constexpr uint32_t kLimitMs = 1'000;

void test_overrun(WorkerSettings settings) {
  settings.kernel_limit_ms = kLimitMs;
  TestHost host(settings);
  TestGuest guest(host, 1);
  guest.open(1, 1);
  CHECK_SAME(guest.build(1, 1, kSource), CL_SUCCESS);
  guest.kernel(1, 1, "slow");
  guest.kernel(2, 1, "count");
  guest.buffer(1, 1, 4);
  // Short ones are no overrun, however many; nor is waiting.
  CreateUserEventCommand user;
  user.event = 1;
  user.context = 1;
  guest.send(user);
  const uint32_t gate[] = {1};
  guest.launch(1, 2, 1, Arguments().buffer(0, 1).value(1, 1), 2, gate);
  const timespec pause{1, 300'000'000};
  nanosleep(&pause, nullptr);
  SetUserEventStatusCommand set;
  set.event = 1;
  guest.send(set);
  for (int i = 0; i < 20'000; ++i) guest.launch(1, 2, 1, Arguments());
  CHECK(guest.finish(1));
  CHECK(!host.seen(records::Kind::kKernelOverrun));
  // Nor is a burst that the short ones let go without events, though it takes longer than the
  // limit.
  guest.set_burst(true);
  for (int i = 0; i < 200; ++i) guest.launch(1, 1, 1, Arguments().buffer(0, 1).value(1, 6));
  guest.set_burst(false);
  CHECK(guest.finish(1, 120'000));
  CHECK(!host.seen(records::Kind::kKernelOverrun));
  guest.launch(1, 1, 1, Arguments().buffer(0, 1).value(1, 1'000'000));
  records::Record record;
  CHECK(host.expect(records::Kind::kKernelOverrun, record));
  const auto overrun = payload_of<records::KernelOverrun>(record);
  CHECK_SAME(overrun.connection, 1);
  CHECK(overrun.milliseconds > kLimitMs);
  CHECK(std::string(overrun.kernel) == "slow");
  host.kill_worker();
}

// A long kernel without an event of its own, with nothing but a failed launch behind it.
void test_hidden_overrun(WorkerSettings settings) {
  settings.kernel_limit_ms = kLimitMs;
  TestHost host(settings);
  TestGuest guest(host, 1);
  guest.open(1, 1);
  CHECK_SAME(guest.build(1, 1, kSource), CL_SUCCESS);
  guest.kernel(1, 1, "slow");
  guest.kernel(2, 1, "count");
  guest.buffer(1, 1, 4);
  guest.launch(1, 2, 1, Arguments().buffer(0, 1).value(1, 1));
  for (int i = 0; i < 2'000; ++i) guest.launch(1, 2, 1, Arguments());
  CHECK(guest.finish(1));
  guest.set_burst(true);
  guest.launch(1, 1, 1, Arguments().buffer(0, 1).value(1, 1'000'000));
  guest.launch(1, 4711, 1, Arguments());
  guest.set_burst(false);
  guest.publish();
  records::Record record;
  CHECK(host.expect(records::Kind::kKernelOverrun, record));
  CHECK(std::string(payload_of<records::KernelOverrun>(record).kernel) == "slow");
  host.kill_worker();
}

// The device host asks whether the worker lives; a driver that is busy is no reason to be silent.
void test_answers_while_it_builds(TestHost& host, TestGuest& guest) {
  std::string source;
  for (int kernel = 0; kernel < 200; ++kernel)
    source += "kernel void k" + std::to_string(kernel) +
              "(global float* a) { for (int i = 0; i < 64; ++i) a[i] = sin(a[i]) + cos(a[i]); }\n";
  std::atomic<bool> built{false};
  std::thread builder([&] {
    CHECK_SAME(guest.build(77, 1, source), CL_SUCCESS);
    built = true;
  });
  for (uint32_t sequence = 1; sequence == 1 || !built; ++sequence) {
    host.send(make_record(records::Kind::kPing, sequence));
    records::Record record;
    CHECK(host.expect(records::Kind::kPong, record));
    CHECK_SAME(record.header.sequence, sequence);
    usleep(20'000);
  }
  builder.join();
  guest.release(ObjectKind::kProgram, 77);
}

void test_kill(const WorkerSettings& settings) {
  TestHost host(settings);
  TestGuest guest(host, 1);
  guest.open(1, 1);
  host.kill_worker();
  CHECK(!guest.finish(1, 200));
  CHECK(!guest.disconnect(200));
}

}  // namespace

void test_faults(const WorkerSettings& settings) {
  {
    TestHost host(settings);
    TestGuest neighbour(host, 1);
    neighbour.open(1, 1);
    CHECK_SAME(neighbour.build(1, 1, kSource), CL_SUCCESS);
    test_dead_ids(neighbour);
    test_violations(host, neighbour);
    test_deaf_guest(host, neighbour);
    test_early_failure(neighbour);
    test_vanishing(host, neighbour);
    test_answers_while_it_builds(host, neighbour);
    CHECK(still_works(neighbour));
    CHECK(neighbour.disconnect());
  }
  test_overrun(settings);
  test_hidden_overrun(settings);
  test_kill(settings);
}

}  // namespace aliquot::test
