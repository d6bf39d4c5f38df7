// Reads, writes, rectangles, copies and fills: results, ranges, access rights, order.
#include "expect.h"

static struct device d;

static void ranges_and_rights(void) {
  char host[128] = {0};
  cl_command_queue q = d.queue;
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, 64, NULL);
  EXPECT_CODE(clEnqueueWriteBuffer(q, b, CL_TRUE, 60, 5, host, 0, NULL, NULL), CL_INVALID_VALUE);
  if (strict) {  // Intel adds offset and size with overflow
    EXPECT_CODE(clEnqueueReadBuffer(q, b, CL_TRUE, SIZE_MAX, 2, host, 0, NULL, NULL),
                CL_INVALID_VALUE);
  }
  EXPECT_CODE(clEnqueueWriteBuffer(q, b, CL_TRUE, 0, 4, NULL, 0, NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clEnqueueWriteBuffer(NULL, b, CL_TRUE, 0, 4, host, 0, NULL, NULL),
              CL_INVALID_COMMAND_QUEUE);
  EXPECT_CODE(clEnqueueWriteBuffer(q, NULL, CL_TRUE, 0, 4, host, 0, NULL, NULL),
              CL_INVALID_MEM_OBJECT);
  cl_event none = NULL;
  EXPECT_CODE(clEnqueueWriteBuffer(q, b, CL_TRUE, 0, 4, host, 1, NULL, NULL),
              CL_INVALID_EVENT_WAIT_LIST);
  EXPECT_CODE(clEnqueueWriteBuffer(q, b, CL_TRUE, 0, 4, host, 0, &none, NULL),
              CL_INVALID_EVENT_WAIT_LIST);
  EXPECT_CODE(clEnqueueWriteBuffer(q, b, CL_TRUE, 0, 4, host, 1, &none, NULL),
              CL_INVALID_EVENT_WAIT_LIST);
  EXPECT_CODE(clEnqueueCopyBuffer(q, b, b, 0, 8, 16, 0, NULL, NULL), CL_MEM_COPY_OVERLAP);
  EXPECT_CODE(clEnqueueCopyBuffer(q, b, b, 0, 16, 16, 0, NULL, NULL), CL_SUCCESS);
  EXPECT_CODE(clEnqueueCopyBuffer(q, b, b, 0, 56, 16, 0, NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clEnqueueFillBuffer(q, b, host, 3, 0, 9, 0, NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clEnqueueFillBuffer(q, b, host, 4, 2, 8, 0, NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clEnqueueFillBuffer(q, b, host, 4, 0, 68, 0, NULL, NULL), CL_INVALID_VALUE);
  CHECK(clFinish(q));
  CHECK(clReleaseMemObject(b));

  cl_mem closed = make_buffer(&d, CL_MEM_HOST_NO_ACCESS, 64, NULL);
  cl_mem only_read = make_buffer(&d, CL_MEM_HOST_READ_ONLY, 64, NULL);
  cl_mem only_written = make_buffer(&d, CL_MEM_HOST_WRITE_ONLY, 64, NULL);
  EXPECT_CODE(clEnqueueReadBuffer(q, closed, CL_TRUE, 0, 4, host, 0, NULL, NULL),
              CL_INVALID_OPERATION);
  EXPECT_CODE(clEnqueueWriteBuffer(q, closed, CL_TRUE, 0, 4, host, 0, NULL, NULL),
              CL_INVALID_OPERATION);
  EXPECT_CODE(clEnqueueWriteBuffer(q, only_read, CL_TRUE, 0, 4, host, 0, NULL, NULL),
              CL_INVALID_OPERATION);
  EXPECT_CODE(clEnqueueReadBuffer(q, only_written, CL_TRUE, 0, 4, host, 0, NULL, NULL),
              CL_INVALID_OPERATION);
  EXPECT_CODE(clEnqueueWriteBuffer(q, only_written, CL_TRUE, 0, 4, host, 0, NULL, NULL),
              CL_SUCCESS);
  CHECK(clReleaseMemObject(closed));
  CHECK(clReleaseMemObject(only_read));
  CHECK(clReleaseMemObject(only_written));
}

// Every size through idle and busy buffers, blocking and not.
static void round_trips(cl_command_queue q) {
  static const size_t sizes[] = {1, 5, 4096, 65537, 524288, 524289, 3u << 20, (9u << 20) + 3};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    size_t size = sizes[s];
    unsigned char *in = malloc(size), *out = calloc(size, 1);
    for (size_t i = 0; i < size; i++) in[i] = (unsigned char)(i * 7 + s);
    cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, size, NULL);
    cl_mem c = make_buffer(&d, CL_MEM_READ_WRITE, size, NULL);
    for (int blocking = 0; blocking < 2; blocking++) {
      for (int busy = 0; busy < 2; busy++) {
        cl_event events[4] = {0};
        memset(out, 0, size);
        unsigned char filler = (unsigned char)busy;
        if (busy) CHECK(clEnqueueFillBuffer(q, b, &filler, 1, 0, size, 0, NULL, &events[0]));
        CHECK(clEnqueueWriteBuffer(q, b, blocking, 0, size, in, busy, busy ? events : NULL,
                                   &events[1]));
        CHECK(clEnqueueCopyBuffer(q, b, c, 0, 0, size, 1, &events[1], &events[2]));
        CHECK(clEnqueueReadBuffer(q, c, blocking, 0, size, out, 1, &events[2], &events[3]));
        CHECK(clWaitForEvents(1, &events[3]));
        EXPECT(memcmp(in, out, size) == 0);
        EXPECT(status_of(events[1]) == CL_COMPLETE && status_of(events[3]) == CL_COMPLETE);
        EXPECT(type_of(events[1]) == CL_COMMAND_WRITE_BUFFER);
        EXPECT(type_of(events[3]) == CL_COMMAND_READ_BUFFER);
        for (int i = 0; i < 4; i++) {
          if (events[i] != NULL) CHECK(clReleaseEvent(events[i]));
        }
      }
    }
    CHECK(clReleaseMemObject(b));
    CHECK(clReleaseMemObject(c));
    free(in);
    free(out);
  }
}

// Non-blocking reads of an in-order queue are done when a later blocking one is.
static void later_blocking_read(void) {
  enum { kSize = 1 << 20 };
  unsigned char *first = calloc(kSize, 1), last = 0, nine = 9;
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kSize, NULL);
  cl_mem c = make_buffer(&d, CL_MEM_READ_WRITE, 64, NULL);
  CHECK(clEnqueueFillBuffer(d.queue, c, &nine, 1, 0, 64, 0, NULL, NULL));
  CHECK(clEnqueueFillBuffer(d.queue, b, &nine, 1, 0, kSize, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, b, CL_FALSE, 0, kSize, first, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, c, CL_TRUE, 0, 1, &last, 0, NULL, NULL));
  EXPECT(first[0] == 9 && first[kSize - 1] == 9 && last == 9);
  // What a non-blocking read brings is what a later write of the same memory sends.
  memset(first, 1, kSize);
  unsigned char seen[2];
  CHECK(clEnqueueReadBuffer(d.queue, b, CL_FALSE, 0, kSize, first, 0, NULL, NULL));
  CHECK(clEnqueueWriteBuffer(d.queue, c, CL_FALSE, 0, 64, first + 100, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, c, CL_TRUE, 0, 2, seen, 0, NULL, NULL));
  EXPECT(seen[0] == 9 && seen[1] == 9);
  CHECK(clReleaseMemObject(b));
  CHECK(clReleaseMemObject(c));
  free(first);
}

