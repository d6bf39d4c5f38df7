// Events: queries, waiting, profiling, markers and barriers, order in both kinds of queue.
#define CL_TARGET_OPENCL_VERSION 210
#include "expect.h"

static struct device d;

enum { kCount = 1 << 14 };

static cl_event enqueue_add(cl_command_queue queue, cl_mem buffer, uint32_t value, cl_uint waits,
                            const cl_event *list) {
  size_t count = kCount;
  cl_event event;
  cl_kernel add = make_kernel(&d, "add", buffer, value);
  CHECK(clEnqueueNDRangeKernel(queue, add, 1, NULL, &count, NULL, waits, list, &event));
  CHECK(clReleaseKernel(add));
  return event;
}

static void queries(void) {
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  cl_event event = enqueue_add(d.queue, b, 1, 0, NULL);
  cl_command_queue queue = NULL;
  cl_context context = NULL;
  cl_uint references = 0;
  cl_ulong time = 0;
  CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL));
  CHECK(clGetEventInfo(event, CL_EVENT_CONTEXT, sizeof context, &context, NULL));
  CHECK(clRetainEvent(event));
  CHECK(clGetEventInfo(event, CL_EVENT_REFERENCE_COUNT, sizeof references, &references, NULL));
  EXPECT(queue == d.queue && context == d.context && references >= 2);
  CHECK(clReleaseEvent(event));
  EXPECT(type_of(event) == CL_COMMAND_NDRANGE_KERNEL);
  EXPECT_CODE(clGetEventInfo(event, 0xdead, sizeof queue, &queue, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clGetEventInfo(NULL, CL_EVENT_CONTEXT, sizeof context, &context, NULL),
              CL_INVALID_EVENT);
  // The status comes to an end without anybody waiting.
  CHECK(clFlush(d.queue));
  for (int i = 0; i < 5000 && status_of(event) > CL_COMPLETE; i++) usleep(1000);
  EXPECT(status_of(event) == CL_COMPLETE);
  EXPECT_CODE(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof time, &time, NULL),
              CL_PROFILING_INFO_NOT_AVAILABLE);
  CHECK(clReleaseEvent(event));
  EXPECT_CODE(clWaitForEvents(0, NULL), CL_INVALID_VALUE);
  cl_event none = NULL;
  EXPECT_CODE(clWaitForEvents(1, &none), CL_INVALID_EVENT);
  CHECK(clReleaseMemObject(b));
}

static void check_times(cl_event event) {
  cl_ulong times[4];
  CHECK(clWaitForEvents(1, &event));
  for (int i = 0; i < 4; i++) {
    CHECK(clGetEventProfilingInfo(event, (cl_profiling_info)(CL_PROFILING_COMMAND_QUEUED + i),
                                  sizeof times[i], &times[i], NULL));
  }
  EXPECT(times[0] <= times[1] && times[1] <= times[2] && times[2] <= times[3] && times[3] != 0);
  EXPECT_CODE(clGetEventProfilingInfo(event, 0xdead, sizeof times[0], times, NULL),
              CL_INVALID_VALUE);
  CHECK(clReleaseEvent(event));
}

static void profiling(void) {
  cl_command_queue queue = make_queue(&d, CL_QUEUE_PROFILING_ENABLE);
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  uint32_t *host = calloc(kCount, 4);
  cl_event events[7];
  cl_int code;
  CHECK(clEnqueueWriteBuffer(queue, b, CL_TRUE, 0, kCount * 4, host, 0, NULL, &events[0]));
  cl_ulong at_once = 0;  // programs ask for the times of a blocking call without waiting again
  EXPECT_CODE(clGetEventProfilingInfo(events[0], CL_PROFILING_COMMAND_END, sizeof at_once, &at_once,
                                      NULL),
              CL_SUCCESS);
  EXPECT(at_once != 0);
  events[1] = enqueue_add(queue, b, 3, 0, NULL);
  CHECK(clEnqueueReadBuffer(queue, b, CL_FALSE, 0, kCount * 4, host, 0, NULL, &events[2]));
  uint32_t *p = clEnqueueMapBuffer(queue, b, CL_TRUE, CL_MAP_WRITE, 0, 64, 0, NULL, &events[3],
                                   &code);
  CHECK(code);
  CHECK(clEnqueueUnmapMemObject(queue, b, p, 0, NULL, &events[4]));
  CHECK(clEnqueueReadBuffer(queue, b, CL_TRUE, 0, kCount * 4, host, 0, NULL, &events[5]));
  CHECK(clEnqueueFillBuffer(queue, b, host, 4, 0, 64, 0, NULL, &events[6]));
  CHECK(clFinish(queue));
  EXPECT(host[0] == 3);
  for (int i = 0; i < 7; i++) check_times(events[i]);
  free(host);
  CHECK(clReleaseMemObject(b));
  CHECK(clReleaseCommandQueue(queue));
}

// The clocks that profiled times can be set beside, where the platform has them.
static void timers(void) {
  cl_platform_id platform;
  cl_ulong resolution = 0, device_time[2] = {0}, host_time[2] = {0};
  CHECK(clGetDeviceInfo(d.id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL));
  if (clGetPlatformInfo(platform, CL_PLATFORM_HOST_TIMER_RESOLUTION, sizeof resolution,
                        &resolution, NULL) != CL_SUCCESS) {
    return;  // an older platform
  }
  EXPECT_CODE(clGetDeviceAndHostTimer(NULL, device_time, host_time), CL_INVALID_DEVICE);
  EXPECT_CODE(clGetHostTimer(NULL, host_time), CL_INVALID_DEVICE);
  const cl_int without = resolution == 0 ? CL_INVALID_OPERATION : CL_INVALID_VALUE;
  EXPECT_CODE(clGetDeviceAndHostTimer(d.id, NULL, NULL), without);
  EXPECT_CODE(clGetDeviceAndHostTimer(d.id, device_time, NULL), without);
  EXPECT_CODE(clGetDeviceAndHostTimer(d.id, NULL, host_time), without);
  EXPECT_CODE(clGetHostTimer(d.id, NULL), without);
  for (int i = 0; i < 2; i++) {
    EXPECT_CODE(clGetDeviceAndHostTimer(d.id, &device_time[i], &host_time[i]),
                resolution == 0 ? CL_INVALID_OPERATION : CL_SUCCESS);
  }
  EXPECT(device_time[0] <= device_time[1] && host_time[0] <= host_time[1]);
}

