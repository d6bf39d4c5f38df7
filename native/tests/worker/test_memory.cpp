// Buffers: contents, geometry, shared pages, and the quota to the byte.
#include <numeric>

#include "tests.h"

namespace aliquot::test {

using namespace opencl;

namespace {

// CL_SUCCESS when the buffer can be used, else the error that poisons it.
cl_int probe_buffer(TestGuest& guest, uint32_t id) {
  FillBufferCommand fill;
  fill.queue = 1;
  fill.buffer = id;
  fill.size = 1;
  const uint8_t byte = 1;
  fill.pattern = {&byte, 1};
  guest.send(fill);
  guest.finish(1);
  return guest.take_error(1);
}

void test_geometry(TestGuest& guest) {
  std::vector<unsigned char> bytes(8 * 8);
  std::iota(bytes.begin(), bytes.end(), 0);
  guest.buffer(1, 1, 64);
  guest.buffer(2, 1, 64);
  guest.write(1, 1, bytes.data(), 64);
  // A 3 by 2 rectangle at (2, 1) of rows of 8.
  ReadBufferRectCommand read;
  read.queue = 1;
  read.buffer = 1;
  read.arena = 1;
  const uint64_t geometry[] = {2, 1, 0, 3, 2, 1, 8, 0};
  read.geometry = geometry;
  guest.send(read);
  CHECK(guest.finish(1));
  const unsigned char expected[] = {10, 11, 12, 18, 19, 20};
  CHECK(std::memcmp(guest.staging(), expected, sizeof expected) == 0);
  WriteBufferRectCommand write;
  write.queue = 1;
  write.buffer = 2;
  write.arena = 1;
  const uint64_t corner[] = {5, 6, 0, 3, 2, 1, 8, 0};
  write.geometry = corner;
  guest.send(write);
  CopyBufferRectCommand copy;
  copy.queue = 1;
  copy.source = 2;
  copy.target = 2;
  const uint64_t places[] = {5, 6, 0, 0, 0, 0, 3, 2, 1, 8, 0, 8, 0};
  copy.geometry = places;
  guest.send(copy);
  unsigned char out[64] = {};
  CHECK(guest.read(1, 2, out, 64));
  CHECK(out[0] == 10 && out[2] == 12 && out[8] == 18 && out[61] == 18 && out[63] == 20);
  CHECK_SAME(guest.take_error(1), 0);
  // One row too low, and numbers that overflow.
  const uint64_t outside[] = {5, 7, 0, 3, 2, 1, 8, 0};
  write.geometry = outside;
  guest.send(write);
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_VALUE);
  const uint64_t wrapping[] = {~uint64_t{0}, 1, 1, 2, 1, 1, 8, ~uint64_t{7}};
  write.geometry = wrapping;
  guest.send(write);
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_VALUE);
}

void test_copies(TestGuest& guest) {
  FillBufferCommand fill;
  fill.queue = 1;
  fill.buffer = 1;
  fill.offset = 8;
  fill.size = 48;
  const uint8_t pattern[] = {1, 2, 3, 4};
  fill.pattern = pattern;
  guest.send(fill);
  CreateSubBufferCommand sub;
  sub.buffer = 3;
  sub.parent = 2;
  sub.origin = 0;
  sub.size = 32;
  guest.send(sub);
  CopyBufferCommand copy;
  copy.queue = 1;
  copy.source = 1;
  copy.target = 3;
  copy.source_offset = 8;
  copy.size = 32;
  guest.send(copy);
  unsigned char out[32] = {};
  CHECK(guest.read(1, 2, out, 32));
  CHECK(out[0] == 1 && out[31] == 4);
  CHECK_SAME(guest.take_error(1), 0);
  copy.size = 33;
  guest.send(copy);
  copy.target = 1;
  copy.target_offset = 16;
  copy.size = 16;
  guest.send(copy);  // overlaps
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_VALUE);
  CHECK_SAME(guest.call(LastErrorCommand{{}, 1}).status, CL_MEM_COPY_OVERLAP);
  // Arena ranges.
  WriteBufferCommand write;
  write.queue = 1;
  write.buffer = 1;
  write.arena = 1;
  write.size = 64;
  write.arena_offset = TestGuest::kStagingBytes - 63;
  guest.send(write);
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_VALUE);
  write.arena_offset = ~uint64_t{0};
  guest.send(write);
  CHECK(guest.finish(1));
  CHECK_SAME(guest.take_error(1), CL_INVALID_VALUE);
  for (const uint32_t id : {3, 2, 1}) guest.release(ObjectKind::kBuffer, id);
}

