// User events: gating, errors that travel along wait lists, and event callbacks.
#include "expect.h"

#include <pthread.h>

static struct device d;

enum { kCount = 1024 };

static cl_event enqueue_add(cl_command_queue queue, cl_mem buffer, uint32_t value, cl_uint waits,
                            const cl_event *list) {
  size_t count = kCount;
  cl_event event;
  cl_kernel add = make_kernel(&d, "add", buffer, value);
  CHECK(clEnqueueNDRangeKernel(queue, add, 1, NULL, &count, NULL, waits, list, &event));
  CHECK(clReleaseKernel(add));
  return event;
}

static void setting(void) {
  cl_event event = make_user_event(&d);
  EXPECT(type_of(event) == CL_COMMAND_USER);
  EXPECT(status_of(event) == CL_SUBMITTED);
  cl_command_queue queue = d.queue;
  CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL));
  EXPECT(queue == NULL);
  EXPECT_CODE(clSetUserEventStatus(event, CL_RUNNING), CL_INVALID_VALUE);
  EXPECT_CODE(clSetUserEventStatus(event, CL_COMPLETE), CL_SUCCESS);
  EXPECT_CODE(clSetUserEventStatus(event, CL_COMPLETE), CL_INVALID_OPERATION);
  EXPECT(status_of(event) == CL_COMPLETE);
  CHECK(clWaitForEvents(1, &event));
  EXPECT_CODE(clSetUserEventStatus(NULL, CL_COMPLETE), CL_INVALID_EVENT);
  CHECK(clReleaseEvent(event));
  cl_int code = 1;
  EXPECT(clCreateUserEvent(NULL, &code) == NULL && code == CL_INVALID_CONTEXT);
}

// Calls that don't block must return although what they wait for is set later by this thread.
static void gating(cl_command_queue queue) {
  enum { kSize = 3 << 20 };
  unsigned char *in = malloc(kSize), *out = calloc(kSize, 1);
  memset(in, 5, kSize);
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kSize, NULL);
  cl_mem c = make_buffer(&d, CL_MEM_READ_WRITE, kSize, NULL);
  unsigned char zero = 0;
  CHECK(clEnqueueFillBuffer(queue, c, &zero, 1, 0, kSize, 0, NULL, NULL));
  CHECK(clFinish(queue));
  cl_event gate = make_user_event(&d), events[3];
  CHECK(clEnqueueWriteBuffer(queue, b, CL_FALSE, 0, kSize, in, 1, &gate, &events[0]));
  CHECK(clEnqueueCopyBuffer(queue, b, c, 0, 0, kSize, 1, &events[0], &events[1]));
  CHECK(clEnqueueReadBuffer(queue, c, CL_FALSE, 0, kSize, out, 1, &events[1], &events[2]));
  CHECK(clFlush(queue));
  usleep(20000);
  for (int i = 0; i < 3; i++) EXPECT(status_of(events[i]) > CL_COMPLETE);
  EXPECT(out[0] == 0);
  CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
  CHECK(clReleaseEvent(gate));
  CHECK(clWaitForEvents(3, events));
  EXPECT(memcmp(in, out, kSize) == 0);
  for (int i = 0; i < 3; i++) CHECK(clReleaseEvent(events[i]));
  CHECK(clReleaseMemObject(b));
  CHECK(clReleaseMemObject(c));
  free(in);
  free(out);
}

