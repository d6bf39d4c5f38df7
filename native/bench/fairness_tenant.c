/* One tenant of `aliquot bench fairness`: launches compute-bound kernels and writes down when how many
 * of them had ended. It knows nothing of shares: what it got is what it completed.
 *
 *   --kernel-us K     length of a kernel (with --calibrate), and what a batch is reckoned by
 *   --items N         of a kernel, in work groups of 64
 *   --iterations N    of the kernel's loop; --calibrate finds and prints them for K, and ends
 *   --pattern P       saturate  always enough launched to keep the device busy
 *                     sync      one kernel at a time, and clFinish
 *                     gap       one kernel, clFinish, a pause of --gap-us
 *                     latency   one kernel each --gap-us, and how long until it had ended
 *   --queue Q         in-order, or out-of-order
 *   --processes N     as many processes of one vGPU, each of which does the same; they write FILE.0,
 *                     FILE.1, and so on
 *   --seconds S       how long
 *   --out FILE        lines of "nanoseconds kernels latency": CLOCK_MONOTONIC, kernels completed by
 *                     then, ns that the last one took (latency) or 0; a line a millisecond at most;
 *                     written at the end, after an error, too
 *
 * When it has built its kernel and run it once, it prints "ready" and waits for a line on its
 * standard input: when to start, ns of CLOCK_MONOTONIC. Any error: one line on stderr, status 1.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fairness_processes.h"

#define CHECK(expression)                                                                     \
  do {                                                                                        \
    cl_int status_ = (expression);                                                            \
    if (status_ != CL_SUCCESS) fail(#expression, status_);                                    \
  } while (0)

enum { kMostBatches = 4096, kGroup = 64, kMostProcesses = 64, kMostItems = 1 << 18 };
static const uint64_t kMs = 1000000, kSecond = 1000000000;
/* Work that lies launched, so that no turn is cut short for want of it. */
static const double kOutstandingUs = 40000, kBatchUs = 500;

static const char *const kSource =
    "__kernel void burn(__global float *out, int iterations) {\n"
    "  float x = (float)get_global_id(0) * 1e-6f + 0.5f;\n"
    "  for (int i = 0; i < iterations; ++i) x = 3.7f * x * (1.0f - x);\n"
    "  out[get_global_id(0)] = x;\n"
    "}\n";

struct sample {
  uint64_t at, kernels, latency;
};

static cl_command_queue_properties queue_properties;
static cl_context context;
static cl_command_queue queue;
static cl_program program;
static cl_kernel kernel;
static cl_mem memory;
static struct sample *samples;
static const char *out;
static size_t sample_count, sample_room, items = 1024;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * kSecond + (uint64_t)time.tv_nsec;
}

static void sleep_until(uint64_t at) {
  struct timespec time = {(time_t)(at / kSecond), (long)(at % kSecond)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) continue;
}

static void set_up(void) {
  cl_platform_id platform;
  cl_device_id device;
  cl_int status;
  CHECK(clGetPlatformIDs(1, &platform, NULL));
  CHECK(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL));
  context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
  CHECK(status);
  queue = clCreateCommandQueue(context, device, queue_properties, &status);
  CHECK(status);
  program = clCreateProgramWithSource(context, 1, (const char **)&kSource, NULL, &status);
  CHECK(status);
  CHECK(clBuildProgram(program, 1, &device, "", NULL, NULL));
  kernel = clCreateKernel(program, "burn", &status);
  CHECK(status);
  memory = clCreateBuffer(context, CL_MEM_READ_WRITE, items * sizeof(float), NULL, &status);
  CHECK(status);
  CHECK(clSetKernelArg(kernel, 0, sizeof memory, &memory));
}

static void tear_down(void) {
  CHECK(clReleaseMemObject(memory));
  CHECK(clReleaseKernel(kernel));
  CHECK(clReleaseProgram(program));
  CHECK(clReleaseCommandQueue(queue));
  CHECK(clReleaseContext(context));
}

static void set_iterations(long iterations) {
  cl_int value = (cl_int)iterations;
  CHECK(clSetKernelArg(kernel, 1, sizeof value, &value));
}

/* Launches `count` kernels; the last one has an event where one is asked for. */
static void launch(int count, cl_event *event) {
  const size_t group = kGroup;
  for (int i = 0; i < count; ++i)
    CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &group, 0, NULL,
                                 i + 1 == count ? event : NULL));
}

/* What a kernel takes when many run one after another: the best of several tries, since other
 * work on the machine only ever makes it longer. */
static double kernel_takes_us(int at_once) {
  double best = 0;
  launch(1, NULL);
  CHECK(clFinish(queue));
  for (int try = 0; try < 6; ++try) {
    const uint64_t begin = now();
    int done = 0;
    while (now() - begin < 20 * kMs) {
      launch(at_once, NULL);
      CHECK(clFinish(queue));
      done += at_once;
    }
    const double each = (double)(now() - begin) / 1000 / done;
    if (!try || each < best) best = each;
  }
  return best;
}

/* Iterations with which a kernel takes so long. */
static long calibrate(double kernel_us) {
  double iterations = 1000;
  for (int round = 0; round < 8; ++round) {
    set_iterations((long)iterations);
    double factor = kernel_us / kernel_takes_us(kernel_us < 2000 ? 16 : 1);
    factor = factor < 0.1 ? 0.1 : factor > 10 ? 10 : factor;
    iterations *= factor;
    if (iterations < 1) iterations = 1;
    if (iterations > 1e9) iterations = 1e9;
    if (factor > 0.98 && factor < 1.02) break;
  }
  return (long)iterations;
}