void test_shared_pages(TestHost& host, TestGuest& guest) {
  SharedPages& pages = guest.add_arena(2, 1 << 20);
  auto* numbers = reinterpret_cast<int*>(pages.data() + 4096);
  for (int i = 0; i < 100; ++i) numbers[i] = i;
  guest.buffer(1, 1, 400, 2, 4096);
  guest.buffer(2, 1, 400, 2, 8192);
  guest.kernel(1, 1, "add");
  guest.launch(1, 1, 100, Arguments().buffer(0, 1).buffer(1, 1).buffer(2, 2));
  CHECK(guest.finish(1));
  const auto* sums = reinterpret_cast<const int*>(pages.data() + 8192);
  for (int i = 0; i < 100; ++i) {
    if (sums[i] != 2 * i) return CHECK_SAME(sums[i], 2 * i);
  }
  numbers[7] = 1000;  // between launches the pages are the buffer
  guest.launch(1, 1, 100, Arguments());
  CHECK(guest.finish(1));
  CHECK_SAME(sums[7], 2000);
  guest.buffer(3, 1, 400, 2, (1 << 20) - 256);  // does not fit
  CHECK_SAME(probe_buffer(guest, 3), CL_INVALID_HOST_PTR);
  DropArenaCommand drop;
  drop.arena = 2;
  guest.send(drop);
  guest.launch(1, 1, 100, Arguments());  // the buffers keep the pages
  CHECK(guest.finish(1));
  CHECK(!host.seen(records::Kind::kArenaDropped));
  for (uint32_t id = 1; id <= 3; ++id) guest.release(ObjectKind::kBuffer, id);
  records::Record record;
  CHECK(host.expect(records::Kind::kArenaDropped, record));
  CHECK_SAME(payload_of<records::Arena>(record).arena, 2);
}

void test_quota(TestHost& host, TestGuest& guest) {
  const uint64_t limit = host.memory_limit();
  guest.buffer(1, 1, limit / 2);
  guest.buffer(2, 1, limit / 2 - 1);
  guest.buffer(3, 1, 2);  // one byte too many
  CHECK_SAME(probe_buffer(guest, 1), CL_SUCCESS);
  CHECK_SAME(probe_buffer(guest, 2), CL_SUCCESS);
  CHECK_SAME(probe_buffer(guest, 3), CL_MEM_OBJECT_ALLOCATION_FAILURE);
  guest.buffer(4, 1, 1);
  CHECK_SAME(probe_buffer(guest, 4), CL_SUCCESS);
  guest.buffer(5, 1, 1);
  CHECK_SAME(probe_buffer(guest, 5), CL_MEM_OBJECT_ALLOCATION_FAILURE);
  // Another guest process of the same vGPU has nothing left either.
  TestGuest other(host, 2);
  other.open(1, 1);
  other.buffer(1, 1, 1);
  CHECK_SAME(probe_buffer(other, 1), CL_MEM_OBJECT_ALLOCATION_FAILURE);
  guest.release(ObjectKind::kBuffer, 1);
  CHECK_SAME(probe_buffer(guest, 1), CL_INVALID_MEM_OBJECT);
  other.buffer(2, 1, limit / 2);
  CHECK_SAME(probe_buffer(other, 2), CL_SUCCESS);
  guest.buffer(6, 1, 1);
  CHECK_SAME(probe_buffer(guest, 6), CL_MEM_OBJECT_ALLOCATION_FAILURE);
  CHECK(other.disconnect());
  guest.buffer(7, 1, limit / 2);
  CHECK_SAME(probe_buffer(guest, 7), CL_SUCCESS);
  for (uint32_t id = 2; id <= 7; ++id) guest.release(ObjectKind::kBuffer, id);
  guest.buffer(8, 1, 0);
  CHECK_SAME(probe_buffer(guest, 8), CL_INVALID_BUFFER_SIZE);
  guest.buffer(9, 1, limit + 1);
  CHECK_SAME(probe_buffer(guest, 9), CL_INVALID_BUFFER_SIZE);
  guest.release(ObjectKind::kBuffer, 8);
  guest.release(ObjectKind::kBuffer, 9);
}