// An error travels to whoever waits for it, on both kinds of queue, and no further.
static void failing(cl_command_queue queue) {
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  uint32_t host[kCount] = {0};
  CHECK(clEnqueueWriteBuffer(queue, b, CL_TRUE, 0, sizeof host, host, 0, NULL, NULL));
  CHECK(clFinish(queue));
  cl_event gate = make_user_event(&d);
  cl_event first = enqueue_add(queue, b, 1, 1, &gate);
  cl_event second = enqueue_add(queue, b, 1, 1, &first);
  CHECK(clFlush(queue));
  CHECK(clSetUserEventStatus(gate, -42));
  EXPECT_CODE(clWaitForEvents(1, &second), CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
  EXPECT(status_of(gate) == -42 && status_of(first) < 0 && status_of(second) < 0);
  if (strict) {  // PoCL waits for ever
    EXPECT_CODE(clEnqueueReadBuffer(queue, b, CL_TRUE, 0, sizeof host, host, 1, &second, NULL),
                CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
  }
  if (strict) {  // one that failed before anybody waited: PoCL waits for ever
    cl_event third = enqueue_add(queue, b, 1, 1, &gate);
    CHECK(clFlush(queue));
    EXPECT_CODE(clWaitForEvents(1, &third), CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    CHECK(clReleaseEvent(third));
  }
  clFinish(queue);
  // What does not depend on it goes on.
  cl_event fourth = enqueue_add(queue, b, 9, 0, NULL);
  EXPECT_CODE(clWaitForEvents(1, &fourth), CL_SUCCESS);
  CHECK(clEnqueueReadBuffer(queue, b, CL_TRUE, 0, sizeof host, host, 0, NULL, NULL));
  EXPECT(host[0] == 9 && host[kCount - 1] == 9);
  CHECK(clReleaseEvent(gate));
  CHECK(clReleaseEvent(first));
  CHECK(clReleaseEvent(second));
  CHECK(clReleaseEvent(fourth));
  CHECK(clReleaseMemObject(b));
}

static cl_int called[4];
static int calls;
static pthread_t caller;
static void CL_CALLBACK on_status(cl_event event, cl_int status, void *data) {
  (void)event;
  caller = pthread_self();
  __atomic_store_n(&called[*(int *)data], status, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
}

static void await_calls(int wanted) {
  for (int i = 0; i < 5000 && __atomic_load_n(&calls, __ATOMIC_SEQ_CST) < wanted; i++) usleep(1000);
  usleep(5000);  // none may come twice
  EXPECT(calls == wanted);
  calls = 0;
}

static void callbacks(void) {
  static int index[4] = {0, 1, 2, 3};
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, 1 << 20, NULL);
  cl_event gate = make_user_event(&d);
  cl_event event = enqueue_add(d.queue, b, 1, 1, &gate);
  EXPECT_CODE(clSetEventCallback(event, CL_QUEUED, on_status, index), CL_INVALID_VALUE);
  EXPECT_CODE(clSetEventCallback(event, CL_COMPLETE, NULL, index), CL_INVALID_VALUE);
  EXPECT_CODE(clSetEventCallback(NULL, CL_COMPLETE, on_status, index), CL_INVALID_EVENT);
  for (int i = 0; i < 4; i++) called[i] = 77;
  CHECK(clSetEventCallback(event, CL_COMPLETE, on_status, &index[0]));
  CHECK(clSetEventCallback(event, CL_RUNNING, on_status, &index[1]));
  CHECK(clSetEventCallback(event, CL_SUBMITTED, on_status, &index[2]));
  CHECK(clSetEventCallback(gate, CL_COMPLETE, on_status, &index[3]));
  CHECK(clFlush(d.queue));
  usleep(20000);
  EXPECT(called[0] == 77 && called[1] == 77 && called[3] == 77);
  CHECK(clReleaseEvent(event));  // the callbacks keep it
  CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
  await_calls(4);
  EXPECT(called[0] == CL_COMPLETE && called[1] == CL_RUNNING && called[2] == CL_SUBMITTED &&
         called[3] == CL_COMPLETE);
  CHECK(clReleaseEvent(gate));

  // On one that has ended already, and on one that fails.
  event = enqueue_add(d.queue, b, 1, 0, NULL);
  CHECK(clWaitForEvents(1, &event));
  CHECK(clSetEventCallback(event, CL_COMPLETE, on_status, &index[0]));
  await_calls(1);
  EXPECT(called[0] == CL_COMPLETE);
  CHECK(clReleaseEvent(event));
  if (strict) {  // PoCL forgets the callbacks of what failed
    gate = make_user_event(&d);
    event = enqueue_add(d.queue, b, 1, 1, &gate);
    CHECK(clSetEventCallback(event, CL_COMPLETE, on_status, &index[0]));
    CHECK(clSetEventCallback(gate, CL_COMPLETE, on_status, &index[1]));
    CHECK(clFlush(d.queue));
    CHECK(clSetUserEventStatus(gate, -7));
    await_calls(2);
    EXPECT(called[0] < 0 && called[1] == -7);
    clFinish(d.queue);
    CHECK(clReleaseEvent(event));
    CHECK(clReleaseEvent(gate));
  }

  // The bytes of a read are there when its callback runs.
  unsigned char *out = calloc(1 << 20, 1), three = 3;
  CHECK(clEnqueueFillBuffer(d.queue, b, &three, 1, 0, 1 << 20, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, b, CL_FALSE, 0, 1 << 20, out, 0, NULL, &event));
  CHECK(clSetEventCallback(event, CL_COMPLETE, on_status, &index[0]));
  CHECK(clFlush(d.queue));
  await_calls(1);
  EXPECT(out[0] == 3 && out[(1 << 20) - 1] == 3);
  CHECK(clReleaseEvent(event));
  free(out);
  CHECK(clReleaseMemObject(b));
}

static void *set_later(void *event) {
  usleep(30000);
  CHECK(clSetUserEventStatus(event, CL_COMPLETE));
  return NULL;
}

// A blocking call waits for an event that another thread sets.
static void other_thread(void) {
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  uint32_t value = 6, seen = 0;
  for (int i = 0; i < 3; i++) {
    cl_event gate = make_user_event(&d);
    pthread_t thread;
    pthread_create(&thread, NULL, set_later, gate);
    if (i == 0) CHECK(clWaitForEvents(1, &gate));
    if (i == 1) CHECK(clEnqueueWriteBuffer(d.queue, b, CL_TRUE, 0, 4, &value, 1, &gate, NULL));
    if (i == 2) CHECK(clEnqueueReadBuffer(d.queue, b, CL_TRUE, 0, 4, &seen, 1, &gate, NULL));
    if (i != 1) EXPECT(status_of(gate) == CL_COMPLETE);
    pthread_join(thread, NULL);
    CHECK(clFinish(d.queue));
    CHECK(clReleaseEvent(gate));
  }
  EXPECT(seen == 6);
  CHECK(clReleaseMemObject(b));
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  d = open_device();
  cl_command_queue loose = make_queue(&d, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
  setting();
  gating(d.queue);
  gating(loose);
  failing(d.queue);
  failing(loose);
  callbacks();
  other_thread();
  CHECK(clReleaseCommandQueue(loose));
  close_device(&d);
  return finish_expectations("user_event_rules");
}
