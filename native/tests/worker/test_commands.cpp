// Commands and their results.
#include <array>
#include <numeric>

#include "tests.h"

namespace aliquot::test {

using namespace opencl;

namespace {

void test_results(TestGuest& guest) {
  constexpr size_t kCount = 10'000;
  std::vector<int> a(kCount);
  std::vector<int> b(kCount);
  std::iota(a.begin(), a.end(), 5);
  std::iota(b.begin(), b.end(), -70'000);
  for (uint32_t id = 1; id <= 3; ++id) guest.buffer(id, 1, kCount * sizeof(int));
  guest.write(1, 1, a.data(), kCount * sizeof(int));
  guest.write(1, 2, b.data(), kCount * sizeof(int));
  const Reply kernel = guest.kernel(1, 1, "add");
  CHECK_SAME(kernel.status, CL_SUCCESS);
  CHECK_SAME(kernel.read<uint32_t>(0), 3);
  guest.launch(1, 1, kCount, Arguments().buffer(0, 1).buffer(1, 2).buffer(2, 3));
  std::vector<int> sum(kCount);
  CHECK(guest.read(1, 3, sum.data(), kCount * sizeof(int)));
  for (size_t i = 0; i < kCount; ++i) {
    if (sum[i] != a[i] + b[i]) return CHECK_SAME(sum[i], a[i] + b[i]);
  }
  CHECK_SAME(guest.take_error(1), 0);
}

void test_bursts(TestGuest& guest) {
  constexpr int kLaunches = 60'000;
  const int zero = 0;
  CHECK_SAME(guest.kernel(2, 1, "count").status, CL_SUCCESS);
  guest.buffer(4, 1, 4);
  guest.write(1, 4, &zero, 4);
  guest.launch(1, 2, 1, Arguments().buffer(0, 4).value(1, 1));
  const Arguments none;
  guest.set_burst(true);
  for (int i = 1; i < kLaunches; ++i) {
    if (i % 1000 == 0) {
      guest.launch(1, 2, 1, Arguments().value(1, 1 + i / 1000));  // sent with the launch
    } else {
      guest.launch(1, 2, 1, none);
    }
    if (i % 500 == 0) guest.publish();
  }
  guest.set_burst(false);
  int counted = 0;
  CHECK(guest.read(1, 4, &counted, 4));
  int expected = 0;
  for (int i = 0; i < kLaunches; ++i) expected += 1 + i / 1000;
  CHECK_SAME(counted, expected);
  CHECK_SAME(guest.take_error(1), 0);
}

void test_values(TestGuest& guest) {
  const Reply kernel = guest.kernel(3, 1, "fill_from");
  CHECK_SAME(kernel.status, CL_SUCCESS);
  CHECK_SAME(kernel.read<uint32_t>(0), 4);
  struct Entry {
    uint32_t argument_class, bytes, address, access;
    uint64_t type;
    uint32_t type_size, name_size;
  };
  size_t at = 4;
  std::vector<Entry> entries;
  for (int i = 0; i < 4; ++i) {
    const auto entry = kernel.read<std::array<uint32_t, 8>>(at);
    entries.push_back({entry[0], entry[1], entry[2], entry[3], 0, entry[6], entry[7]});
    at += 32 + ((entry[6] + entry[7] + 7) & ~7u);
  }
  CHECK_SAME(entries[0].argument_class, 1);
  CHECK_SAME(entries[1].argument_class, 2);
  CHECK_SAME(entries[2].argument_class, 0);
  CHECK_SAME(entries[2].bytes, 4);
  CHECK_SAME(entries[3].bytes, 1);
  CHECK_SAME(at, kernel.bytes.size());
  guest.buffer(5, 1, 64);
  const std::array<cl_short, 2> pair = {3, 4};
  guest.launch(1, 3, 2,
               Arguments().buffer(0, 5).local(1, 64).value(2, pair).value(3, char{5}));
  int out[2] = {};
  CHECK(guest.read(1, 5, out, sizeof out));
  CHECK_SAME(out[0], 345);
  CHECK_SAME(out[1], 345);
  // A handle where a value belongs, a value where a buffer belongs, and wrong sizes.
  guest.launch(1, 3, 2, Arguments().value(0, uint64_t{0x1234}));
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_ARG_SIZE);
  guest.launch(1, 3, 2, Arguments().buffer(0, 5).value(2, 7.0));
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_ARG_SIZE);
  guest.launch(1, 3, 2, Arguments().value(9, 7));
  CHECK(guest.finish(1));
  CHECK(guest.take_error(1) != 0);
}

void test_events(TestGuest& guest) {
  const int zero = 0;
  guest.write(1, 4, &zero, 4);
  // Two launches behind a user event; the second waits for the first.
  CreateUserEventCommand user;
  user.event = 1;
  user.context = 1;
  guest.send(user);
  const uint32_t gate[] = {1};
  const uint32_t first[] = {2};
  guest.launch(1, 2, 1, Arguments().value(1, 40), 2, gate);
  guest.launch(1, 2, 1, Arguments().value(1, 2), 3, first);
  guest.watch(3, 1, 1);
  CHECK(guest.call(LastErrorCommand{{}, 1}).status == CL_SUCCESS);
  CHECK(guest.event_status(3) > 0);
  SetUserEventStatusCommand set;
  set.event = 1;
  set.status = CL_COMPLETE;
  guest.send(set);
  uint64_t entry = 0;
  CHECK(guest.take_notification(entry));
  CHECK_SAME(entry, 3);  // event 3, status 0
  CHECK_SAME(guest.event_status(3), CL_COMPLETE);
  int counted = 0;
  CHECK(guest.read(1, 4, &counted, 4));
  CHECK_SAME(counted, 42);
  for (uint32_t id = 1; id <= 3; ++id) guest.release(ObjectKind::kEvent, id);
  // A failed user event fails what waits for it, and nothing hangs.
  guest.send(user);
  guest.launch(1, 2, 1, Arguments().value(1, 1), 2, gate);
  set.status = -7;
  guest.send(set);
  CHECK(guest.wait_event(2) <= 0);  // PoCL fails it, the Intel runtime lets it complete
  CHECK(guest.finish(1));
  guest.take_error(1);
  // The same when the waits began before the failure.
  for (const uint32_t id : {1, 2}) guest.release(ObjectKind::kEvent, id);
  guest.send(user);
  guest.launch(1, 2, 1, Arguments().value(1, 1), 2, gate);
  guest.launch(1, 2, 1, Arguments(), 3, first);
  guest.watch(3, 1, 1);
  SyncCommand sync;
  sync.queue = 1;
  sync.sequence = guest.next_sequence();
  guest.send(sync);
  guest.send(set);
  CHECK(guest.take_notification(entry));
  CHECK_SAME(static_cast<uint32_t>(entry), 3);
  CHECK(guest.await_sequence(1, sync.sequence));
  guest.release(ObjectKind::kEvent, 3);
  // What waits for a command that never was fails as well.
  guest.launch(1, 99, 1, Arguments(), 5);
  const uint32_t failed[] = {5};
  guest.launch(1, 2, 1, Arguments().value(1, 500), 6, failed);
  CHECK_SAME(guest.wait_event(5), CL_INVALID_KERNEL);
  CHECK_SAME(guest.wait_event(6), CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
  CHECK_SAME(guest.take_error(1), CL_INVALID_KERNEL);
  // Its arguments count all the same: they are sent once.
  CHECK(guest.read(1, 4, &counted, 4));
  const int before = counted;
  guest.launch(1, 2, 1, Arguments());
  CHECK(guest.read(1, 4, &counted, 4));
  CHECK_SAME(counted - before, 500);
  for (const uint32_t id : {1, 2, 5, 6}) guest.release(ObjectKind::kEvent, id);
  CHECK_SAME(guest.wait_event(7), CL_INVALID_EVENT);
}

void test_profiling(TestGuest& guest) {
  CreateQueueCommand create;
  create.queue = 2;
  create.context = 1;
  create.device = 1;
  create.properties = CL_QUEUE_PROFILING_ENABLE;
  CHECK_SAME(guest.call(create).status, CL_SUCCESS);
  guest.launch(2, 2, 1, Arguments().buffer(0, 4).value(1, 1), 8);
  CHECK_SAME(guest.wait_event(8), CL_COMPLETE);
  const layout::EventSlot& slot = guest.memory().events[7];
  CHECK_SAME(slot.has_times, 1);
  CHECK(slot.queued <= slot.submitted && slot.submitted <= slot.started);
  CHECK(slot.started < slot.ended);
  guest.release(ObjectKind::kEvent, 8);
  guest.release(ObjectKind::kQueue, 2);
}

void test_out_of_order(TestGuest& guest) {
  CreateQueueCommand create;
  create.queue = 3;
  create.context = 1;
  create.device = 1;
  create.properties = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
  const Reply made = guest.call(create);
  if (made.status == CL_INVALID_QUEUE_PROPERTIES) return;
  CHECK_SAME(made.status, CL_SUCCESS);
  constexpr uint32_t kCount = 600;
  const int zero = 0;
  guest.write(1, 4, &zero, 4);
  // A chain: each waits for the one before, so that the sum is exact.
  for (uint32_t i = 0; i < kCount; ++i) {
    const uint32_t before[] = {100 + i - 1};
    guest.launch(3, 2, 1, Arguments().buffer(0, 4).value(1, 3), 100 + i,
                 i == 0 ? std::span<const uint32_t>() : std::span<const uint32_t>(before));
  }
  CHECK(guest.finish(3));
  int counted = 0;
  CHECK(guest.read(1, 4, &counted, 4));
  CHECK_SAME(counted, 3 * kCount);
  for (uint32_t i = 0; i < kCount; ++i) guest.release(ObjectKind::kEvent, 100 + i);
  CHECK_SAME(guest.take_error(3), 0);
  guest.release(ObjectKind::kQueue, 3);
}

// A released queue ends its commands, and says so to syncs before and after its release; the next
// queue of its id goes on with its sequences.
void test_released_queue(TestGuest& guest) {
  CreateQueueCommand create;
  create.queue = 4;
  create.context = 1;
  create.device = 1;
  for (const uint64_t properties : {uint64_t{0}, uint64_t{CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE}}) {
    create.properties = properties;
    if (guest.call(create).status == CL_INVALID_QUEUE_PROPERTIES) continue;
    const uint64_t before = guest.memory().queues[3].completed.load();
    const int zero = 0;
    guest.write(1, 4, &zero, 4);
    CHECK_SAME(guest.memory().queues[3].completed.load(), before);
    for (int i = 0; i < 5; ++i) guest.launch(4, 2, 1, Arguments().buffer(0, 4).value(1, 3));
    guest.release(ObjectKind::kQueue, 4);
    CHECK(guest.finish(4));
    int counted = 0;
    CHECK(guest.read(1, 4, &counted, 4));
    if (properties == 0) CHECK_SAME(counted, 15);
    CHECK(guest.memory().queues[3].completed.load() > before);
    guest.launch(4, 2, 1, Arguments(), 30);
    CHECK_SAME(guest.wait_event(30), CL_INVALID_COMMAND_QUEUE);
    guest.release(ObjectKind::kEvent, 30);
  }
}

void test_markers(TestGuest& guest) {
  MarkerCommand marker;
  marker.queue = 1;
  marker.event = 20;
  guest.send(marker);
  BarrierCommand barrier;
  barrier.queue = 1;
  barrier.event = 21;
  guest.send(barrier);
  MigrateBuffersCommand migrate;
  migrate.queue = 1;
  migrate.event = 22;
  const uint32_t buffers[] = {1, 2};
  migrate.buffers = buffers;
  guest.send(migrate);
  for (const uint32_t id : {20, 21, 22}) {
    CHECK_SAME(guest.wait_event(id), CL_COMPLETE);
    guest.release(ObjectKind::kEvent, id);
  }
  CHECK(guest.finish(1));
  CHECK(guest.finish(1));  // nothing was sent since
  CHECK_SAME(guest.take_error(1), 0);
}

// An idle worker sleeps.
void test_idle(TestHost& host, TestGuest& guest) {
  CHECK(guest.finish(1));
  timespec pause{0, 700'000'000};
  nanosleep(&pause, nullptr);
  const uint64_t before = host.cpu_ticks();
  nanosleep(&pause, nullptr);
  // One tick may be what ran before and was not counted yet; a worker that spins takes 70.
  CHECK(host.cpu_ticks() - before <= 1);
  CHECK(guest.memory().control.worker_sleeps.load() != 0);
}

}  // namespace

void test_commands(const WorkerSettings& settings) {
  TestHost host(settings);
  TestGuest guest(host, 1);
  guest.open(1, 1);
  CHECK_SAME(guest.build(1, 1, kSource), CL_SUCCESS);
  test_results(guest);
  test_bursts(guest);
  test_values(guest);
  test_events(guest);
  test_profiling(guest);
  test_out_of_order(guest);
  test_released_queue(guest);
  test_markers(guest);
  test_idle(host, guest);
  CHECK(guest.disconnect());
  CHECK(!host.seen(records::Kind::kViolation));
}

}  // namespace aliquot::test