// A buffer that is released while a kernel uses it counts until the kernel has ended; the next one
// waits for it instead of failing.
void test_release_in_use(TestHost& host, TestGuest& guest) {
  const uint64_t bytes = host.memory_limit() / 4 * 3;
  CHECK_SAME(guest.kernel(2, 1, "slow").status, CL_SUCCESS);
  guest.buffer(1, 1, bytes);
  // Much shorter than the second for which the worker waits, longer than the next commands take.
  guest.launch(1, 2, 1, Arguments().buffer(0, 1).value(1, 30));
  guest.release(ObjectKind::kBuffer, 1);
  guest.launch(1, 2, 1, Arguments());  // with a buffer that is no more
  guest.buffer(2, 1, bytes);
  guest.launch(1, 2, 1, Arguments().buffer(0, 2).value(1, 3));
  int out = 0;
  CHECK(guest.read(1, 2, &out, 4));
  CHECK_SAME(out, 3);
  CHECK_SAME(guest.take_error(1), CL_INVALID_MEM_OBJECT);
  guest.release(ObjectKind::kBuffer, 2);
}

// An arena that is dropped while the command that reads it waits in a queue that was released, and
// whose id another queue has.
void test_arena_of_a_released_queue(TestHost& host, TestGuest& guest) {
  records::Record record;
  while (host.seen(records::Kind::kArenaDropped)) host.expect(records::Kind::kArenaDropped, record);
  const SharedPages& pages = guest.add_arena(3, 1 << 20);
  std::memset(pages.data(), 7, 1 << 20);
  CreateUserEventCommand user;
  user.event = 1;
  user.context = 1;
  guest.send(user);
  CreateQueueCommand queue;
  queue.queue = 2;
  queue.context = 1;
  queue.device = 1;
  CHECK_SAME(guest.call(queue).status, CL_SUCCESS);
  guest.buffer(1, 1, 1 << 20);
  const uint32_t gate[] = {1};
  WriteBufferCommand write;
  write.queue = 2;
  write.buffer = 1;
  write.size = 1 << 20;
  write.arena = 3;
  write.event = 2;
  write.wait = gate;
  guest.send(write);
  guest.release(ObjectKind::kQueue, 2);
  CHECK_SAME(guest.call(queue).status, CL_SUCCESS);
  DropArenaCommand drop;
  drop.arena = 3;
  guest.send(drop);
  CHECK_SAME(guest.call(LastErrorCommand{{}, 1}).status, CL_SUCCESS);
  CHECK(!host.seen(records::Kind::kArenaDropped));
  SetUserEventStatusCommand set;
  set.event = 1;
  guest.send(set);
  CHECK_SAME(guest.wait_event(2), CL_COMPLETE);
  unsigned char out[2] = {};
  CHECK(guest.read(1, 1, out, 2, (1 << 20) - 2));
  CHECK(out[0] == 7 && out[1] == 7);
  CHECK(host.expect(records::Kind::kArenaDropped, record));
  for (const uint32_t event : {1u, 2u}) guest.release(ObjectKind::kEvent, event);
  guest.release(ObjectKind::kQueue, 2);
  guest.release(ObjectKind::kBuffer, 1);
}

}  // namespace

void test_memory(const WorkerSettings& settings) {
  TestHost host(settings);
  TestGuest guest(host, 1);
  guest.open(1, 1);
  CHECK_SAME(guest.build(1, 1, kSource), CL_SUCCESS);
  CHECK_SAME(guest.take_error(1), 0);
  test_geometry(guest);
  test_copies(guest);
  test_shared_pages(host, guest);
  test_quota(host, guest);
  test_release_in_use(host, guest);
  test_arena_of_a_released_queue(host, guest);
  CHECK(guest.disconnect());
}

}  // namespace aliquot::test
