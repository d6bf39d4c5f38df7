// Events and what a worker says of them, at the worst possible moment.
#include "guest/opencl/event.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "check.h"
#include "fake_peer.h"
#include "generated/opencl_functions.h"
#include "guest/opencl/transfer.h"

using namespace aliquot;
using namespace aliquot::guest;
using namespace aliquot::guest::opencl;
using guest_test::FakePeer;

namespace {

bool attach_event_state(Connection& connection) {
  connection.api_state = new ConnectionState;
  for (IdPool& pool : connection.ids) pool.set_limit(64);
  return attach_events(connection);
}

void CL_CALLBACK count_call(cl_event, cl_int status, void* calls) {
  if (status == CL_COMPLETE) ++*static_cast<std::atomic<int>*>(calls);
}

/// As the worker does it: one entry, then the helper thread is woken.
void notify(layout::ConnectionMemory& memory, uint32_t event, cl_int status) {
  layout::Control& control = memory.control;
  const uint64_t tail = control.notify_tail.load();
  memory.notifications[tail % layout::kNotifyEntries].store(
      (uint64_t{static_cast<uint32_t>(status)} << 32) | event);
  control.notify_tail.store(tail + 1);
  control.notify_count.fetch_add(1);
  futex_wake(control.notify_count, 1);
}

template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

struct Scene {
  Context* context;
  Queue* queue;
};

Scene make_scene(Connection& connection, layout::ConnectionMemory& memory) {
  Scene scene{make<Context>(&connection), make<Queue>(&connection)};
  scene.queue->context = scene.context;
  scene.queue->id = 1;
  scene.queue->slot = &memory.queues[0];
  return scene;
}

// The entry of an event that was seen to have ended and released comes late, when its id belongs to
// another event: that one has not ended.
void test_stale_notification(Scene scene, layout::ConnectionMemory& memory) {
  std::atomic<int> calls{0};
  Event* event = new_command_event(*scene.queue, CL_COMMAND_MARKER);
  event->sequence = 1;
  CHECK(SetEventCallback(to_handle(event), CL_COMPLETE, count_call, &calls) == CL_SUCCESS);
  notify(memory, event->id, CL_COMPLETE);
  CHECK(comes_true([&] { return memory.control.notify_head.load() == 1; }));
  CHECK(comes_true([&] { return event->holds.load() == 2; }));  // the helper has let go of it
  CHECK(event_status(*event) > CL_COMPLETE);
  CHECK(calls == 0);

  slot_of(*event).status.store(CL_COMPLETE);
  notify(memory, event->id, CL_COMPLETE);
  CHECK(comes_true([&] { return calls == 1; }));
  CHECK(event_status(*event) == CL_COMPLETE);
  CHECK(memory.queues[0].completed.load() == 1);
  CHECK(release(*event));
}

// A command may fail before those that were enqueued before it have ended.
void test_failed_event(Scene scene, layout::ConnectionMemory& memory) {
  const uint64_t before = memory.queues[0].completed.load();
  Event* event = new_command_event(*scene.queue, CL_COMMAND_MARKER);
  event->sequence = before + 2;
  watch_event(*event, 0);
  slot_of(*event).status.store(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
  CHECK(wait_event(*event) == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
  CHECK(memory.queues[0].completed.load() == before);
  CHECK(release(*event));
}

struct EndCalls {
  std::thread::id thread;
  int numbers[3] = {};
  int count = 0;
};

template <int kNumber, class Handle>
void CL_CALLBACK note_end(Handle, void* data) {
  EndCalls& calls = *static_cast<EndCalls*>(data);
  calls.thread = std::this_thread::get_id();
  calls.numbers[calls.count++] = kNumber;
}

// A context and a buffer tell of their end in the same way: at once, here, last registered first.
void test_end_callbacks(Connection& connection) {
  EndCalls calls;
  Context* context = make<Context>(&connection);
  Buffer* buffer = make<Buffer>(&connection);
  buffer->context = context;
  hold(*context);
  CHECK(SetContextDestructorCallback(to_handle(context), note_end<1, cl_context>, &calls) == 0);
  CHECK(SetContextDestructorCallback(to_handle(context), note_end<2, cl_context>, &calls) == 0);
  CHECK(SetMemObjectDestructorCallback(to_handle(buffer), note_end<3, cl_mem>, &calls) == 0);
  CHECK(ReleaseContext(to_handle(context)) == CL_SUCCESS);
  CHECK(calls.count == 0);
  CHECK(ReleaseMemObject(to_handle(buffer)) == CL_SUCCESS);
  CHECK(calls.count == 3 && calls.thread == std::this_thread::get_id());
  CHECK(calls.numbers[0] == 3 && calls.numbers[1] == 2 && calls.numbers[2] == 1);
}

void CL_CALLBACK count_end(cl_mem, void* calls) { ++*static_cast<std::atomic<int>*>(calls); }

// A read that nobody waits for any more ends all the same, and with it the buffer that it holds.
void test_read_left_behind(Connection& connection, Scene scene, layout::ConnectionMemory& memory) {
  std::atomic<int> calls{0};
  unsigned char staged[4] = {1, 2, 3, 4};
  unsigned char host[4] = {};
  Block block;
  block.pointer = staged;  // of no arena: nothing to give back
  Box box;
  box.host = host;
  box.bytes = sizeof host;
  Buffer* buffer = make<Buffer>(&connection);
  buffer->context = scene.context;
  hold(*scene.context);
  CHECK(SetMemObjectDestructorCallback(to_handle(buffer), count_end, &calls) == CL_SUCCESS);
  Event* event = new_command_event(*scene.queue, CL_COMMAND_READ_BUFFER);
  event->sequence = memory.queues[0].completed.load() + 1;
  const uint32_t id = event->id;
  CHECK(note_pending_read(*event, *buffer, block, box));
  CHECK(release(*event));
  CHECK(ReleaseMemObject(to_handle(buffer)) == CL_SUCCESS);
  CHECK(calls == 0);

  memory.events[id - 1].status.store(CL_COMPLETE);
  notify(memory, id, CL_COMPLETE);
  CHECK(comes_true([&] { return calls == 1; }));
  CHECK(host[0] == 1 && host[3] == 4);
}

size_t threads() {
  struct stat status {};
  CHECK(::stat("/proc/self/task", &status) == 0);
  return status.st_nlink - 2;  // a folder for each
}

// A program that has lost its vGPU keeps no thread for it; what comes yet is seen to all the same.
void test_no_helper_of_a_dead_connection(Connection& connection, size_t threads_without) {
  wake_helper(events_of(connection));
  CHECK(comes_true([&] { return threads() == threads_without; }));
  std::atomic<bool> ran{false};
  run_on_helper([](void* flag, void*) { static_cast<std::atomic<bool>*>(flag)->store(true); }, &ran,
                nullptr);
  CHECK(comes_true([&] { return ran.load(); }));
  CHECK(comes_true([&] { return threads() == threads_without; }));
}

void run_events() {
  FakePeer peer;
  const size_t without_helper = threads();
  Connection* connection = Connection::get(&attach_event_state);
  CHECK(connection != nullptr);
  if (connection == nullptr) return;
  layout::ConnectionMemory& memory = connection->memory();
  const Scene scene = make_scene(*connection, memory);
  test_stale_notification(scene, memory);
  test_failed_event(scene, memory);
  test_end_callbacks(*connection);
  test_read_left_behind(*connection, scene, memory);
  peer.hang_up();
  CHECK(comes_true([&] { return !connection->check_alive(); }));
  test_no_helper_of_a_dead_connection(*connection, without_helper);
}

}  // namespace

// In a process of its own: a process has one connection, and that of the other tests ends for good.
void test_events() {
  const pid_t child = ::fork();
  if (child == 0) {
    run_events();
    ::_exit(g_failures == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