static void rectangles(void) {
  enum { kRow = 16, kRows = 8, kPlanes = 4, kSlice = kRow * kRows, kSize = kSlice * kPlanes };
  unsigned char in[kSize], out[kSize], wanted[kSize];
  for (int i = 0; i < kSize; i++) in[i] = (unsigned char)i;
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, kSize, NULL);
  cl_mem c = make_buffer(&d, CL_MEM_READ_WRITE, kSize, NULL);
  for (int busy = 0; busy < 2; busy++) {
    unsigned char zero = 0;
    CHECK(clEnqueueFillBuffer(d.queue, b, &zero, 1, 0, kSize, 0, NULL, NULL));
    if (!busy) CHECK(clFinish(d.queue));
    size_t at[3] = {3, 2, 1}, from[3] = {1, 1, 0}, region[3] = {5, 4, 2};
    CHECK(clEnqueueWriteBufferRect(d.queue, b, CL_TRUE, at, from, region, kRow, kSlice, kRow,
                                   kSlice, in, 0, NULL, NULL));
    memset(wanted, 0, kSize);
    for (size_t z = 0; z < 2; z++) {
      for (size_t y = 0; y < 4; y++) {
        memcpy(wanted + (z + 1) * kSlice + (y + 2) * kRow + 3, in + z * kSlice + (y + 1) * kRow + 1,
               5);
      }
    }
    CHECK(clEnqueueReadBuffer(d.queue, b, CL_TRUE, 0, kSize, out, 0, NULL, NULL));
    EXPECT(memcmp(out, wanted, kSize) == 0);
    // Default pitches: the host side is packed.
    unsigned char packed[40] = {0};
    size_t origin[3] = {0, 0, 0};
    cl_event event;
    CHECK(clEnqueueReadBufferRect(d.queue, b, CL_FALSE, at, origin, region, kRow, kSlice, 0, 0,
                                  packed, 0, NULL, &event));
    CHECK(clWaitForEvents(1, &event));
    EXPECT(type_of(event) == CL_COMMAND_READ_BUFFER_RECT);
    CHECK(clReleaseEvent(event));
    for (size_t y = 0; y < 8; y++) {
      EXPECT(memcmp(packed + 5 * y, wanted + (y / 4 + 1) * kSlice + (y % 4 + 2) * kRow + 3, 5) == 0);
    }
    CHECK(clEnqueueFillBuffer(d.queue, c, &zero, 1, 0, kSize, 0, NULL, NULL));
    CHECK(clEnqueueCopyBufferRect(d.queue, b, c, at, origin, region, kRow, kSlice, kRow, kSlice, 0,
                                  NULL, NULL));
    CHECK(clEnqueueReadBuffer(d.queue, c, CL_TRUE, 0, kSize, out, 0, NULL, NULL));
    EXPECT(memcmp(out, in + kRow + 1, 5) == 0 && out[5] == 0);
    EXPECT(memcmp(out + kSlice + kRow, in + kSlice + 2 * kRow + 1, 5) == 0);
  }
  size_t zero3[3] = {0, 0, 0}, near[3] = {2, 1, 0}, region[3] = {5, 4, 2};
  size_t aside[3] = {8, 0, 0}, large[3] = {kRow, kRows, kPlanes + 1}, empty[3] = {5, 0, 2};
  EXPECT_CODE(clEnqueueCopyBufferRect(d.queue, b, b, zero3, near, region, kRow, kSlice, kRow,
                                      kSlice, 0, NULL, NULL),
              CL_MEM_COPY_OVERLAP);
  EXPECT_CODE(clEnqueueCopyBufferRect(d.queue, b, b, zero3, aside, region, kRow, kSlice, kRow,
                                      kSlice, 0, NULL, NULL),
              CL_SUCCESS);
  if (strict) {  // Intel reads beyond the end
    EXPECT_CODE(clEnqueueReadBufferRect(d.queue, b, CL_TRUE, zero3, zero3, large, kRow, kSlice,
                                        kRow, kSlice, out, 0, NULL, NULL),
                CL_INVALID_VALUE);
  }
  EXPECT_CODE(clEnqueueReadBufferRect(d.queue, b, CL_TRUE, zero3, zero3, empty, kRow, kSlice, kRow,
                                      kSlice, out, 0, NULL, NULL),
              CL_INVALID_VALUE);
  EXPECT_CODE(clEnqueueReadBufferRect(d.queue, b, CL_TRUE, zero3, zero3, region, 4, 0, 0, 0, out, 0,
                                      NULL, NULL),
              CL_INVALID_VALUE);
  CHECK(clFinish(d.queue));
  CHECK(clReleaseMemObject(b));
  CHECK(clReleaseMemObject(c));
}

