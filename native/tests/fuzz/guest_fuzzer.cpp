// Fuzzes the guest driver: what a hostile worker can do to it. The first byte of an input chooses
// between two parsers that see the bytes as they are, and a program whose worker lies.
//
// ALIQUOT_FUZZ_STAGED=1 has data go through staging memory, as it does to a discrete device.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "device_host_double.h"
#include "guest/connection.h"
#include "guest/opencl/event.h"
#include "guest/opencl/kernel_reply.h"
#include "guest/opencl/snapshot.h"
#include "guest/opencl/transfer.h"
#include "guest_program.h"
#include "hostile_worker.h"
#include "surroundings.h"

namespace aliquot::guest {
// Of connect.cpp: what fork() does to a connection in the child. Here it takes away a connection
// that an input has killed.
struct ConnectionMaker {
  static void after_fork_in_child();
};
}  // namespace aliquot::guest

extern "C" CL_API_ENTRY cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint, cl_platform_id*,
                                                                  cl_uint*);

namespace aliquot::fuzz {

namespace {

constexpr int kMostTurns = 100'000;
constexpr int kInputsAWorker = 32;  // objects that a lie made the guest driver forget pile up there

thread_local HostileWorker* t_worker = nullptr;  // set in the thread that shares with the worker

struct Stage {
  explicit Stage(uint32_t flags) : host(flags), worker(host) {}
  DeviceHostDouble host;
  HostileWorker worker;
  const cl_icd_dispatch* calls = nullptr;
  cl_device_id device = nullptr;
  int inputs = 0;
  std::vector<guest::Connection*> past;  // dead ones are never freed; this is no leak
};
Stage* g_stage = nullptr;

// The next call of the guest driver connects; the worker must be there as soon as it has.
void connect() {
  Stage& stage = *g_stage;
  stage.host.expect_guest();
  t_worker = nullptr;
  cl_platform_id platform = nullptr;
  if (stage.calls == nullptr) {
    // The first connection asks for the snapshot in the same breath, so the worker is attached
    // from the first wait on.
    t_worker = &stage.worker;
    if (clIcdGetPlatformIDsKHR(1, &platform, nullptr) != CL_SUCCESS) fail("no platform");
    std::memcpy(&stage.calls, reinterpret_cast<const void*>(platform), sizeof stage.calls);
    if (stage.calls->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &stage.device, nullptr) !=
        CL_SUCCESS) {
      fail("no device");
    }
    return;
  }
  t_worker = &stage.worker;
}

void parse_snapshot(const uint8_t* data, size_t size) {
  using namespace guest::opencl;
  Device* device = make<Device>(nullptr);
  auto* copy = static_cast<unsigned char*>(std::malloc(size + (size == 0)));
  if (size != 0) std::memcpy(copy, data, size);
  file_device_answers(*device, copy, size);
  device->storage = copy;
  free_memory(*device);
}

void parse_kernel(const uint8_t* data, size_t size) {
  using namespace guest::opencl;
  Kernel* kernel = make<Kernel>(nullptr);
  auto copy = std::make_unique<unsigned char[]>(size);
  if (size != 0) std::memcpy(copy.get(), data, size);
  read_arguments(*kernel, copy.get(), size);
  size_t length = 0;
  for (uint32_t i = 0; i < kernel->argument_count; ++i) {
    length += std::strlen(kernel->arguments[i].type_name) + std::strlen(kernel->arguments[i].name);
  }
  if (length > size) fail("names longer than the answer they came from");
  free_memory(*kernel);
}

template <class Condition>
void serve_until(Condition condition, const char* otherwise) {
  for (int turn = 0; !condition(); ++turn) {
    if (turn >= kMostTurns) fail(otherwise);
    g_stage->worker.serve();
    g_stage->worker.conclude_all();
    pause();
  }
}

/// Waits until the helper thread has run what was handed to it, and what came of that.
void await_helper() {
  for (int i = 0; i < 2; ++i) {
    std::atomic<bool> last{false};
    guest::opencl::run_on_helper(
        [](void* flag, void*) { static_cast<std::atomic<bool>*>(flag)->store(true); }, &last,
        nullptr);
    serve_until([&] { return last.load(); }, "the helper thread does not go on");
  }
}

/// Waits for all that is still to come of this input: later it would be counted in the next.
void await_callbacks() {
  guest::Connection* connection = guest::Connection::get();
  if (connection == nullptr) return;  // no call of this input has needed one
  const CallbackCount& count = callbacks();
  serve_until([&] { return count.called >= count.promised; }, "a callback did not come");
  const auto& reads = guest::opencl::memory_of(*connection).pending_reads;
  const bool reading = reads != 0;
  serve_until([&] { return reads == 0; }, "a read that nobody waits for does not end");
  if (reading || count.possible != 0) await_helper();
  if (count.called > count.promised + count.possible) fail("a callback came twice");
}

void run_program(protocol::ByteSource& source) {
  Stage& stage = *g_stage;
  if (guest::Connection* last = guest::Connection::get();
      last != nullptr && stage.worker.spent()) {
    await_helper();  // what it holds now would be lost
    stage.past.push_back(last);
    guest::ConnectionMaker::after_fork_in_child();
    // A real child has no thread of its parent's. Thousands of them, though they sleep, would take the
    // leak checker, which stops each, and the machine all their time.
    guest::opencl::wake_helper(guest::opencl::events_of(*last));
    connect();
  }
  CallbackCount& count = callbacks();
  count.promised = count.possible = count.called = 0;
  GuestProgram program(*stage.calls, stage.device);
  stage.worker.follow(&source);
  while (!source.empty()) {
    if (source.byte() % 8 == 7) stage.worker.scribble();
    else program.step(source);
  }
  stage.worker.follow(nullptr);
  program.release_all();
  await_callbacks();
  if (!stage.worker.spent() && ++stage.inputs % kInputsAWorker == 0) stage.worker.start_over();
}

}  // namespace

}  // namespace aliquot::fuzz

