// A kernel that writes where nothing is: the driver crashes, and with it whatever process it is in.
// Prints the code that clFinish gives, and ends with 0.
#include "opencl_test.h"

static const char *const kWild =
    "kernel void wild(global uint *data, ulong far) { data[get_global_id(0) + far] = 1; }\n";

int main(void) {
  struct device d = open_device();
  cl_int code;
  CHECK(clReleaseProgram(d.program));
  const char *source = kWild;
  d.program = clCreateProgramWithSource(d.context, 1, &source, NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(d.program, 1, &d.id, "", NULL, NULL));
  cl_mem data = clCreateBuffer(d.context, CL_MEM_READ_WRITE, 4096, NULL, &code);
  CHECK(code);
  cl_kernel kernel = clCreateKernel(d.program, "wild", &code);
  CHECK(code);
  const cl_ulong far = (cl_ulong)1 << 44;
  CHECK(clSetKernelArg(kernel, 0, sizeof data, &data));
  CHECK(clSetKernelArg(kernel, 1, sizeof far, &far));
  const size_t size = 64;
  CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &size, NULL, 0, NULL, NULL));
  printf("%d\n", clFinish(d.queue));
  return 0;
}