// Out of order, only wait lists and barriers order; in order, everything does.
static void chains(cl_command_queue_properties properties) {
  cl_command_queue queue = make_queue(&d, properties);
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  uint32_t zero = 0, seen = 0;
  cl_event before, event;
  CHECK(clEnqueueFillBuffer(queue, b, &zero, 4, 0, kCount * 4, 0, NULL, &before));
  for (uint32_t i = 0; i < 200; i++) {
    event = enqueue_add(queue, b, i, 1, &before);
    CHECK(clReleaseEvent(before));
    before = event;
  }
  CHECK(clEnqueueReadBuffer(queue, b, CL_TRUE, kCount * 4 - 4, 4, &seen, 1, &before, NULL));
  EXPECT(seen == 199 * 200 / 2);
  EXPECT(status_of(before) == CL_COMPLETE);
  CHECK(clReleaseEvent(before));
  // The same with barriers in place of events.
  CHECK(clEnqueueFillBuffer(queue, b, &zero, 4, 0, kCount * 4, 0, NULL, NULL));
  for (uint32_t i = 0; i < 50; i++) {
    CHECK(clEnqueueBarrierWithWaitList(queue, 0, NULL, NULL));
    CHECK(clReleaseEvent(enqueue_add(queue, b, 2, 0, NULL)));
  }
  CHECK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event));
  CHECK(clWaitForEvents(1, &event));
  EXPECT(type_of(event) == CL_COMMAND_MARKER);
  CHECK(clReleaseEvent(event));
  seen = 0;
  CHECK(clEnqueueReadBuffer(queue, b, CL_TRUE, 0, 4, &seen, 0, NULL, NULL));
  EXPECT(seen == 100);
  CHECK(clEnqueueMarker(queue, &event));
  if (strict) {  // PoCL ends the program
    CHECK(clEnqueueWaitForEvents(queue, 1, &event));
    EXPECT_CODE(clEnqueueWaitForEvents(queue, 0, NULL), CL_INVALID_VALUE);
  }
  CHECK(clEnqueueBarrier(queue));
  CHECK(clFinish(queue));
  EXPECT(status_of(event) == CL_COMPLETE);
  if (strict) EXPECT_CODE(clEnqueueMarker(queue, NULL), CL_INVALID_VALUE);  // Intel takes it
  CHECK(clReleaseEvent(event));
  CHECK(clReleaseMemObject(b));
  CHECK(clReleaseCommandQueue(queue));
}

// A read that does not block on one queue is done for a waiter on another that depends on it.
static void across_queues(void) {
  cl_command_queue other = make_queue(&d, 0);
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  uint32_t *host = malloc(kCount * 4), zero = 0;
  for (uint32_t round = 1; round <= 20; round++) {
    memset(host, 0xff, kCount * 4);
    cl_event added, read, last;
    CHECK(clEnqueueFillBuffer(d.queue, b, &zero, 4, 0, kCount * 4, 0, NULL, NULL));
    added = enqueue_add(d.queue, b, round, 0, NULL);
    CHECK(clEnqueueReadBuffer(d.queue, b, CL_FALSE, 0, kCount * 4, host, 1, &added, &read));
    CHECK(clFlush(d.queue));
    CHECK(clEnqueueMarkerWithWaitList(other, 1, &read, &last));
    CHECK(clFlush(other));
    if (round % 2 == 0) CHECK(clWaitForEvents(1, &last));
    else CHECK(clFinish(other));
    EXPECT(host[0] == round && host[kCount - 1] == round);
    CHECK(clReleaseEvent(added));
    CHECK(clReleaseEvent(read));
    CHECK(clReleaseEvent(last));
    CHECK(clFinish(d.queue));
  }
  free(host);
  CHECK(clReleaseMemObject(b));
  CHECK(clReleaseCommandQueue(other));
}

// Many events at once, most of them never looked at.
static void many(void) {
  enum { kMany = 6000 };
  cl_event *events = malloc(sizeof *events * kMany);
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  size_t one = 1;
  cl_kernel add = make_kernel(&d, "add", b, 1);
  for (int i = 0; i < kMany; i++) {
    CHECK(clEnqueueNDRangeKernel(d.queue, add, 1, NULL, &one, NULL, 0, NULL, &events[i]));
  }
  CHECK(clWaitForEvents(kMany, events));
  EXPECT(status_of(events[0]) == CL_COMPLETE && status_of(events[kMany - 1]) == CL_COMPLETE);
  for (int i = 0; i < kMany; i++) CHECK(clReleaseEvent(events[i]));
  free(events);
  CHECK(clReleaseKernel(add));
  CHECK(clReleaseMemObject(b));
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  d = open_device();
  queries();
  profiling();
  timers();
  chains(0);
  chains(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
  chains(CL_QUEUE_PROFILING_ENABLE);
  across_queues();
  many();
  close_device(&d);
  return finish_expectations("event_rules");
}
