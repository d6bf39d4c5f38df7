// Every kind of command once or more, on in-order and out-of-order queues, with what each leaves
// behind printed: run natively and on a vGPU, the output must be the same.
#include "opencl_test.h"

enum { kSide = 16, kBytes = kSide * kSide * kSide };

static struct device device;
static unsigned char host[kBytes];

static const char *const kMoreSource =
    "struct pair { int a; float b; };\n"
    "kernel void mixed(global int *out, local int *scratch, constant int *table, struct pair p,\n"
    "                  float4 v, uchar c) {\n"
    "  int i = get_local_id(0);\n"
    "  scratch[i] = table[i] * p.a + c;\n"
    "  barrier(CLK_LOCAL_MEM_FENCE);\n"
    "  out[get_global_id(0)] = scratch[get_local_size(0) - 1 - i] + (int)(v.w + p.b);\n"
    "}\n"
    "kernel void where(global uint *out) {\n"
    "  size_t i = (get_global_id(2) - get_global_offset(2)) * 16 +\n"
    "             (get_global_id(1) - get_global_offset(1)) * 4 + get_global_id(0) -\n"
    "             get_global_offset(0);\n"
    "  out[i] = get_global_id(0) + 10 * get_global_id(1) + 100 * get_global_id(2) +\n"
    "           1000 * get_group_id(0) + 10000 * get_local_size(1);\n"
    "}\n"
    "kernel __attribute__((reqd_work_group_size(1, 1, 1))) void one(global int *out) {\n"
    "  out[0] = 4711;\n"
    "}\n";

static unsigned hash(const void *data, size_t bytes) {
  const unsigned char *p = data;
  unsigned h = 2166136261u;
  for (size_t i = 0; i < bytes; i++) h = (h ^ p[i]) * 16777619u;
  return h;
}

static cl_mem buffer(size_t bytes, const void *contents) {
  cl_int code;
  cl_mem_flags flags = CL_MEM_READ_WRITE | (contents ? CL_MEM_COPY_HOST_PTR : 0);
  cl_mem made = clCreateBuffer(device.context, flags, bytes, (void *)contents, &code);
  CHECK(code);
  return made;
}

static void show(const char *what, cl_command_queue queue, cl_mem data) {
  size_t bytes = 0;
  CHECK(clGetMemObjectInfo(data, CL_MEM_SIZE, sizeof bytes, &bytes, NULL));
  unsigned char *copy = malloc(bytes);
  CHECK(clEnqueueReadBuffer(queue, data, CL_TRUE, 0, bytes, copy, 0, NULL, NULL));
  printf("%-24s %08x\n", what, hash(copy, bytes));
  free(copy);
}

