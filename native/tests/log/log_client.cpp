// A program whose calls have a number of their own in every place, so that a number that gets lost
// or changes its place on the way to the driver shows. log_test.cpp holds what must arrive.
#include <CL/cl_icd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint, cl_platform_id*, cl_uint*);

namespace {

const cl_icd_dispatch* g_calls = nullptr;

void require(cl_int status, const char* what) {
  if (status == CL_SUCCESS) return;
  std::fprintf(stderr, "log client: %s: %d\n", what, status);
  std::_Exit(1);
}

struct Scene {
  cl_device_id device = nullptr;
  cl_context context = nullptr;
  cl_command_queue queue = nullptr;
  cl_mem one = nullptr, other = nullptr;
};

cl_mem make_buffer(const Scene& scene, size_t size) {
  cl_int status = CL_SUCCESS;
  const cl_mem buffer =
      g_calls->clCreateBuffer(scene.context, CL_MEM_READ_WRITE, size, nullptr, &status);
  require(status, "buffer");
  return buffer;
}

Scene open() {
  Scene scene;
  cl_platform_id platform = nullptr;
  require(clIcdGetPlatformIDsKHR(1, &platform, nullptr), "platform");
  std::memcpy(&g_calls, reinterpret_cast<const void*>(platform), sizeof g_calls);
  require(g_calls->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &scene.device, nullptr),
          "device");
  cl_int status = CL_SUCCESS;
  scene.context =
      g_calls->clCreateContext(nullptr, 1, &scene.device, nullptr, nullptr, &status);
  require(status, "context");
  scene.queue = g_calls->clCreateCommandQueue(scene.context, scene.device, 0, &status);
  require(status, "queue");
  scene.one = make_buffer(scene, 70'001);
  scene.other = make_buffer(scene, 80'002);
  return scene;
}

void transfers(const Scene& scene) {
  std::vector<unsigned char> host(40'000, 5);
  require(g_calls->clEnqueueFillBuffer(scene.queue, scene.one, "\x0a\x0b\x0c\x0d", 4, 8, 64, 0,
                                       nullptr, nullptr), "fill");
  cl_event copied = nullptr;
  require(g_calls->clEnqueueCopyBuffer(scene.queue, scene.one, scene.other, 11, 22, 33, 0, nullptr,
                                       &copied), "copy");
  const size_t from[] = {1, 2, 3}, to[] = {4, 5, 6}, region[] = {7, 8, 9};
  require(g_calls->clEnqueueCopyBufferRect(scene.queue, scene.one, scene.other, from, to, region, 20,
                                           400, 30, 900, 1, &copied, nullptr), "copy rectangle");
  require(g_calls->clEnqueueWriteBuffer(scene.queue, scene.one, CL_TRUE, 1'003, 30'004, host.data(),
                                        0, nullptr, nullptr), "write");
  require(g_calls->clEnqueueReadBuffer(scene.queue, scene.other, CL_TRUE, 2'005, 35'006,
                                       host.data(), 0, nullptr, nullptr), "read");
  const cl_mem both[] = {scene.one, scene.other};
  require(g_calls->clEnqueueMigrateMemObjects(scene.queue, 2, both, CL_MIGRATE_MEM_OBJECT_HOST, 0,
                                              nullptr, nullptr), "migrate");
  cl_int status = CL_SUCCESS;
  const cl_buffer_region piece = {4'096, 777};
  const cl_mem sub = g_calls->clCreateSubBuffer(scene.one, CL_MEM_READ_WRITE,
                                                CL_BUFFER_CREATE_TYPE_REGION, &piece, &status);
  require(status, "sub-buffer");
  require(g_calls->clEnqueueFillBuffer(scene.queue, sub, "\x01\x02", 2, 10, 20, 0, nullptr,
                                       nullptr), "fill of a sub-buffer");
  require(g_calls->clFinish(scene.queue), "finish");
  require(g_calls->clReleaseMemObject(sub), "release sub-buffer");
  require(g_calls->clReleaseEvent(copied), "release event");
}

void launches(const Scene& scene) {
  cl_int status = CL_SUCCESS;
  const char* source = "kernel void mixed(global int* a, local int* b, int c, int d) {}";
  const cl_program program =
      g_calls->clCreateProgramWithSource(scene.context, 1, &source, nullptr, &status);
  require(status, "program");
  require(g_calls->clBuildProgram(program, 0, nullptr, "-DNAME=13 -cl-std=CL1.2", nullptr, nullptr),
          "build");
  const cl_kernel kernel = g_calls->clCreateKernel(program, "mixed", &status);
  require(status, "kernel");
  uint32_t value = 0x04030201;
  const uint32_t constant = 0x44332211;
  require(g_calls->clSetKernelArg(kernel, 0, sizeof scene.one, &scene.one), "argument 0");
  require(g_calls->clSetKernelArg(kernel, 1, 96, nullptr), "argument 1");
  require(g_calls->clSetKernelArg(kernel, 2, sizeof value, &value), "argument 2");
  require(g_calls->clSetKernelArg(kernel, 3, sizeof constant, &constant), "argument 3");
  const size_t offset[] = {3, 5, 7}, global[] = {8, 6, 4}, local[] = {4, 2, 1};
  require(g_calls->clEnqueueNDRangeKernel(scene.queue, kernel, 3, offset, global, local, 0, nullptr,
                                          nullptr), "launch of three dimensions");
  value = 0x08070605;
  require(g_calls->clSetKernelArg(kernel, 2, sizeof value, &value), "argument 2 again");
  const cl_event gate = g_calls->clCreateUserEvent(scene.context, &status);
  require(status, "user event");
  require(g_calls->clEnqueueNDRangeKernel(scene.queue, kernel, 1, nullptr, global, nullptr, 1, &gate,
                                          nullptr), "launch behind an event");
  require(g_calls->clSetUserEventStatus(gate, CL_COMPLETE), "status");
  require(g_calls->clEnqueueTask(scene.queue, kernel, 0, nullptr, nullptr), "task");
  require(g_calls->clFinish(scene.queue), "finish");
  require(g_calls->clReleaseEvent(gate), "release event");
  require(g_calls->clReleaseKernel(kernel), "release kernel");
  require(g_calls->clReleaseProgram(program), "release program");
}

}  // namespace

int main() {
  const Scene scene = open();
  transfers(scene);
  launches(scene);
  require(g_calls->clReleaseMemObject(scene.one), "release buffer");
  require(g_calls->clReleaseMemObject(scene.other), "release buffer");
  require(g_calls->clReleaseCommandQueue(scene.queue), "release queue");
  require(g_calls->clReleaseContext(scene.context), "release context");
  return 0;
}
