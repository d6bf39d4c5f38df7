// A tenant that copies, computes, or does both, for a while, and tells what it has done.
//
//   copying MODE SECONDS
//
// MODE: copy     within the device, always some copies under way
//       write    from its own memory, one write after another, each awaited to its end
//       compute  kernels, always some under way
//       both     copies in one queue, and kernels in another, each of which it waits for
// Prints "working" once it works, then "bytes N kernels N slowest_ms N seconds N".
#include "opencl_test.h"

enum { kBytes = 256 * 1024, kUnderWay = 16, kItems = 4096 };

static struct device device;
static cl_mem first, second, data;
static cl_kernel churn;
static char host[kBytes];

static void copy(void) {
  CHECK(clEnqueueCopyBuffer(device.queue, first, second, 0, 0, kBytes, 0, NULL, NULL));
}

static void compute(cl_command_queue queue) {
  size_t size = kItems;
  CHECK(clEnqueueNDRangeKernel(queue, churn, 1, NULL, &size, NULL, 0, NULL, NULL));
}

static cl_mem make_buffer(void) {
  cl_int code;
  cl_mem memory = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kBytes, NULL, &code);
  CHECK(code);
  CHECK(clEnqueueFillBuffer(device.queue, memory, "abcd", 4, 0, kBytes, 0, NULL, NULL));
  return memory;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const char *mode = arguments[1];
  const double seconds = atof(arguments[2]);
  const int writes = !strcmp(mode, "write"), both = !strcmp(mode, "both");
  const int copies = both || !strcmp(mode, "copy"), computes = !strcmp(mode, "compute");
  if (!writes && !copies && !computes) return 2;
  device = open_device();
  first = make_buffer(), second = make_buffer(), data = make_buffer();
  churn = make_kernel(&device, "churn", data, 200);
  cl_int code;
  cl_command_queue other = clCreateCommandQueue(device.context, device.id, 0, &code);
  CHECK(code);
  compute(other);
  CHECK(clFinish(other));
  CHECK(clFinish(device.queue));
  puts("working"), fflush(stdout);

  cl_event ends[kUnderWay] = {0};
  unsigned long long copied = 0, kernels = 0;
  double slowest = 0;
  const double begin = now();
  for (unsigned round = 0; now() - begin < seconds; round++) {
    cl_event *end = &ends[round % kUnderWay];
    if (writes) {
      CHECK(clEnqueueWriteBuffer(device.queue, first, CL_TRUE, 0, kBytes, host, 0, NULL, NULL));
      CHECK(clFinish(device.queue));  // a write may return when the bytes are merely taken over
      copied += kBytes;
      continue;
    }
    if (copies || computes) {
      if (*end) {
        cl_int status = CL_COMPLETE;
        if (both) {  // waits for no copy
          CHECK(clGetEventInfo(*end, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status,
                               NULL));
        } else {
          CHECK(clWaitForEvents(1, end));
        }
        if (status == CL_COMPLETE) {
          CHECK(clReleaseEvent(*end));
          *end = NULL;
          if (copies) copied += kBytes;
          if (computes) kernels++;
        }
      }
      if (!*end) {
        if (copies) copy();
        if (computes) compute(device.queue);
        CHECK(clEnqueueMarkerWithWaitList(device.queue, 0, NULL, end));
        CHECK(clFlush(device.queue));
      }
    }
    if (both) {
      const double launched = now();
      compute(other);
      CHECK(clFinish(other));
      kernels++;
      if (now() - launched > slowest) slowest = now() - launched;
    }
  }
  printf("bytes %llu kernels %llu slowest_ms %.3f seconds %.3f\n", copied, kernels, slowest * 1e3,
         now() - begin);
  return 0;
}