static void note(uint64_t at, uint64_t kernels, uint64_t latency) {
  if (sample_count && !latency && at - samples[sample_count - 1].at < kMs) return;
  if (sample_count < sample_room) samples[sample_count++] = (struct sample){at, kernels, latency};
}

static void saturate(double kernel_us, uint64_t end) {
  static cl_event events[kMostBatches];
  int batch = kernel_us < kBatchUs ? (int)(kBatchUs / kernel_us) : 1;
  int room = (int)(kOutstandingUs / (kernel_us * batch));
  room = room < 2 ? 2 : room > kMostBatches ? kMostBatches : room;
  uint64_t launched = 0, ended = 0, at = now();
  note(at, 0, 0);
  while (at < end) {
    while (launched - ended < (uint64_t)room) launch(batch, &events[launched++ % kMostBatches]);
    CHECK(clFlush(queue));
    cl_event *oldest = &events[ended % kMostBatches];
    CHECK(clWaitForEvents(1, oldest));
    at = now();
    CHECK(clReleaseEvent(*oldest));
    note(at, ++ended * (uint64_t)batch, 0);
  }
  while (ended < launched) CHECK(clReleaseEvent(events[ended++ % kMostBatches]));
  CHECK(clFinish(queue));
}

/* One at a time: at once, after a pause, or at fixed times with the delay written down. */
static void one_by_one(uint64_t end, uint64_t pause, int at_fixed_times) {
  uint64_t due = now(), at = due, kernels = 0;
  note(at, 0, 0);
  while (at < end) {
    if (at_fixed_times) sleep_until(due);
    uint64_t begin = now();
    launch(1, NULL);
    CHECK(clFinish(queue));
    at = now();
    note(at, ++kernels, at_fixed_times ? at - begin : 0);
    if (at_fixed_times) {
      do due += pause;
      while (due < at);
    } else if (pause) {
      sleep_until(at + pause);
    }
  }
}

/* At the end, whatever it is that ended it. */
static void write_samples(void) {
  FILE *file = fopen(out, "w");
  if (!file) _exit(1);
  for (size_t i = 0; i < sample_count; ++i)
    fprintf(file, "%llu %llu %llu\n", (unsigned long long)samples[i].at,
            (unsigned long long)samples[i].kernels, (unsigned long long)samples[i].latency);
  if (fclose(file) != 0) _exit(1);
}

int main(int argc, char **argv) {
  static const struct option kOptions[] = {
      {"kernel-us", required_argument, NULL, 'k'}, {"iterations", required_argument, NULL, 'i'},
      {"pattern", required_argument, NULL, 'p'},   {"seconds", required_argument, NULL, 's'},
      {"gap-us", required_argument, NULL, 'g'},    {"out", required_argument, NULL, 'o'},
      {"queue", required_argument, NULL, 'q'},     {"processes", required_argument, NULL, 'n'},
      {"calibrate", no_argument, NULL, 'c'},       {"items", required_argument, NULL, 'm'},
      {NULL, 0, NULL, 0}};
  double kernel_us = 500, seconds = 1, gap_us = 20000;
  long iterations = 0;
  const char *pattern = "saturate", *order = "in-order";
  int option, only_calibrate = 0, processes = 1;
  while ((option = getopt_long(argc, argv, "", kOptions, NULL)) != -1) switch (option) {
      case 'k': kernel_us = atof(optarg); break;
      case 'i': iterations = atol(optarg); break;
      case 'p': pattern = optarg; break;
      case 's': seconds = atof(optarg); break;
      case 'g': gap_us = atof(optarg); break;
      case 'o': out = optarg; break;
      case 'q': order = optarg; break;
      case 'n': processes = atoi(optarg); break;
      case 'c': only_calibrate = 1; break;
      case 'm': items = strtoul(optarg, NULL, 10); break;
      default: return 2;
    }
  const int known = !strcmp(pattern, "saturate") || !strcmp(pattern, "sync") ||
                    !strcmp(pattern, "gap") || !strcmp(pattern, "latency");
  const int out_of_order = !strcmp(order, "out-of-order");
  const int whole_groups = items > 0 && items <= kMostItems && items % kGroup == 0;
  if (!known || !whole_groups || (!out_of_order && strcmp(order, "in-order") != 0) ||
      processes < 1 || processes > kMostProcesses || !(kernel_us >= 1) ||
      !(seconds > 0 && seconds <= 3600) || !(gap_us >= 1) || /* so, no number is bad, too */
      (!only_calibrate && (iterations < 1 || !out)))
    fail("bad options: see the head of fairness_tenant.c", 2);
  queue_properties = out_of_order ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0;
  char own[4096];
  alarm((unsigned)seconds + 150); /* whatever happens, they end */
  if (processes > 1 && !only_calibrate) {
    snprintf(own, sizeof own, "%s.%d", out, become_processes(processes));
    out = own;
  }
  alarm((unsigned)seconds + 120);
  set_up();
  if (only_calibrate) {
    printf("%ld\n", calibrate(kernel_us));
    tear_down();
    return 0;
  }
  sample_room = (size_t)(seconds * 1000) + 1000;
  samples = calloc(sample_room, sizeof *samples);
  if (!samples || atexit(write_samples) != 0) fail("no memory for what it completes", errno);
  set_iterations(iterations);
  launch(1, NULL);
  CHECK(clFinish(queue));
  const uint64_t start = wait_for_start();
  sleep_until(start);
  const uint64_t begin = now();
  const uint64_t end = (start > begin ? start : begin) + (uint64_t)(seconds * 1e9);
  if (!strcmp(pattern, "saturate"))
    saturate(kernel_us, end);
  else
    one_by_one(end, strcmp(pattern, "sync") ? (uint64_t)(gap_us * 1000) : 0,
               !strcmp(pattern, "latency"));
  tear_down();
  return 0;
}
