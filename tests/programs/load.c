// Keeps a vGPU busy until a call fails, then shows that every further call fails, and soon.
//
//   load SECONDS      ends with 0 after that time, with 7 after an error behaved as it must
//
// Prints "working" once it works, then on an error a line each: name of the call, its code, and
// the seconds that it took. The test that killed the worker checks codes and times.
#include "opencl_test.h"

enum { kBytes = 256 * 1024 };

static struct device device;
static cl_mem data, other;
static cl_kernel add, churn;
static cl_event user_event;
static volatile int callback_calls;
static volatile cl_int callback_status;
static char host[kBytes];

static void CL_CALLBACK on_complete(cl_event event, cl_int status, void *unused) {
  (void)event;
  (void)unused;
  callback_status = status;
  __sync_fetch_and_add(&callback_calls, 1);
}

// One pass of every kind of command; the first error code, or CL_SUCCESS.
static cl_int work(unsigned round) {
  size_t size = kBytes / 4;
  cl_int code = clEnqueueWriteBuffer(device.queue, data, round & 1, 0, kBytes, host, 0, NULL, NULL);
  if (code) return code;
  cl_event done;
  code = clEnqueueNDRangeKernel(device.queue, round & 3 ? add : churn, 1, NULL, &size, NULL, 0,
                                NULL, &done);
  if (code) return code;
  code = clEnqueueCopyBuffer(device.queue, data, other, 0, 0, kBytes, 0, NULL, NULL);
  if (!code && round % 5 == 0) code = clWaitForEvents(1, &done);
  clReleaseEvent(done);
  if (code) return code;
  if (round % 3 == 0) {
    void *p = clEnqueueMapBuffer(device.queue, other, CL_TRUE, CL_MAP_READ, 0, kBytes, 0, NULL,
                                 NULL, &code);
    if (code) return code;
    code = clEnqueueUnmapMemObject(device.queue, other, p, 0, NULL, NULL);
    if (code) return code;
  }
  cl_mem fresh = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kBytes, NULL, &code);
  if (code) return code;
  code = clEnqueueFillBuffer(device.queue, fresh, "abcd", 4, 0, kBytes, 0, NULL, NULL);
  clReleaseMemObject(fresh);
  if (code) return code;
  return round % 2 ? clFinish(device.queue)
                   : clEnqueueReadBuffer(device.queue, data, CL_TRUE, 0, kBytes, host, 0, NULL,
                                         NULL);
}

#define TRY(name, call)                                     \
  do {                                                      \
    double begin = now();                                   \
    code = CL_SUCCESS;                                      \
    call;                                                   \
    printf("call %s %d %.3f\n", name, code, now() - begin); \
  } while (0)

static void try_every_call(void) {
  cl_int code;
  size_t size = 64;
  void *ignored;
  TRY("clEnqueueWriteBuffer",
      code = clEnqueueWriteBuffer(device.queue, data, CL_TRUE, 0, kBytes, host, 0, NULL, NULL));
  TRY("clEnqueueReadBuffer",
      code = clEnqueueReadBuffer(device.queue, data, CL_TRUE, 0, kBytes, host, 0, NULL, NULL));
  TRY("clEnqueueNDRangeKernel", code = clEnqueueNDRangeKernel(device.queue, add, 1, NULL, &size,
                                                              NULL, 0, NULL, NULL));
  TRY("clEnqueueCopyBuffer",
      code = clEnqueueCopyBuffer(device.queue, data, other, 0, 0, 64, 0, NULL, NULL));
  TRY("clEnqueueFillBuffer",
      code = clEnqueueFillBuffer(device.queue, data, "abcd", 4, 0, 64, 0, NULL, NULL));
  TRY("clEnqueueMapBuffer",
      ignored = clEnqueueMapBuffer(device.queue, data, CL_TRUE, CL_MAP_WRITE, 0, 64, 0, NULL, NULL,
                                   &code));
  TRY("clEnqueueMarkerWithWaitList",
      code = clEnqueueMarkerWithWaitList(device.queue, 0, NULL, NULL));
  TRY("clFlush", code = clFlush(device.queue));
  TRY("clFinish", code = clFinish(device.queue));
  TRY("clWaitForEvents", code = clWaitForEvents(1, &user_event));
  TRY("clCreateBuffer",
      ignored = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kBytes, NULL, &code));
  TRY("clCreateCommandQueue",
      ignored = clCreateCommandQueue(device.context, device.id, 0, &code));
  TRY("clCreateContext", ignored = clCreateContext(NULL, 1, &device.id, NULL, NULL, &code));
  TRY("clBuildProgram",
      code = clBuildProgram(device.program, 1, &device.id, "-DX", NULL, NULL));
  TRY("clCreateKernel", ignored = clCreateKernel(device.program, "add", &code));
  (void)ignored;
}

int main(int count, char **arguments) {
  double limit = count > 1 ? atof(arguments[1]) : 5;
  cl_int code;
  device = open_device();
  data = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kBytes, NULL, &code);
  CHECK(code);
  other = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kBytes, NULL, &code);
  CHECK(code);
  add = make_kernel(&device, "add", data, 1);
  churn = make_kernel(&device, "churn", data, 200);
  user_event = clCreateUserEvent(device.context, &code);
  CHECK(code);
  // A marker that waits for the user event: its callback must come, with an error, at the end.
  cl_event marker;
  cl_command_queue waiting = clCreateCommandQueue(
      device.context, device.id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
  CHECK(code);
  CHECK(clEnqueueMarkerWithWaitList(waiting, 1, &user_event, &marker));
  CHECK(clSetEventCallback(marker, CL_COMPLETE, on_complete, NULL));
  double begin = now();
  for (unsigned round = 0; now() - begin < limit; round++) {
    code = work(round);
    if (round == 0 && !code) {
      printf("working\n");
      fflush(stdout);
    }
    if (!code) continue;
    printf("failed %d %.6f\n", code, now());
    try_every_call();
    for (double until = now() + 1; now() < until && !callback_calls;) {
      struct timespec nap = {0, 1000000};
      nanosleep(&nap, NULL);
    }
    struct timespec nap = {0, 20000000};
    nanosleep(&nap, NULL);  // a second call of the callback would come now
    printf("callback %d %d\n", callback_calls, callback_status);
    clReleaseEvent(marker);
    clReleaseEvent(user_event);
    clReleaseKernel(add);
    clReleaseKernel(churn);
    clReleaseMemObject(data);
    clReleaseMemObject(other);
    clReleaseCommandQueue(waiting);
    clReleaseProgram(device.program);
    clReleaseCommandQueue(device.queue);
    clReleaseContext(device.context);
    printf("released\n");
    return 7;
  }
  CHECK(clSetUserEventStatus(user_event, CL_COMPLETE));
  CHECK(clFinish(waiting));
  return 0;
}
