// A guest process of many threads on one context: buffers, transfers, launches, events, callbacks,
// maps and user events, each thread with a queue of its own and all with one in common. The guest
// driver is linked in, so that a sanitizer sees all of it. Ends with 0 when every result is right.
//
//   thread_client THREADS ROUNDS
#include <CL/cl_icd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

extern "C" cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint, cl_platform_id*, cl_uint*);

namespace {

constexpr size_t kElements = 4096;
constexpr size_t kBytes = kElements * sizeof(uint32_t);

const cl_icd_dispatch* g_calls = nullptr;
cl_device_id g_device = nullptr;
cl_context g_context = nullptr;
cl_command_queue g_common_queue = nullptr;
cl_program g_program = nullptr;
std::atomic<uint32_t> g_promised{0};
std::atomic<uint32_t> g_called{0};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "thread client: %s\n", what);
  std::_Exit(1);
}

void require(cl_int status, const char* what) {
  if (status == CL_SUCCESS) return;
  std::fprintf(stderr, "thread client: %s: %d\n", what, status);
  std::_Exit(1);
}

cl_int status_of(cl_event event) {
  cl_int status = CL_QUEUED;
  require(g_calls->clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status,
                                  nullptr), "query of a status");
  return status;
}

void CL_CALLBACK on_event(cl_event, cl_int status, void* data) {
  require(status, "status of a callback");
  require(data == &g_called, "a callback has a wrong datum");
  g_called.fetch_add(1);
}

void open() {
  cl_platform_id platform = nullptr;
  require(clIcdGetPlatformIDsKHR(1, &platform, nullptr), "platform");
  std::memcpy(&g_calls, reinterpret_cast<const void*>(platform), sizeof g_calls);
  require(g_calls->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &g_device, nullptr), "device");
  cl_int status = CL_SUCCESS;
  g_context = g_calls->clCreateContext(nullptr, 1, &g_device, nullptr, nullptr, &status);
  require(status, "context");
  g_common_queue = g_calls->clCreateCommandQueue(g_context, g_device, 0, &status);
  require(status, "queue");
  const char* source = "kernel void one(global int* a) {}";
  g_program = g_calls->clCreateProgramWithSource(g_context, 1, &source, nullptr, &status);
  require(status, "program");
  require(g_calls->clBuildProgram(g_program, 0, nullptr, "", nullptr, nullptr), "build");
}

void close() {
  require(g_calls->clReleaseProgram(g_program), "release program");
  require(g_calls->clReleaseCommandQueue(g_common_queue), "release queue");
  require(g_calls->clReleaseContext(g_context), "release context");
}

void add_callback(cl_event event) {
  g_promised.fetch_add(1);
  require(g_calls->clSetEventCallback(event, CL_COMPLETE, on_event, &g_called), "callback");
}

// A marker that a user event holds back, in the queue that all threads use.
void hold_back(cl_command_queue queue) {
  cl_int status = CL_SUCCESS;
  const cl_event user = g_calls->clCreateUserEvent(g_context, &status);
  require(status, "user event");
  cl_event marker = nullptr;
  require(g_calls->clEnqueueMarkerWithWaitList(queue, 1, &user, &marker), "marker");
  add_callback(marker);
  require(g_calls->clSetUserEventStatus(user, CL_COMPLETE), "user event's status");
  require(g_calls->clWaitForEvents(1, &marker), "wait for marker");
  require(g_calls->clReleaseEvent(user), "release user event");
  require(g_calls->clReleaseEvent(marker), "release marker");
}

void one_round(uint32_t number, cl_command_queue queue, std::vector<uint32_t>& host) {
  for (uint32_t i = 0; i < kElements; ++i) host[i] = i * 3 + number;
  cl_int status = CL_SUCCESS;
  const cl_mem buffer =
      g_calls->clCreateBuffer(g_context, CL_MEM_READ_WRITE, kBytes, nullptr, &status);
  require(status, "buffer");
  const cl_kernel kernel = g_calls->clCreateKernel(g_program, "one", &status);
  require(status, "kernel");
  require(g_calls->clSetKernelArg(kernel, 0, sizeof buffer, &buffer), "argument");
  cl_event written = nullptr;
  require(g_calls->clEnqueueWriteBuffer(queue, buffer, CL_FALSE, 0, kBytes, host.data(), 0, nullptr,
                                        &written), "write");
  add_callback(written);
  const size_t size = kElements;
  constexpr uint32_t kLaunches = 8;
  cl_event launched = nullptr;
  for (uint32_t i = 0; i < kLaunches; ++i) {
    const bool last = i + 1 == kLaunches;
    require(g_calls->clEnqueueNDRangeKernel(queue, kernel, 1, nullptr, &size, nullptr,
                                            i == 0 ? 1 : 0, i == 0 ? &written : nullptr,
                                            last ? &launched : nullptr), "launch");
  }
  add_callback(launched);
  cl_event read = nullptr;
  std::vector<uint32_t> result(kElements);
  require(g_calls->clEnqueueReadBuffer(g_common_queue, buffer, CL_FALSE, 0, kBytes, result.data(),
                                       1, &launched, &read), "read");
  if (g_calls->clWaitForEvents(1, &read) != CL_SUCCESS) {
    require(status_of(written), "a write failed");
    require(status_of(launched), "a launch failed");
    require(status_of(read), "a read failed");
    require(false, "a wait failed and no event did");
  }
  for (uint32_t i = 0; i < kElements; ++i) {
    require(result[i] == host[i] + kLaunches, "wrong result");
  }
  auto* mapped = static_cast<uint32_t*>(g_calls->clEnqueueMapBuffer(
      queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, kBytes, 0, nullptr, nullptr, &status));
  require(status, "map");
  require(std::memcmp(mapped, result.data(), kBytes) == 0, "wrong mapping");
  require(g_calls->clEnqueueUnmapMemObject(queue, buffer, mapped, 0, nullptr, nullptr), "unmap");
  if (number % 4 == 0) hold_back(queue);
  require(status_of(launched), "status of a launch that was waited for");
  for (const cl_event event : {written, launched, read}) {
    require(g_calls->clReleaseEvent(event), "release event");
  }
  require(g_calls->clReleaseKernel(kernel), "release kernel");
  require(g_calls->clReleaseMemObject(buffer), "release buffer");
}

void work(uint32_t thread, uint32_t rounds) {
  cl_int status = CL_SUCCESS;
  const cl_command_queue queue = g_calls->clCreateCommandQueue(g_context, g_device, 0, &status);
  require(status, "queue");
  std::vector<uint32_t> host(kElements);
  for (uint32_t round = 0; round < rounds; ++round) one_round(thread + round, queue, host);
  require(g_calls->clFinish(queue), "finish");
  require(g_calls->clReleaseCommandQueue(queue), "release queue");
}

}  // namespace

int main(int count, char** words) {
  const auto threads = static_cast<uint32_t>(count > 1 ? std::atoi(words[1]) : 16);
  const auto rounds = static_cast<uint32_t>(count > 2 ? std::atoi(words[2]) : 10);
  open();
  std::vector<std::thread> running;
  for (uint32_t i = 0; i < threads; ++i) running.emplace_back(work, i, rounds);
  for (std::thread& thread : running) thread.join();
  require(g_calls->clFinish(g_common_queue), "finish");
  for (int turn = 0; g_called != g_promised; ++turn) {
    require(turn < 10'000, "a callback did not come");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  close();
  return 0;
}
