// Takes a part of its vGPU and waits to be killed.
//
//   vanishing hold MIB           holds buffers, some of them shared or staged, with nothing to do
//   vanishing kernel MIB         besides, a kernel of some tenths of a second runs
//   vanishing build MIB          besides, the compiler is at work for several seconds
//
// Prints "ready" and, for a kernel, the moment at which it should end (CLOCK_MONOTONIC, seconds).
#include "opencl_test.h"

#include <unistd.h>

enum { kBuffers = 8, kDepth = 13 };

static cl_mem buffers[kBuffers];

static void fill(const struct device *device, size_t bytes) {
  cl_int code;
  for (int i = 0; i < kBuffers; i++) {
    buffers[i] = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    CHECK(code);
    CHECK(clEnqueueFillBuffer(device->queue, buffers[i], "abcd", 4, 0, bytes, 0, NULL, NULL));
  }
  char *host = malloc(bytes);
  CHECK(clEnqueueReadBuffer(device->queue, buffers[0], CL_TRUE, 0, bytes, host, 0, NULL, NULL));
  free(host);
  CHECK(clFinish(device->queue));
}

static double run(const struct device *device, cl_uint rounds) {
  const size_t size = 16;
  cl_kernel churn = make_kernel(device, "churn", buffers[1], rounds);
  const double begin = now();
  CHECK(clEnqueueNDRangeKernel(device->queue, churn, 1, NULL, &size, NULL, 0, NULL, NULL));
  CHECK(clFinish(device->queue));
  CHECK(clReleaseKernel(churn));
  return now() - begin;
}

static void work(const struct device *device) {
  run(device, 1);  // compiled
  cl_uint rounds = 1 << 20;
  double seconds = 0;
  while ((seconds = run(device, rounds)) < 0.3) rounds *= 2;
  printf("ready %.6f\n", now() + seconds);
  fflush(stdout);
  run(device, rounds);
}

// Each function calls the one before it twice, and all are to be one.
static void compile(const struct device *device) {
  char source[kDepth * 128 + 512];
  int end = sprintf(source, "#define PART static inline __attribute__((always_inline)) float\n"
                            "PART part0(float x) { return x > %f ? x * 3 : x / 2; }\n", now());
  for (int i = 1; i <= kDepth; i++) {
    end += sprintf(source + end, "PART part%d(float x) { return part%d(part%d(x) + %d); }\n", i,
                   i - 1, i - 1, i);
  }
  sprintf(source + end, "kernel void all(global float *a) { a[0] = part%d(a[0]); }\n", kDepth);
  const char *text = source;
  cl_int code;
  cl_program program = clCreateProgramWithSource(device->context, 1, &text, NULL, &code);
  CHECK(code);
  printf("ready\n");
  fflush(stdout);
  const double begin = now();
  CHECK(clBuildProgram(program, 1, &device->id, "", NULL, NULL));
  printf("built in %.1f s\n", now() - begin);
  fflush(stdout);
}

int main(int count, char **words) {
  if (count != 3) return 64;
  struct device device = open_device();
  fill(&device, ((size_t)atoi(words[2]) << 20) / kBuffers);
  if (strcmp(words[1], "kernel") == 0) {
    work(&device);
  } else if (strcmp(words[1], "build") == 0) {
    compile(&device);
  } else {
    printf("ready\n");
    fflush(stdout);
  }
  pause();
  return 0;
}
