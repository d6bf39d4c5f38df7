// Works on a vGPU that is suspended and moved under its hands, and checks every result.
//
//   enduring SECONDS [BYTES [blocked]]   ends with 0 after that time; prints "working" once it works,
//       at last the rounds that it made and the longest time that one of them took, in ms. SIGTERM
//       ends it before. "blocked": a command waits for a user event all that time, and nothing else is
//       done.
//
// All that must come along is used in every round, most of it made only once, at the beginning: an
// in-order queue and one that isn't, buffers and a sub-buffer, kernels whose arguments were set long
// ago, of a program built with options and of one compiled and linked, events with times, user events,
// markers, mapped memory, and a queue that was released.
#include "opencl_test.h"

#include <signal.h>

enum { kItems = 1024 };

static const char *const kLinked = "#include \"step.h\"\n"
                                   "kernel void twice(global uint *data) {\n"
                                   "  data[get_global_id(0)] *= STEP;\n"
                                   "}\n";
static const char *const kHeader = "#define STEP 2\n";
static const char *const kOptions = "kernel void more(global uint *data, uint3 of) {\n"
                                    "  data[get_global_id(0)] += ADDED + of.y;\n"
                                    "}\n";

static struct device device;
static cl_command_queue unordered;
static cl_kernel add, twice, more;
static cl_mem data, part, ballast;
static uint32_t expected[kItems];
static cl_event long_ago;
static volatile int callbacks;
static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

static void CL_CALLBACK on_complete(cl_event event, cl_int status, void *unused) {
  (void)event;
  (void)unused;
  if (status == CL_COMPLETE) __sync_fetch_and_add(&callbacks, 1);
}

static cl_program linked_program(void) {
  cl_int code;
  cl_program header = clCreateProgramWithSource(device.context, 1, (const char **)&kHeader, NULL,
                                                &code);
  CHECK(code);
  cl_program source = clCreateProgramWithSource(device.context, 1, (const char **)&kLinked, NULL,
                                                &code);
  CHECK(code);
  const char *name = "step.h";
  CHECK(clCompileProgram(source, 1, &device.id, "", 1, &header, &name, NULL, NULL));
  cl_program linked =
      clLinkProgram(device.context, 1, &device.id, "", 1, &source, NULL, NULL, &code);
  CHECK(code);
  // What it was made of is needed to make it again, though the program is done with it.
  CHECK(clReleaseProgram(source));
  CHECK(clReleaseProgram(header));
  return linked;
}

static void begin(size_t bytes) {
  cl_int code;
  device = open_device();
  cl_command_queue short_lived = clCreateCommandQueue(device.context, device.id, 0, &code);
  CHECK(code);
  CHECK(clFinish(short_lived));
  unordered = clCreateCommandQueue(
      device.context, device.id,
      CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE, &code);
  CHECK(code);
  CHECK(clReleaseCommandQueue(short_lived));
  data = clCreateBuffer(device.context, CL_MEM_READ_WRITE, sizeof expected, NULL, &code);
  CHECK(code);
  const cl_buffer_region half = {sizeof expected / 2, sizeof expected / 2};
  part = clCreateSubBuffer(data, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &half, &code);
  CHECK(code);
  ballast = clCreateBuffer(device.context, CL_MEM_READ_WRITE, bytes, NULL, &code);
  CHECK(code);
  CHECK(clEnqueueFillBuffer(device.queue, ballast, "abcd", 4, 0, bytes, 0, NULL, NULL));
  CHECK(clEnqueueWriteBuffer(device.queue, data, CL_TRUE, 0, sizeof expected, expected, 0, NULL,
                             NULL));
  add = make_kernel(&device, "add", data, 3);
  cl_program linked = linked_program();
  twice = clCreateKernel(linked, "twice", &code);
  CHECK(code);
  CHECK(clReleaseProgram(linked));
  CHECK(clSetKernelArg(twice, 0, sizeof part, &part));
  cl_program optional =
      clCreateProgramWithSource(device.context, 1, (const char **)&kOptions, NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(optional, 1, &device.id, "-DADDED=5", NULL, NULL));
  more = clCreateKernel(optional, "more", &code);
  CHECK(code);
  const cl_uint4 of = {{1, 7, 2, 0}};
  CHECK(clSetKernelArg(more, 0, sizeof data, &data));
  CHECK(clSetKernelArg(more, 1, sizeof of, &of));
  size_t size = kItems;
  CHECK(clEnqueueNDRangeKernel(unordered, add, 1, NULL, &size, NULL, 0, NULL, &long_ago));
  CHECK(clFinish(unordered));
  for (int i = 0; i < kItems; i++) expected[i] += 3;
}

static void check(const uint32_t *found, const char *what, unsigned round) {
  for (int i = 0; i < kItems; i++) {
    if (found[i] == expected[i]) continue;
    fprintf(stderr, "round %u, %s: element %d is %u, not %u\n", round, what, i, found[i],
            expected[i]);
    exit(1);
  }
}

