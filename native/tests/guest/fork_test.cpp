// fork() while another thread is inside the guest driver: that thread does not exist in the child, and
// what it had locked stays locked. The child's calls return all the same.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "check.h"
#include "fake_peer.h"
#include "generated/opencl_functions.h"
#include "guest/opencl/event.h"
#include "guest/opencl/transfer.h"

using namespace aliquot;
using namespace aliquot::guest;
using namespace aliquot::guest::opencl;
using guest_test::FakePeer;

namespace {

constexpr unsigned kPatienceSeconds = 20;

template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1000 * static_cast<int>(kPatienceSeconds) && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

/// Runs `body` in a child process, which a hang ends with SIGALRM; whether all went well there.
template <class Body>
bool holds_in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kPatienceSeconds);
    body();
    ::_exit(g_failures == 0 ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The thread that looks for the platform waits for a worker that never answers.
void fork_during_first_look() {
  FakePeer peer;
  std::thread looking([] {
    cl_uint count = 9;
    CHECK(GetPlatformIDs(0, nullptr, &count) == CL_PLATFORM_NOT_FOUND_KHR && count == 0);
  });
  CHECK(comes_true([&] { return peer.welcomed() == 1; }));
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kPatienceSeconds);
    cl_uint count = 9;
    CHECK(GetPlatformIDs(0, nullptr, &count) == CL_PLATFORM_NOT_FOUND_KHR && count == 0);
    ::_exit(g_failures == 0 ? 0 : 1);
  }
  CHECK(comes_true([&] { return peer.welcomed() == 2; }));  // the child has a connection of its own
  peer.hang_up();
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  looking.join();
}

bool attach_event_state(Connection& connection) {
  connection.api_state = new ConnectionState;
  for (IdPool& pool : connection.ids) pool.set_limit(64);
  return attach_events(connection);
}

void CL_CALLBACK ignore_event(cl_event, cl_int, void*) {}
void CL_CALLBACK ignore_buffer(cl_mem, void*) {}

// Whatever locks a thread may hold in the middle of a build, a callback or a copy.
void fork_with_everything_locked() {
  FakePeer peer;
  Connection* connection = Connection::get(&attach_event_state);
  CHECK(connection != nullptr);
  if (connection == nullptr) return;
  Context* context = make<Context>(connection);
  Queue* queue = make<Queue>(connection);
  queue->context = context;
  queue->id = 1;
  queue->slot = &connection->memory().queues[0];
  Device* device = make<Device>(connection);
  CHECK(context->devices.push_back(device));
  Program* program = make<Program>(connection);
  program->context = context;
  CHECK(program->devices.push_back(device));
  program->id = 1;
  Buffer* buffer = make<Buffer>(connection);
  buffer->context = context;
  Event* event = new_command_event(*queue, CL_COMMAND_MARKER);
  event->sequence = 1;
  Event* ended = new_command_event(*queue, CL_COMMAND_MARKER);
  ended->local_status.store(CL_COMPLETE);
  queue->properties = CL_QUEUE_PROFILING_ENABLE;
  Event* user = make<Event>(connection);
  user->context = context;
  user->local_status.store(CL_SUBMITTED);
  MemoryState& memory = memory_of(*connection);
  memory.pending_reads.store(1);
  Lock* const locks[] = {&program->lock, &context->lock, &buffer->lock,
                         &event->lock,   &ended->lock,   &user->lock,
                         &memory.lock,   &events_of(*connection).lock, &connection->lock()};
  for (Lock* lock : locks) lock->lock();

  CHECK(holds_in_child([&] {
    size_t bytes = 0;
    cl_build_status built;
    cl_int status = 9;
    cl_ulong time = 0;
    const cl_program program_handle = to_handle(program);
    const cl_event handles[] = {to_handle(event), to_handle(ended), to_handle(user)};
    CHECK(GetProgramBuildInfo(program_handle, to_handle(device), CL_PROGRAM_BUILD_LOG, 0, nullptr,
                              &bytes) == CL_OUT_OF_RESOURCES);
    CHECK(GetProgramBuildInfo(program_handle, to_handle(device), CL_PROGRAM_BUILD_STATUS,
                              sizeof built, &built, nullptr) == CL_SUCCESS);
    CHECK(GetProgramInfo(program_handle, CL_PROGRAM_NUM_KERNELS, 0, nullptr, &bytes) ==
          CL_OUT_OF_RESOURCES);
    CHECK(GetProgramInfo(program_handle, CL_PROGRAM_BINARIES, 0, nullptr, &bytes) == CL_SUCCESS);
    unsigned char* no_binary = nullptr;
    CHECK(GetProgramInfo(program_handle, CL_PROGRAM_BINARIES, sizeof no_binary, &no_binary,
                         nullptr) == CL_OUT_OF_RESOURCES);
    CHECK(BuildProgram(program_handle, 0, nullptr, "", nullptr, nullptr) == CL_OUT_OF_RESOURCES);
    for (const cl_event handle : handles) {
      CHECK(SetEventCallback(handle, CL_COMPLETE, &ignore_event, nullptr) == CL_OUT_OF_RESOURCES);
      CHECK(WaitForEvents(1, &handle) == CL_OUT_OF_RESOURCES);
      CHECK(GetEventInfo(handle, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status,
                         nullptr) == CL_SUCCESS);
    }
    CHECK(GetEventProfilingInfo(handles[1], CL_PROFILING_COMMAND_END, sizeof time, &time,
                                nullptr) == CL_PROFILING_INFO_NOT_AVAILABLE);
    CHECK(SetUserEventStatus(handles[2], CL_COMPLETE) == CL_OUT_OF_RESOURCES);
    CHECK(SetMemObjectDestructorCallback(to_handle(buffer), &ignore_buffer, nullptr) ==
          CL_OUT_OF_RESOURCES);
    CHECK(Finish(to_handle(queue)) == CL_OUT_OF_RESOURCES);
    CHECK(ReleaseEvent(handles[0]) == CL_SUCCESS && ReleaseProgram(program_handle) == CL_SUCCESS);
  }));

  for (Lock* lock : locks) lock->unlock();
  memory.pending_reads.store(0);
  peer.hang_up();
  CHECK(comes_true([&] { return !connection->check_alive(); }));
}

/// Each in a process of its own, which has one connection for good. One more fork inside.
void run_apart(void (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(g_failures == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace

void test_forks() {
  run_apart(&fork_during_first_look);
  run_apart(&fork_with_everything_locked);
}
