// Threads that share one context, each with a queue and buffers of its own, and one buffer that
// all of them count up in turn. Ends with 0 when every result is right.
//
//   many_threads THREADS ROUNDS
#include "opencl_test.h"

#include <pthread.h>

enum { kElements = 1 << 14 };

static struct device device;
static cl_mem shared;
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static int rounds;

static void fail(unsigned thread, int round, const char *what) {
  fprintf(stderr, "thread %u, round %d: wrong %s\n", thread, round, what);
  exit(2);
}

static void one_round(unsigned thread, int round, cl_command_queue queue) {
  cl_int code;
  uint32_t *host = malloc(kElements * sizeof *host);
  for (uint32_t i = 0; i < kElements; i++) host[i] = i * 3 + thread;
  cl_mem data = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kElements * sizeof *host, NULL,
                               &code);
  CHECK(code);
  cl_event written;
  CHECK(clEnqueueWriteBuffer(queue, data, CL_FALSE, 0, kElements * sizeof *host, host, 0, NULL,
                             &written));
  cl_kernel add = make_kernel(&device, "add", data, thread + 1);
  size_t size = kElements;
  CHECK(clEnqueueNDRangeKernel(queue, add, 1, NULL, &size, NULL, 1, &written, NULL));
  CHECK(clEnqueueNDRangeKernel(queue, add, 1, NULL, &size, NULL, 0, NULL, NULL));
  CHECK(clWaitForEvents(1, &written));
  memset(host, 0, kElements * sizeof *host);
  CHECK(clEnqueueReadBuffer(queue, data, CL_TRUE, 0, kElements * sizeof *host, host, 0, NULL,
                            NULL));
  for (uint32_t i = 0; i < kElements; i++)
    if (host[i] != i * 3 + thread + 2 * (thread + 1)) fail(thread, round, "own buffer");
  uint32_t *mapped = clEnqueueMapBuffer(queue, data, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                                        kElements * sizeof *host, 0, NULL, NULL, &code);
  CHECK(code);
  if (memcmp(mapped, host, kElements * sizeof *host) != 0) fail(thread, round, "mapping");
  mapped[thread] = 77;
  CHECK(clEnqueueUnmapMemObject(queue, data, mapped, 0, NULL, NULL));
  uint32_t one = 0;
  CHECK(clEnqueueReadBuffer(queue, data, CL_TRUE, thread * sizeof one, sizeof one, &one, 0, NULL,
                            NULL));
  if (one != 77) fail(thread, round, "write through a mapping");
  CHECK(clReleaseEvent(written));
  CHECK(clReleaseKernel(add));
  CHECK(clReleaseMemObject(data));
  free(host);
}

static void count_up(cl_command_queue queue) {
  size_t size = kElements;
  pthread_mutex_lock(&shared_lock);
  cl_kernel add = make_kernel(&device, "add", shared, 1);
  CHECK(clEnqueueNDRangeKernel(queue, add, 1, NULL, &size, NULL, 0, NULL, NULL));
  CHECK(clFinish(queue));
  CHECK(clReleaseKernel(add));
  pthread_mutex_unlock(&shared_lock);
}

static void *run(void *argument) {
  unsigned thread = (unsigned)(uintptr_t)argument;
  cl_int code;
  cl_command_queue queue = clCreateCommandQueue(device.context, device.id, 0, &code);
  CHECK(code);
  for (int round = 0; round < rounds; round++) {
    one_round(thread, round, queue);
    count_up(queue);
  }
  CHECK(clReleaseCommandQueue(queue));
  return NULL;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 16;
  rounds = count > 2 ? atoi(arguments[2]) : 20;
  if (threads < 1 || threads > 256 || rounds < 1) return 64;
  device = open_device();
  cl_int code;
  uint32_t *zero = calloc(kElements, sizeof *zero);
  shared = clCreateBuffer(device.context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                          kElements * sizeof *zero, zero, &code);
  CHECK(code);
  pthread_t handles[256];
  for (uintptr_t i = 0; i < (uintptr_t)threads; i++)
    if (pthread_create(&handles[i], NULL, run, (void *)i) != 0) return 3;
  for (int i = 0; i < threads; i++) pthread_join(handles[i], NULL);
  CHECK(clEnqueueReadBuffer(device.queue, shared, CL_TRUE, 0, kElements * sizeof *zero, zero, 0,
                            NULL, NULL));
  for (int i = 0; i < kElements; i++)
    if (zero[i] != (uint32_t)(threads * rounds)) fail(0, rounds, "shared buffer");
  free(zero);
  CHECK(clReleaseMemObject(shared));
  close_device(&device);
  printf("%d threads, %d rounds: right\n", threads, rounds);
  return 0;
}