static void read_all(const char *what, unsigned round) {
  uint32_t found[kItems];
  CHECK(clEnqueueReadBuffer(device.queue, data, CL_TRUE, 0, sizeof found, found, 0, NULL, NULL));
  check(found, what, round);
}

static void work(unsigned round, size_t bytes) {
  size_t size = kItems, half = kItems / 2;
  cl_int code;
  // In order, with kernels whose arguments were set at the beginning.
  for (int i = 0; i < 20; i++) {
    CHECK(clEnqueueNDRangeKernel(device.queue, add, 1, NULL, &size, NULL, 0, NULL, NULL));
    CHECK(clEnqueueNDRangeKernel(device.queue, twice, 1, NULL, &half, NULL, 0, NULL, NULL));
    CHECK(clEnqueueNDRangeKernel(device.queue, more, 1, NULL, &size, NULL, 0, NULL, NULL));
    for (int k = 0; k < kItems; k++) {
      expected[k] += 3;
      if (k >= kItems / 2) expected[k] *= 2;
      expected[k] += 12;
    }
  }
  if (round % 2) CHECK(clFinish(device.queue));
  read_all("in order", round);
  // Out of order, behind an event from long ago, a user event and one another.
  cl_event gate = clCreateUserEvent(device.context, &code), first, second, marker;
  CHECK(code);
  const cl_event before[] = {long_ago, gate};
  CHECK(clEnqueueNDRangeKernel(unordered, add, 1, NULL, &size, NULL, 2, before, &first));
  CHECK(clEnqueueNDRangeKernel(unordered, twice, 1, NULL, &half, NULL, 1, &first, &second));
  CHECK(clEnqueueMarkerWithWaitList(unordered, 1, &second, &marker));
  const int called = callbacks;
  CHECK(clSetEventCallback(marker, CL_COMPLETE, on_complete, NULL));
  CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
  CHECK(clWaitForEvents(1, &marker));
  for (int k = 0; k < kItems; k++) {
    expected[k] += 3;
    if (k >= kItems / 2) expected[k] *= 2;
  }
  cl_ulong start = 0, end = 0, old = 0;
  CHECK(clGetEventProfilingInfo(second, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL));
  CHECK(clGetEventProfilingInfo(second, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL));
  CHECK(clGetEventProfilingInfo(long_ago, CL_PROFILING_COMMAND_END, sizeof old, &old, NULL));
  if (start > end || old == 0) fprintf(stderr, "times are wrong\n"), exit(1);
  for (cl_event *event = (cl_event[]){gate, first, second, marker, NULL}; *event; event++)
    CHECK(clReleaseEvent(*event));
  read_all("out of order", round);
  // Mapped, and changed in place.
  uint32_t *mapped = clEnqueueMapBuffer(device.queue, data, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                                        sizeof expected, 0, NULL, NULL, &code);
  CHECK(code);
  check(mapped, "mapped", round);
  for (int k = 0; k < kItems; k++) mapped[k] = expected[k] = expected[k] * 31 + round;
  CHECK(clEnqueueUnmapMemObject(device.queue, data, mapped, 0, NULL, NULL));
  // What nobody has touched since the beginning.
  uint32_t tail = 0;
  CHECK(clEnqueueReadBuffer(device.queue, ballast, CL_TRUE, bytes - sizeof tail, sizeof tail, &tail,
                            0, NULL, NULL));
  if (memcmp(&tail, "abcd", sizeof tail) != 0) fprintf(stderr, "ballast is wrong\n"), exit(1);
  for (int i = 0; callbacks == called && i < 5000; i++) {
    const struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
  }
  if (callbacks != called + 1) fprintf(stderr, "%d callbacks came\n", callbacks - called), exit(1);
}

static int blocked(double seconds) {
  cl_int code;
  size_t size = kItems;
  cl_event gate = clCreateUserEvent(device.context, &code);
  CHECK(code);
  CHECK(clEnqueueNDRangeKernel(device.queue, add, 1, NULL, &size, NULL, 1, &gate, NULL));
  CHECK(clFlush(device.queue));
  printf("working\n");
  fflush(stdout);
  const struct timespec pause = {(time_t)seconds, 0};
  nanosleep(&pause, NULL);
  CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
  for (int k = 0; k < kItems; k++) expected[k] += 3;
  read_all("blocked", 0);
  return 0;
}

int main(int count, char **arguments) {
  const double limit = count > 1 ? atof(arguments[1]) : 5;
  const size_t bytes = count > 2 ? strtoull(arguments[2], NULL, 10) : 1 << 20;
  const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGTERM, &action, NULL);
  begin(bytes);
  if (count > 3 && strcmp(arguments[3], "blocked") == 0) return blocked(limit);
  double start = now(), longest = 0, last = start;
  unsigned round = 0;
  for (; last - start < limit && !stop; round++) {
    work(round, bytes);
    if (round == 0) {
      printf("working\n");
      fflush(stdout);
      last = now();
    }
    const double took = now() - last;
    last += took;
    if (took > longest) longest = took;
  }
  printf("rounds %u longest %.1f\n", round, longest * 1e3);
  return 0;
}