// The linker puts this in place of the guest driver's futex wait.
extern "C" void __real__ZN7aliquot5guest15futex_wait_wordEPKvji(const void*, uint32_t, int);
extern "C" void __wrap__ZN7aliquot5guest15futex_wait_wordEPKvji(const void* word,
                                                               uint32_t expected,
                                                               int milliseconds) {
  using aliquot::fuzz::t_worker;
  if (t_worker != nullptr) return t_worker->wait(word, expected);
  __real__ZN7aliquot5guest15futex_wait_wordEPKvji(word, expected, milliseconds);
}

// The leak checker (clang 15) finds a thread by its number. Numbers come round, and where a thread
// that was joined had the same, it doesn't look at the stack of the one that lives: what only that
// points to would count as leaked.
extern "C" int __real___lsan_do_recoverable_leak_check();
extern "C" int __wrap___lsan_do_recoverable_leak_check() {
  aliquot::fuzz::g_stage->worker.end_threads();
  return __real___lsan_do_recoverable_leak_check();
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace aliquot::fuzz;
  // What kernels print goes to the program's standard output.
  if (std::freopen("/dev/null", "w", stdout) == nullptr) fail("no /dev/null");
  const bool staged = std::getenv("ALIQUOT_FUZZ_STAGED") != nullptr;
  g_stage = new Stage(staged ? aliquot::records::kStaged : 0);
  std::atexit([] {
    g_stage->host.remove_folder();
    g_stage->worker.end_threads();  // another leak check follows
  });
  connect();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aliquot::fuzz;
  if (size == 0) return 0;
  switch (data[0] % 16) {
    case 0:
      parse_snapshot(data + 1, size - 1);
      return 0;
    case 1:
      parse_kernel(data + 1, size - 1);
      return 0;
    default: {
      aliquot::protocol::ByteSource source({data + 1, size - 1});
      run_program(source);
      return 0;
    }
  }
}