static void fills(void) {
  cl_mem b = make_buffer(&d, CL_MEM_READ_WRITE, 4096, NULL);
  for (size_t width = 1; width <= 128; width *= 2) {
    unsigned char pattern[128], out[4096];
    for (size_t i = 0; i < width; i++) pattern[i] = (unsigned char)(i + width);
    CHECK(clEnqueueFillBuffer(d.queue, b, pattern, width, 0, 4096, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(d.queue, b, CL_TRUE, 0, 4096, out, 0, NULL, NULL));
    for (size_t i = 0; i < 4096; i++) EXPECT(out[i] == pattern[i % width]);
  }
  CHECK(clEnqueueMigrateMemObjects(d.queue, 1, &b, CL_MIGRATE_MEM_OBJECT_HOST, 0, NULL, NULL));
  EXPECT_CODE(clEnqueueMigrateMemObjects(d.queue, 0, NULL, 0, 0, NULL, NULL), CL_INVALID_VALUE);
  CHECK(clFinish(d.queue));
  CHECK(clReleaseMemObject(b));
}

// Not a rule of the specification; PoCL keeps it, Intel's driver doesn't, a vGPU does on either: in
// an in-order queue a blocking write ends after the reads that were enqueued before it.
static void blocking_write_after_read(void) {
  enum { kInts = 1 << 20 };
  int *host = malloc(kInts * sizeof *host), small = 0;
  cl_mem large = make_buffer(&d, CL_MEM_READ_WRITE, kInts * sizeof *host, NULL);
  cl_mem other = make_buffer(&d, CL_MEM_READ_WRITE, sizeof small, NULL);
  for (int i = 1; i <= 20; i++) {
    CHECK(clEnqueueFillBuffer(d.queue, large, &i, sizeof i, 0, kInts * sizeof *host, 0, NULL, NULL));
    CHECK(clEnqueueReadBuffer(d.queue, large, CL_FALSE, 0, kInts * sizeof *host, host, 0, NULL, NULL));
    CHECK(clEnqueueWriteBuffer(d.queue, other, CL_TRUE, 0, sizeof small, &small, 0, NULL, NULL));
    EXPECT(host[0] == i && host[kInts - 1] == i);
  }
  CHECK(clFinish(d.queue));
  CHECK(clReleaseMemObject(large));
  CHECK(clReleaseMemObject(other));
  free(host);
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  d = open_device();
  ranges_and_rights();
  round_trips(d.queue);
  cl_command_queue loose = make_queue(&d, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
  round_trips(loose);
  CHECK(clReleaseCommandQueue(loose));
  cl_command_queue timed = make_queue(&d, CL_QUEUE_PROFILING_ENABLE);
  round_trips(timed);
  CHECK(clReleaseCommandQueue(timed));
  later_blocking_read();
  if (strict) blocking_write_after_read();
  rectangles();
  fills();
  close_device(&d);
  return finish_expectations("transfer_rules");
}
