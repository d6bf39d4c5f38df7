// For programs that check many rules in one run: a broken rule is printed and counted, and the
// program goes on. They must pass natively and on a vGPU alike.
#pragma once

#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include "opencl_test.h"

#include <unistd.h>

static int broken;

// Set by the argument `--specification`: also checks rules from which PoCL 3.1 or Intel's driver
// deviates, so that only a vGPU can pass.
static int strict;

static inline void read_arguments(int count, char **arguments) {
  for (int i = 1; i < count; i++) strict |= strcmp(arguments[i], "--specification") == 0;
}

#define EXPECT(condition)                                                            \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);         \
      broken++;                                                                      \
    }                                                                                \
  } while (0)

#define EXPECT_CODE(call, expected)                                                         \
  do {                                                                                      \
    cl_int code_ = (call);                                                                  \
    if (code_ != (expected)) {                                                              \
      fprintf(stderr, "%s:%d: %s gave %d, not %s\n", __FILE__, __LINE__, #call, code_, #expected); \
      broken++;                                                                             \
    }                                                                                       \
  } while (0)

static inline int finish_expectations(const char *name) {
  if (broken == 0) printf("%s: ok\n", name);
  return broken != 0;
}

static inline cl_mem make_buffer(const struct device *d, cl_mem_flags flags, size_t size,
                                 void *host) {
  cl_int code;
  cl_mem buffer = clCreateBuffer(d->context, flags, size, host, &code);
  CHECK(code);
  return buffer;
}

static inline cl_command_queue make_queue(const struct device *d,
                                          cl_command_queue_properties properties) {
  cl_int code;
  cl_command_queue queue = clCreateCommandQueue(d->context, d->id, properties, &code);
  CHECK(code);
  return queue;
}

static inline cl_event make_user_event(const struct device *d) {
  cl_int code;
  cl_event event = clCreateUserEvent(d->context, &code);
  CHECK(code);
  return event;
}

static inline cl_int status_of(cl_event event) {
  cl_int status = 12345;
  CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  return status;
}

static inline cl_command_type type_of(cl_event event) {
  cl_command_type type = 0;
  CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
  return type;
}
