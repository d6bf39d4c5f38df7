// What the small test programs share: one device, a context, a kernel, and plain error handling.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#include <CL/cl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Ends the program with status 1 and the place, unless `code` is CL_SUCCESS.
#define CHECK(code) check_code((code), __FILE__, __LINE__, #code)

static inline void check_code(cl_int code, const char *file, int line, const char *text) {
  if (code == CL_SUCCESS) return;
  fprintf(stderr, "%s:%d: %s gave %d\n", file, line, text, code);
  exit(1);
}

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Adds `value` to each element; a second kernel keeps the device busy for a while.
static const char *const kSource =
    "kernel void add(global uint *data, uint value) { data[get_global_id(0)] += value; }\n"
    "kernel void churn(global uint *data, uint rounds) {\n"
    "  uint x = data[get_global_id(0)];\n"
    "  for (uint i = 0; i < rounds; i++) x = x * 1664525u + 1013904223u;\n"
    "  data[get_global_id(0)] = x;\n"
    "}\n";

struct device {
  cl_platform_id platform;
  cl_device_id id;
  cl_context context;
  cl_command_queue queue;
  cl_program program;
};

static inline cl_device_id first_device(cl_platform_id *platform) {
  cl_device_id id;
  CHECK(clGetPlatformIDs(1, platform, NULL));
  CHECK(clGetDeviceIDs(*platform, CL_DEVICE_TYPE_ALL, 1, &id, NULL));
  return id;
}

static inline struct device open_device(void) {
  struct device d;
  cl_int code;
  d.id = first_device(&d.platform);
  d.context = clCreateContext(NULL, 1, &d.id, NULL, NULL, &code);
  CHECK(code);
  d.queue = clCreateCommandQueue(d.context, d.id, 0, &code);
  CHECK(code);
  const char *source = kSource;
  d.program = clCreateProgramWithSource(d.context, 1, &source, NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(d.program, 1, &d.id, "", NULL, NULL));
  return d;
}

static inline void close_device(struct device *d) {
  CHECK(clReleaseProgram(d->program));
  CHECK(clReleaseCommandQueue(d->queue));
  CHECK(clReleaseContext(d->context));
}

static inline cl_kernel make_kernel(const struct device *d, const char *name, cl_mem data,
                                    cl_uint value) {
  cl_int code;
  cl_kernel kernel = clCreateKernel(d->program, name, &code);
  CHECK(code);
  CHECK(clSetKernelArg(kernel, 0, sizeof data, &data));
  CHECK(clSetKernelArg(kernel, 1, sizeof value, &value));
  return kernel;
}
