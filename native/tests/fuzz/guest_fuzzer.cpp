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
#include "guest/opencl/kernel_reply.h"
#include "guest/opencl/snapshot.h"
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

void run_program(protocol::ByteSource& source) {
  Stage& stage = *g_stage;
  if (guest::Connection* last = guest::Connection::get();
      last != nullptr && stage.worker.spent()) {
    stage.past.push_back(last);
    guest::ConnectionMaker::after_fork_in_child();
    connect();
  }
  CallbackCount& count = callbacks();
  count.promised = count.called = 0;
  GuestProgram program(*stage.calls, stage.device);
  stage.worker.follow(&source);
  while (!source.empty()) {
    if (source.byte() % 8 == 7) stage.worker.scribble();
    else program.step(source);
  }
  stage.worker.follow(nullptr);
  program.release_all();
  for (int turn = 0; count.called != count.promised; ++turn) {
    if (turn >= kMostTurns) fail("a callback did not come");
    stage.worker.serve();
    stage.worker.conclude_all();
    pause();
  }
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

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace aliquot::fuzz;
  // What kernels print goes to the program's standard output.
  if (std::freopen("/dev/null", "w", stdout) == nullptr) fail("no /dev/null");
  const bool staged = std::getenv("ALIQUOT_FUZZ_STAGED") != nullptr;
  g_stage = new Stage(staged ? aliquot::records::kStaged : 0);
  std::atexit([] { g_stage->host.remove_folder(); });
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