static void transfers(cl_command_queue queue) {
  cl_mem a = buffer(kBytes, host), b = buffer(kBytes, NULL);
  cl_event event[2];
  cl_int code;
  CHECK(clEnqueueFillBuffer(queue, b, "\1\2\3\4\5\6\7\x08", 8, 0, kBytes, 0, NULL, &event[0]));
  CHECK(clEnqueueCopyBuffer(queue, a, b, 100, 200, 1000, 1, event, &event[1]));
  CHECK(clWaitForEvents(1, &event[1]));
  show("fill, copy", queue, b);
  size_t from[3] = {1, 2, 3}, to[3] = {4, 5, 6}, region[3] = {7, 8, 9};
  CHECK(clReleaseEvent(event[0]));
  CHECK(clEnqueueCopyBufferRect(queue, a, b, from, to, region, kSide, kSide * kSide, kSide,
                                kSide * kSide, 0, NULL, &event[0]));
  CHECK(clWaitForEvents(1, event));
  show("copy rect", queue, b);
  static unsigned char part[7 * 8 * 9];
  size_t origin[3] = {0, 0, 0};
  CHECK(clEnqueueReadBufferRect(queue, a, CL_TRUE, from, origin, region, kSide, kSide * kSide, 0, 0,
                                part, 0, NULL, NULL));
  printf("%-24s %08x\n", "read rect", hash(part, sizeof part));
  CHECK(clEnqueueWriteBufferRect(queue, b, CL_TRUE, to, origin, region, kSide, kSide * kSide, 0, 0,
                                 part, 0, NULL, NULL));
  show("write rect", queue, b);
  unsigned char *p = clEnqueueMapBuffer(queue, b, CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, 64, 512, 0,
                                        NULL, NULL, &code);
  CHECK(code);
  CHECK(clFinish(queue));
  for (int i = 0; i < 512; i++) p[i] ^= (unsigned char)i;
  CHECK(clEnqueueUnmapMemObject(queue, b, p, 0, NULL, NULL));
  p = clEnqueueMapBuffer(queue, b, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 1024, 64, 0, NULL, NULL,
                         &code);
  CHECK(code);
  memset(p, 9, 64);
  CHECK(clEnqueueUnmapMemObject(queue, b, p, 0, NULL, NULL));
  CHECK(clFinish(queue));
  show("map, unmap", queue, b);
  CHECK(clEnqueueMigrateMemObjects(queue, 1, &b, CL_MIGRATE_MEM_OBJECT_HOST, 0, NULL, NULL));
  CHECK(clEnqueueMigrateMemObjects(queue, 1, &b, 0, 0, NULL, NULL));
  CHECK(clFinish(queue));
  show("migrate", queue, b);
  cl_buffer_region piece = {2048, 1024};
  cl_mem sub = clCreateSubBuffer(b, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &piece, &code);
  CHECK(code);
  CHECK(clEnqueueFillBuffer(queue, sub, "sub!", 4, 0, 1024, 0, NULL, NULL));
  CHECK(clFinish(queue));
  show("sub-buffer", queue, sub);
  show("its parent", queue, b);
  for (int i = 0; i < 2; i++) CHECK(clReleaseEvent(event[i]));
  CHECK(clReleaseMemObject(sub));
  CHECK(clReleaseMemObject(a));
  CHECK(clReleaseMemObject(b));
}

static void launches(cl_command_queue queue) {
  cl_int code;
  cl_program program = clCreateProgramWithSource(device.context, 1, (const char **)&kMoreSource,
                                                 NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(program, 1, &device.id, "-cl-std=CL1.2", NULL, NULL));
  cl_int table[64];
  for (int i = 0; i < 64; i++) table[i] = i * i;
  cl_mem out = buffer(64 * 4, table), constants = buffer(64 * 4, table);
  struct { cl_int a; cl_float b; } pair = {3, 2.5f};
  cl_float4 v = {{1, 2, 3, 4.75f}};
  cl_uchar c = 200;
  cl_kernel mixed = clCreateKernel(program, "mixed", &code);
  CHECK(code);
  CHECK(clSetKernelArg(mixed, 0, sizeof out, &out));
  CHECK(clSetKernelArg(mixed, 1, 16 * 4, NULL));
  CHECK(clSetKernelArg(mixed, 2, sizeof constants, &constants));
  CHECK(clSetKernelArg(mixed, 3, sizeof pair, &pair));
  CHECK(clSetKernelArg(mixed, 4, sizeof v, &v));
  CHECK(clSetKernelArg(mixed, 5, sizeof c, &c));
  size_t global[3] = {64, 1, 1}, local[3] = {16, 1, 1}, offset[3] = {3, 2, 1};
  CHECK(clEnqueueNDRangeKernel(queue, mixed, 1, NULL, global, local, 0, NULL, NULL));
  pair.a = 99;  // after the launch: must not change it
  CHECK(clSetKernelArg(mixed, 3, sizeof pair, &pair));
  CHECK(clFinish(queue));
  show("arguments", queue, out);
  cl_kernel where = clCreateKernel(program, "where", &code);
  CHECK(code);
  CHECK(clSetKernelArg(where, 0, sizeof out, &out));
  size_t three[3] = {4, 4, 4}, small[3] = {2, 4, 1};
  CHECK(clEnqueueNDRangeKernel(queue, where, 3, offset, three, small, 0, NULL, NULL));
  CHECK(clFinish(queue));
  show("three dimensions", queue, out);
  cl_kernel one = clCreateKernel(program, "one", &code);
  CHECK(code);
  CHECK(clSetKernelArg(one, 0, sizeof out, &out));
  CHECK(clEnqueueTask(queue, one, 0, NULL, NULL));
  CHECK(clFinish(queue));
  show("task", queue, out);
  CHECK(clReleaseKernel(mixed));
  CHECK(clReleaseKernel(where));
  CHECK(clReleaseKernel(one));
  CHECK(clReleaseMemObject(out));
  CHECK(clReleaseMemObject(constants));
  CHECK(clReleaseProgram(program));
}

