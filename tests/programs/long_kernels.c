// Launches two long kernels with a local size: `grind`, which can't tell whether it is launched in
// pieces, and `tell`, which can. Then prints "working" and waits for its end.
#include <unistd.h>

#include "opencl_test.h"

enum { kItems = 4096, kGroup = 64 };

static const char *const kSources[] = {
    "kernel void grind(global uint *data, uint rounds) {\n"
    "  uint x = data[get_global_id(0)];\n"
    "  for (uint i = 0; i < rounds; i++) x = x * 1664525u + 1013904223u;\n"
    "  data[get_global_id(0)] = x;\n"
    "}\n",
    "kernel void tell(global uint *data, uint rounds) {\n"
    "  uint x = data[get_global_id(0)] + get_num_groups(0);\n"
    "  for (uint i = 0; i < rounds; i++) x = x * 1664525u + 1013904223u;\n"
    "  data[get_global_id(0)] = x;\n"
    "}\n"};
static const char *const kNames[] = {"grind", "tell"};

int main(void) {
  struct device d = open_device();
  cl_int code;
  cl_mem data = clCreateBuffer(d.context, CL_MEM_READ_WRITE, kItems * 4, NULL, &code);
  CHECK(code);
  for (int i = 0; i < 2; i++) {
    cl_program program = clCreateProgramWithSource(d.context, 1, &kSources[i], NULL, &code);
    CHECK(code);
    CHECK(clBuildProgram(program, 1, &d.id, "", NULL, NULL));
    cl_kernel kernel = clCreateKernel(program, kNames[i], &code);
    CHECK(code);
    CHECK(clSetKernelArg(kernel, 0, sizeof data, &data));
    const size_t size = kItems, group = kGroup;
    // Until it takes much longer than two turns on any machine: three times, since a driver may
    // compile at the first launch, and the machine may stand still for a moment.
    cl_uint rounds = 1000;
    for (int slow = 0; slow < 3;) {
      CHECK(clSetKernelArg(kernel, 1, sizeof rounds, &rounds));
      const double begin = now();
      CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &size, &group, 0, NULL, NULL));
      CHECK(clFinish(d.queue));
      slow = now() - begin > 0.03 ? slow + 1 : 0;
      if (slow == 0) rounds *= 2;
    }
  }
  puts("working"), fflush(stdout);
  pause();
  return 0;
}
