// Computes on two queues, three times as long on the first, which is in order, as on the second,
// which is not and has a marker besides that waits for an event that nobody sets.
//
//   two_queues SECONDS     prints "working" once both have worked
#include "opencl_test.h"

enum { kItems = 4096, kRounds = 2000, kTimes = 3 };

int main(int count, char **arguments) {
  const double limit = count > 1 ? atof(arguments[1]) : 5;
  struct device d = open_device();
  cl_int code;
  cl_command_queue other =
      clCreateCommandQueue(d.context, d.id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
  CHECK(code);
  cl_mem data = clCreateBuffer(d.context, CL_MEM_READ_WRITE, kItems * 4, NULL, &code);
  CHECK(code);
  cl_mem apart = clCreateBuffer(d.context, CL_MEM_READ_WRITE, kItems * 4, NULL, &code);
  CHECK(code);
  cl_kernel much = make_kernel(&d, "churn", data, kTimes * kRounds);
  cl_kernel little = make_kernel(&d, "churn", apart, kRounds);
  cl_event marker, never = clCreateUserEvent(d.context, &code);
  CHECK(code);
  const size_t size = kItems;
  const double begin = now();
  for (unsigned round = 0; now() - begin < limit; round++) {
    CHECK(clEnqueueNDRangeKernel(d.queue, much, 1, NULL, &size, NULL, 0, NULL, NULL));
    CHECK(clFinish(d.queue));
    cl_event done;
    CHECK(clEnqueueNDRangeKernel(other, little, 1, NULL, &size, NULL, 0, NULL, &done));
    CHECK(clWaitForEvents(1, &done));
    CHECK(clReleaseEvent(done));
    if (round != 0) continue;
    CHECK(clEnqueueMarkerWithWaitList(other, 1, &never, &marker));
    CHECK(clFlush(other));
    puts("working"), fflush(stdout);
  }
  CHECK(clSetUserEventStatus(never, CL_COMPLETE));
  CHECK(clFinish(other));
  return 0;
}