// Three additions whose order the events, markers and barriers give, not the queue.
static void order(cl_command_queue queue) {
  cl_int code;
  cl_mem data = buffer(kBytes, host);
  cl_kernel add = make_kernel(&device, "add", data, 5);
  size_t size = kBytes / 4;
  cl_event gate = clCreateUserEvent(device.context, &code), first, marker, barrier, last;
  CHECK(code);
  CHECK(clEnqueueNDRangeKernel(queue, add, 1, NULL, &size, NULL, 1, &gate, &first));
  CHECK(clEnqueueMarkerWithWaitList(queue, 1, &first, &marker));
  CHECK(clEnqueueFillBuffer(queue, data, "wxyz", 4, 0, 256, 1, &marker, NULL));
  CHECK(clEnqueueBarrierWithWaitList(queue, 0, NULL, &barrier));
  CHECK(clEnqueueNDRangeKernel(queue, add, 1, NULL, &size, NULL, 0, NULL, &last));
  cl_int status = 0;
  CHECK(clGetEventInfo(first, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  printf("%-24s %s\n", "before the gate opens", status > CL_COMPLETE ? "waiting" : "NOT WAITING");
  CHECK(clFlush(queue));
  CHECK(clSetUserEventStatus(gate, CL_COMPLETE));
  CHECK(clWaitForEvents(1, &last));
  show("events, barrier, marker", queue, data);
  cl_event all[] = {gate, first, marker, barrier, last};
  for (int i = 0; i < 5; i++) {
    CHECK(clGetEventInfo(all[i], CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
    cl_command_type type = 0;
    CHECK(clGetEventInfo(all[i], CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
    printf("event %d: status %d, type %#x\n", i, status, type);
    CHECK(clReleaseEvent(all[i]));
  }
  CHECK(clReleaseKernel(add));
  CHECK(clReleaseMemObject(data));
}

static void profiling(void) {
  cl_int code;
  cl_command_queue queue =
      clCreateCommandQueue(device.context, device.id, CL_QUEUE_PROFILING_ENABLE, &code);
  CHECK(code);
  cl_mem data = buffer(kBytes, host);
  cl_kernel churn = make_kernel(&device, "churn", data, 1000);
  size_t size = kBytes / 4;
  cl_event event;
  CHECK(clEnqueueNDRangeKernel(queue, churn, 1, NULL, &size, NULL, 0, NULL, &event));
  CHECK(clWaitForEvents(1, &event));
  cl_ulong t[4];
  for (int i = 0; i < 4; i++)
    CHECK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_QUEUED + (cl_uint)i, sizeof t[i],
                                  &t[i], NULL));
  printf("%-24s %s\n", "profiling",
         t[0] <= t[1] && t[1] <= t[2] && t[2] < t[3] ? "in order" : "OUT OF ORDER");
  CHECK(clReleaseEvent(event));
  CHECK(clReleaseKernel(churn));
  CHECK(clReleaseMemObject(data));
  CHECK(clReleaseCommandQueue(queue));
}

int main(void) {
  device = open_device();
  for (int i = 0; i < kBytes; i++) host[i] = (unsigned char)(i * 7 + i / 256);
  cl_command_queue_properties kinds[] = {0, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE};
  for (int i = 0; i < 2; i++) {
    cl_int code;
    printf("-- %s queue\n", i ? "out-of-order" : "in-order");
    cl_command_queue queue = clCreateCommandQueue(device.context, device.id, kinds[i], &code);
    CHECK(code);
    transfers(queue);
    launches(queue);
    order(queue);
    CHECK(clReleaseCommandQueue(queue));
  }
  profiling();
  close_device(&device);
  return 0;
}
