// Buffers and sub-buffers: flags, sizes, host pointers, queries, counts, destructor callbacks.
#include "expect.h"

static struct device d;

static cl_int creation_code(cl_mem_flags flags, size_t size, void *host) {
  cl_int code = 1;
  cl_mem buffer = clCreateBuffer(d.context, flags, size, host, &code);
  if ((buffer != NULL) != (code == CL_SUCCESS)) broken++;
  if (buffer != NULL) CHECK(clReleaseMemObject(buffer));
  return code;
}

static void flags_and_sizes(void) {
  char host[64] = {0};
  EXPECT_CODE(creation_code(0, 64, NULL), CL_SUCCESS);
  EXPECT_CODE(creation_code(CL_MEM_READ_WRITE, 0, NULL), CL_INVALID_BUFFER_SIZE);
  EXPECT_CODE(creation_code(CL_MEM_READ_WRITE, SIZE_MAX, NULL), CL_INVALID_BUFFER_SIZE);
  EXPECT_CODE(creation_code(CL_MEM_READ_WRITE | CL_MEM_READ_ONLY, 64, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(creation_code(CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR, 64, host),
              CL_INVALID_VALUE);
  EXPECT_CODE(creation_code(CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR, 64, host),
              CL_INVALID_VALUE);
  EXPECT_CODE(creation_code(CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS, 64, NULL),
              CL_INVALID_VALUE);
  EXPECT_CODE(creation_code(CL_MEM_COPY_HOST_PTR, 64, NULL), CL_INVALID_HOST_PTR);
  EXPECT_CODE(creation_code(CL_MEM_READ_WRITE, 64, host), CL_INVALID_HOST_PTR);
  cl_int code = 1;
  EXPECT(clCreateBuffer(NULL, 0, 64, NULL, &code) == NULL && code == CL_INVALID_CONTEXT);
}

static void queries(void) {
  char host[256] = {0};
  cl_mem buffer = make_buffer(&d, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, 256, host);
  cl_mem_object_type type = 0;
  cl_mem_flags flags = 0;
  size_t size = 0, offset = 1, got = 0;
  void *pointer = NULL;
  cl_uint count = 0;
  cl_context context = NULL;
  cl_mem parent = buffer;
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_TYPE, sizeof type, &type, &got));
  EXPECT(type == CL_MEM_OBJECT_BUFFER && got == sizeof type);
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_FLAGS, sizeof flags, &flags, NULL));
  EXPECT(flags == (CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR));
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof size, &size, NULL));
  EXPECT(size == 256);
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_HOST_PTR, sizeof pointer, &pointer, NULL));
  EXPECT(pointer == host);
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_CONTEXT, sizeof context, &context, NULL));
  EXPECT(context == d.context);
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL));
  EXPECT(parent == NULL);
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_OFFSET, sizeof offset, &offset, NULL));
  EXPECT(offset == 0);
  EXPECT_CODE(clGetMemObjectInfo(buffer, CL_MEM_SIZE, 1, &size, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clGetMemObjectInfo(buffer, 0xdead, sizeof size, &size, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clGetMemObjectInfo(NULL, CL_MEM_SIZE, sizeof size, &size, NULL),
              CL_INVALID_MEM_OBJECT);
  CHECK(clRetainMemObject(buffer));
  CHECK(clGetMemObjectInfo(buffer, CL_MEM_REFERENCE_COUNT, sizeof count, &count, NULL));
  EXPECT(count == 2);
  CHECK(clReleaseMemObject(buffer));
  CHECK(clReleaseMemObject(buffer));
}

static cl_int part_code(cl_mem buffer, cl_mem_flags flags, size_t origin, size_t size) {
  cl_buffer_region region = {origin, size};
  cl_int code = 1;
  cl_mem part = clCreateSubBuffer(buffer, flags, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
  if (part != NULL) CHECK(clReleaseMemObject(part));
  return code;
}

static void sub_buffers(void) {
  cl_uint bits = 0;
  CHECK(clGetDeviceInfo(d.id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof bits, &bits, NULL));
  size_t align = bits / 8;
  cl_mem buffer = make_buffer(&d, CL_MEM_READ_WRITE, 4 * align, NULL);
  EXPECT_CODE(part_code(buffer, 0, align, align), CL_SUCCESS);
  EXPECT_CODE(part_code(buffer, 0, 1, align), CL_MISALIGNED_SUB_BUFFER_OFFSET);
  EXPECT_CODE(part_code(buffer, 0, align, 4 * align), CL_INVALID_VALUE);
  EXPECT_CODE(part_code(buffer, 0, align, 0), CL_INVALID_BUFFER_SIZE);
  if (strict) {  // Intel: CL_INVALID_HOST_PTR
    EXPECT_CODE(part_code(buffer, CL_MEM_COPY_HOST_PTR, 0, align), CL_INVALID_VALUE);
  }

  cl_buffer_region region = {2 * align, align};
  cl_int code;
  cl_mem part =
      clCreateSubBuffer(buffer, CL_MEM_READ_ONLY, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
  CHECK(code);
  EXPECT_CODE(part_code(part, 0, 0, align), CL_INVALID_MEM_OBJECT);  // no part of a part
  cl_mem parent = NULL;
  size_t offset = 0;
  CHECK(clGetMemObjectInfo(part, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL));
  EXPECT(parent == buffer);
  CHECK(clGetMemObjectInfo(part, CL_MEM_OFFSET, sizeof offset, &offset, NULL));
  EXPECT(offset == 2 * align);

  // What is written through one is read through the other; a kernel sees it too.
  uint32_t value = 40, seen = 0;
  CHECK(clEnqueueWriteBuffer(d.queue, part, CL_TRUE, 4, 4, &value, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, buffer, CL_TRUE, 2 * align + 4, 4, &seen, 0, NULL, NULL));
  EXPECT(seen == 40);
  cl_mem whole = make_buffer(&d, CL_MEM_READ_WRITE, 4 * align, NULL);
  region.origin = align;
  cl_mem inner = clCreateSubBuffer(whole, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
  CHECK(code);
  CHECK(clEnqueueWriteBuffer(d.queue, inner, CL_TRUE, 0, 4, &value, 0, NULL, NULL));
  cl_kernel add = make_kernel(&d, "add", inner, 2);
  size_t one = 1;
  CHECK(clEnqueueNDRangeKernel(d.queue, add, 1, NULL, &one, NULL, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, whole, CL_TRUE, align, 4, &seen, 0, NULL, NULL));
  EXPECT(seen == 42);
  CHECK(clReleaseKernel(add));
  // The parent's memory lives as long as a part of it does.
  CHECK(clReleaseMemObject(whole));
  seen = 0;
  CHECK(clEnqueueReadBuffer(d.queue, inner, CL_TRUE, 0, 4, &seen, 0, NULL, NULL));
  EXPECT(seen == 42);
  CHECK(clReleaseMemObject(inner));
  CHECK(clReleaseMemObject(part));
  CHECK(clReleaseMemObject(buffer));
}

static void host_pointers(void) {
  uint32_t host[1024];
  for (uint32_t i = 0; i < 1024; i++) host[i] = i;
  cl_mem copied = make_buffer(&d, CL_MEM_COPY_HOST_PTR, sizeof host, host);
  cl_mem used = make_buffer(&d, CL_MEM_USE_HOST_PTR, sizeof host, host);
  size_t count = 1024;
  cl_kernel add = make_kernel(&d, "add", copied, 7);
  CHECK(clEnqueueNDRangeKernel(d.queue, add, 1, NULL, &count, NULL, 0, NULL, NULL));
  CHECK(clSetKernelArg(add, 0, sizeof used, &used));
  CHECK(clEnqueueNDRangeKernel(d.queue, add, 1, NULL, &count, NULL, 0, NULL, NULL));
  uint32_t seen[1024];
  CHECK(clEnqueueReadBuffer(d.queue, copied, CL_TRUE, 0, sizeof seen, seen, 0, NULL, NULL));
  EXPECT(seen[0] == 7 && seen[1023] == 1030);
  cl_int code;
  uint32_t *mapped = clEnqueueMapBuffer(d.queue, used, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 400,
                                        800, 0, NULL, NULL, &code);
  CHECK(code);
  EXPECT(mapped == host + 100);
  EXPECT(mapped[0] == 107);
  mapped[0] = 5;
  CHECK(clEnqueueUnmapMemObject(d.queue, used, mapped, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, used, CL_TRUE, 400, 4, seen, 0, NULL, NULL));
  EXPECT(seen[0] == 5);
  CHECK(clReleaseKernel(add));
  CHECK(clReleaseMemObject(copied));
  CHECK(clReleaseMemObject(used));
}

static int order[4], ordered;
static void CL_CALLBACK destroyed(cl_mem buffer, void *data) {
  (void)buffer;
  __atomic_store_n(&order[__atomic_fetch_add(&ordered, 1, __ATOMIC_SEQ_CST)], *(int *)data,
                   __ATOMIC_SEQ_CST);
}

static void destructors(void) {
  static int one = 1, two = 2, three = 3;
  cl_mem buffer = make_buffer(&d, CL_MEM_READ_WRITE, 4096, NULL);
  CHECK(clSetMemObjectDestructorCallback(buffer, destroyed, &one));
  CHECK(clSetMemObjectDestructorCallback(buffer, destroyed, &two));
  CHECK(clSetMemObjectDestructorCallback(buffer, destroyed, &three));
  EXPECT_CODE(clSetMemObjectDestructorCallback(buffer, NULL, NULL), CL_INVALID_VALUE);
  CHECK(clReleaseMemObject(buffer));
  for (int i = 0; i < 2000 && __atomic_load_n(&ordered, __ATOMIC_SEQ_CST) < 3; i++) usleep(1000);
  EXPECT(ordered == 3 && order[0] == 3 && order[1] == 2 && order[2] == 1);
}

// The end of a read that nobody waits for is the end of the buffer that it held.
static void destructor_after_read(void) {
  static int four = 4;
  static uint32_t seen;
  const uint32_t written = 44;
  cl_command_queue queue = make_queue(&d, 0);
  cl_mem buffer = make_buffer(&d, CL_MEM_READ_WRITE, 4096, NULL);
  CHECK(clSetMemObjectDestructorCallback(buffer, destroyed, &four));
  CHECK(clEnqueueFillBuffer(queue, buffer, &written, sizeof written, 0, 4096, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(queue, buffer, CL_FALSE, 0, sizeof seen, &seen, 0, NULL, NULL));
  CHECK(clReleaseMemObject(buffer));
  CHECK(clReleaseCommandQueue(queue));
  for (int i = 0; i < 5000 && __atomic_load_n(&ordered, __ATOMIC_SEQ_CST) < 4; i++) usleep(1000);
  EXPECT(ordered == 4 && order[3] == 4);
  EXPECT(seen == written);
}

// Releasing a buffer that commands still use must not disturb them.
static void release_while_in_use(void) {
  enum { kCount = 1 << 16 };
  cl_mem result = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
  size_t count = kCount;
  uint32_t *seen = malloc(kCount * 4), zero = 0;
  for (uint32_t round = 1; round <= 50; round++) {
    cl_mem scratch = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
    CHECK(clEnqueueFillBuffer(d.queue, scratch, &zero, 4, 0, kCount * 4, 0, NULL, NULL));
    cl_kernel add = make_kernel(&d, "add", scratch, round);
    CHECK(clEnqueueNDRangeKernel(d.queue, add, 1, NULL, &count, NULL, 0, NULL, NULL));
    CHECK(clEnqueueCopyBuffer(d.queue, scratch, result, 0, 0, kCount * 4, 0, NULL, NULL));
    CHECK(clReleaseKernel(add));
    CHECK(clReleaseMemObject(scratch));
    cl_mem other = make_buffer(&d, CL_MEM_READ_WRITE, kCount * 4, NULL);
    CHECK(clEnqueueWriteBuffer(d.queue, other, CL_TRUE, 0, 4, &round, 0, NULL, NULL));
    CHECK(clReleaseMemObject(other));
    if (round % 10 != 0) continue;
    CHECK(clEnqueueReadBuffer(d.queue, result, CL_TRUE, 0, kCount * 4, seen, 0, NULL, NULL));
    EXPECT(seen[0] == round && seen[kCount - 1] == round);
  }
  free(seen);
  CHECK(clReleaseMemObject(result));
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  d = open_device();
  flags_and_sizes();
  queries();
  sub_buffers();
  host_pointers();
  destructors();
  destructor_after_read();
  release_while_in_use();
  close_device(&d);
  return finish_expectations("buffer_rules");
}
