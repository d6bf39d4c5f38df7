// Kernels: creation, arguments and their errors, queries, launches and their errors, cloning.
#include "expect.h"

static struct device d;
static cl_program program;

static const char *const kKernels =
    "struct pair { int a; float b; };\n"
    "kernel void plain(global int *out, int value) { out[get_global_id(0)] = value; }\n"
    "kernel void mixed(global int *out, local int *scratch, struct pair p, float4 v, uchar c) {\n"
    "  scratch[get_local_id(0)] = p.a + c;\n"
    "  out[get_global_id(0)] = scratch[get_local_id(0)] + (int)v.w;\n"
    "}\n"
    "kernel void nothing(void) {}\n"
    "kernel __attribute__((reqd_work_group_size(4, 2, 1))) void fixed(global int *out) {\n"
    "  out[0] = get_local_size(0) * 10 + get_local_size(1);\n"
    "}\n";

static cl_program build(const char *options) {
  cl_int code;
  const char *source = kKernels;
  cl_program made = clCreateProgramWithSource(d.context, 1, &source, NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(made, 1, &d.id, options, NULL, NULL));
  return made;
}

static cl_kernel kernel_of(const char *name) {
  cl_int code;
  cl_kernel kernel = clCreateKernel(program, name, &code);
  CHECK(code);
  return kernel;
}

static void creation(void) {
  cl_int code = 1;
  EXPECT(clCreateKernel(program, "absent", &code) == NULL && code == CL_INVALID_KERNEL_NAME);
  EXPECT(clCreateKernel(program, NULL, &code) == NULL && code == CL_INVALID_VALUE);
  EXPECT(clCreateKernel(NULL, "plain", &code) == NULL && code == CL_INVALID_PROGRAM);
  const char *source = kKernels;
  cl_program unbuilt = clCreateProgramWithSource(d.context, 1, &source, NULL, &code);
  CHECK(code);
  EXPECT(clCreateKernel(unbuilt, "plain", &code) == NULL &&
         code == CL_INVALID_PROGRAM_EXECUTABLE);
  CHECK(clReleaseProgram(unbuilt));

  cl_uint count = 0;
  CHECK(clCreateKernelsInProgram(program, 0, NULL, &count));
  EXPECT(count == 4);
  cl_kernel kernels[8];
  EXPECT_CODE(clCreateKernelsInProgram(program, 2, kernels, NULL), CL_INVALID_VALUE);
  CHECK(clCreateKernelsInProgram(program, 8, kernels, &count));
  for (cl_uint i = 0; i < count; i++) CHECK(clReleaseKernel(kernels[i]));
}

static void queries(void) {
  cl_kernel kernel = kernel_of("mixed");
  char name[16] = "";
  cl_uint arguments = 0, references = 0;
  size_t size = 0;
  cl_context context = NULL;
  cl_program owner = NULL;
  CHECK(clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, &size));
  EXPECT(strcmp(name, "mixed") == 0 && size == 6);
  EXPECT_CODE(clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, 3, name, NULL), CL_INVALID_VALUE);
  CHECK(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof arguments, &arguments, NULL));
  EXPECT(arguments == 5);
  CHECK(clGetKernelInfo(kernel, CL_KERNEL_CONTEXT, sizeof context, &context, NULL));
  CHECK(clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, sizeof owner, &owner, NULL));
  EXPECT(context == d.context && owner == program);
  CHECK(clRetainKernel(kernel));
  CHECK(clGetKernelInfo(kernel, CL_KERNEL_REFERENCE_COUNT, sizeof references, &references, NULL));
  EXPECT(references == 2);
  CHECK(clReleaseKernel(kernel));
  EXPECT_CODE(clGetKernelInfo(NULL, CL_KERNEL_NUM_ARGS, 0, NULL, NULL), CL_INVALID_KERNEL);
  EXPECT_CODE(clGetKernelInfo(kernel, 0xdead, 0, NULL, NULL), CL_INVALID_VALUE);

  size_t most = 0, multiple = 0, required[3] = {9, 9, 9};
  CHECK(clGetKernelWorkGroupInfo(kernel, d.id, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most,
                                 NULL));
  CHECK(clGetKernelWorkGroupInfo(kernel, NULL, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE,
                                 sizeof multiple, &multiple, NULL));
  EXPECT(most > 0 && multiple > 0);
  CHECK(clGetKernelWorkGroupInfo(kernel, d.id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, sizeof required,
                                 required, NULL));
  EXPECT(required[0] == 0 && required[1] == 0 && required[2] == 0);
  EXPECT_CODE(clGetKernelWorkGroupInfo(kernel, d.id, 0xdead, 0, NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clGetKernelWorkGroupInfo(NULL, d.id, CL_KERNEL_WORK_GROUP_SIZE, 0, NULL, NULL),
              CL_INVALID_KERNEL);
  cl_kernel fixed = kernel_of("fixed");
  CHECK(clGetKernelWorkGroupInfo(fixed, d.id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, sizeof required,
                                 required, NULL));
  EXPECT(required[0] == 4 && required[1] == 2 && required[2] == 1);
  CHECK(clReleaseKernel(fixed));

  cl_ulong before = 0, after = 0;
  CHECK(clGetKernelWorkGroupInfo(kernel, d.id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof before, &before,
                                 NULL));
  CHECK(clSetKernelArg(kernel, 1, 4096, NULL));
  CHECK(clGetKernelWorkGroupInfo(kernel, d.id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof after, &after,
                                 NULL));
  EXPECT(after >= before + 4096);
  CHECK(clReleaseKernel(kernel));
}

static void argument_info(void) {
  cl_program with_info = build("-cl-kernel-arg-info");
  cl_int code;
  cl_kernel kernel = clCreateKernel(with_info, "mixed", &code);
  CHECK(code);
  char text[32] = "";
  cl_kernel_arg_address_qualifier address = 0;
  CHECK(clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_NAME, sizeof text, text, NULL));
  EXPECT(strcmp(text, "out") == 0);
  CHECK(clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_TYPE_NAME, sizeof text, text, NULL));
  EXPECT(strcmp(text, "int*") == 0);
  CHECK(clGetKernelArgInfo(kernel, 1, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof address, &address,
                           NULL));
  EXPECT(address == CL_KERNEL_ARG_ADDRESS_LOCAL);
  if (strict) {  // Intel's driver gives CL_INVALID_VALUE
    EXPECT_CODE(clGetKernelArgInfo(kernel, 5, CL_KERNEL_ARG_NAME, sizeof text, text, NULL),
                CL_INVALID_ARG_INDEX);
  }
  EXPECT_CODE(clGetKernelArgInfo(kernel, 0, 0xdead, sizeof text, text, NULL), CL_INVALID_VALUE);
  CHECK(clReleaseKernel(kernel));
  CHECK(clReleaseProgram(with_info));
}

static void arguments(void) {
  cl_mem out = make_buffer(&d, CL_MEM_READ_WRITE, 256, NULL);
  cl_kernel kernel = kernel_of("mixed");
  struct { int a; float b; } pair = {1, 2};
  float vector[4] = {0, 0, 0, 3};
  unsigned char small = 5;
  EXPECT_CODE(clSetKernelArg(NULL, 0, sizeof out, &out), CL_INVALID_KERNEL);
  EXPECT_CODE(clSetKernelArg(kernel, 5, sizeof out, &out), CL_INVALID_ARG_INDEX);
  EXPECT_CODE(clSetKernelArg(kernel, 0, 4, &out), CL_INVALID_ARG_SIZE);
  EXPECT_CODE(clSetKernelArg(kernel, 1, 64, &pair), CL_INVALID_ARG_VALUE);
  if (strict) EXPECT_CODE(clSetKernelArg(kernel, 1, 0, NULL), CL_INVALID_ARG_SIZE);
  EXPECT_CODE(clSetKernelArg(kernel, 3, sizeof vector, NULL), CL_INVALID_ARG_VALUE);
  EXPECT_CODE(clSetKernelArg(kernel, 4, 2, &small), CL_INVALID_ARG_SIZE);

  const size_t one = 1, four = 4;
  CHECK(clSetKernelArg(kernel, 0, sizeof out, &out));
  CHECK(clSetKernelArg(kernel, 1, 64, NULL));
  CHECK(clSetKernelArg(kernel, 2, sizeof pair, &pair));
  CHECK(clSetKernelArg(kernel, 3, sizeof vector, vector));
  EXPECT_CODE(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &four, &one, 0, NULL, NULL),
              CL_INVALID_KERNEL_ARGS);
  CHECK(clSetKernelArg(kernel, 4, sizeof small, &small));
  CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &four, &one, 0, NULL, NULL));
  // A launch sees the values of its own time, whatever is set afterwards.
  pair.a = 100;
  CHECK(clSetKernelArg(kernel, 2, sizeof pair, &pair));
  int values[4] = {0};
  CHECK(clEnqueueReadBuffer(d.queue, out, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL));
  EXPECT(values[0] == 9 && values[3] == 9);
  CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &four, &one, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, out, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL));
  EXPECT(values[0] == 108 && values[3] == 108);
  // What failed to be set leaves the value before it.
  EXPECT_CODE(clSetKernelArg(kernel, 4, 2, &small), CL_INVALID_ARG_SIZE);
  CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &four, &one, 0, NULL, NULL));
  CHECK(clFinish(d.queue));
  CHECK(clReleaseKernel(kernel));
  CHECK(clReleaseMemObject(out));
}

// One kernel whose arguments change between launches that are all in flight.
static void snapshots(void) {
  enum { kLaunches = 2000 };
  cl_mem out = make_buffer(&d, CL_MEM_READ_WRITE, kLaunches * sizeof(int), NULL);
  cl_kernel kernel = kernel_of("plain");
  const size_t one = 1;
  CHECK(clSetKernelArg(kernel, 0, sizeof out, &out));
  for (int i = 0; i < kLaunches; i++) {
    const size_t offset = (size_t)i;
    const int value = i / 3;  // often the same as before
    CHECK(clSetKernelArg(kernel, 1, sizeof value, &value));
    CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 1, &offset, &one, &one, 0, NULL, NULL));
  }
  int *values = calloc(kLaunches, sizeof *values);
  CHECK(clEnqueueReadBuffer(d.queue, out, CL_TRUE, 0, kLaunches * sizeof *values, values, 0, NULL,
                            NULL));
  int wrong = 0;
  for (int i = 0; i < kLaunches; i++) wrong += values[i] != i / 3;
  EXPECT(wrong == 0);
  free(values);
  CHECK(clReleaseKernel(kernel));
  CHECK(clReleaseMemObject(out));
}

static cl_int launch(cl_kernel kernel, cl_uint dimensions, const size_t *global,
                     const size_t *local) {
  return clEnqueueNDRangeKernel(d.queue, kernel, dimensions, NULL, global, local, 0, NULL, NULL);
}

static void launches(void) {
  cl_kernel kernel = kernel_of("nothing");
  const size_t sizes[4] = {8, 8, 8, 8}, zeros[3] = {0, 0, 0};
  size_t most = 0;
  CHECK(clGetDeviceInfo(d.id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof most, &most, NULL));
  const size_t above = most * 2;
  if (strict) EXPECT_CODE(launch(NULL, 1, sizes, NULL), CL_INVALID_KERNEL);  // PoCL crashes
  EXPECT_CODE(clEnqueueNDRangeKernel(NULL, kernel, 1, NULL, sizes, NULL, 0, NULL, NULL),
              CL_INVALID_COMMAND_QUEUE);
  EXPECT_CODE(launch(kernel, 0, sizes, NULL), CL_INVALID_WORK_DIMENSION);
  EXPECT_CODE(launch(kernel, 4, sizes, NULL), CL_INVALID_WORK_DIMENSION);
  if (strict) EXPECT_CODE(launch(kernel, 1, sizes, zeros), CL_INVALID_WORK_GROUP_SIZE);
  EXPECT(launch(kernel, 1, &above, &above) == CL_INVALID_WORK_GROUP_SIZE ||
         launch(kernel, 1, &above, &above) == CL_INVALID_WORK_ITEM_SIZE);
  cl_event event;
  CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 3, NULL, sizes, NULL, 0, NULL, &event));
  EXPECT(type_of(event) == CL_COMMAND_NDRANGE_KERNEL);
  CHECK(clReleaseEvent(event));
  CHECK(clEnqueueTask(d.queue, kernel, 0, NULL, &event));
  if (strict) EXPECT(type_of(event) == CL_COMMAND_TASK);
  CHECK(clReleaseEvent(event));
  if (strict) {
    EXPECT_CODE(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, sizes, NULL, 1, NULL, NULL),
                CL_INVALID_EVENT_WAIT_LIST);
    const size_t offset = SIZE_MAX;
    EXPECT_CODE(clEnqueueNDRangeKernel(d.queue, kernel, 1, &offset, sizes, NULL, 0, NULL, NULL),
                CL_INVALID_GLOBAL_OFFSET);
  }

  cl_int code;
  cl_context other = clCreateContext(NULL, 1, &d.id, NULL, NULL, &code);
  CHECK(code);
  cl_command_queue elsewhere = clCreateCommandQueue(other, d.id, 0, &code);
  CHECK(code);
  EXPECT_CODE(clEnqueueNDRangeKernel(elsewhere, kernel, 1, NULL, sizes, NULL, 0, NULL, NULL),
              CL_INVALID_CONTEXT);
  CHECK(clReleaseCommandQueue(elsewhere));
  CHECK(clReleaseContext(other));

  cl_mem out = make_buffer(&d, CL_MEM_READ_WRITE, 64, NULL);
  cl_kernel fixed = kernel_of("fixed");
  const size_t right[2] = {4, 2}, wrong[2] = {2, 4}, global[2] = {8, 8};
  CHECK(clSetKernelArg(fixed, 0, sizeof out, &out));
  EXPECT_CODE(launch(fixed, 2, global, wrong), CL_INVALID_WORK_GROUP_SIZE);
  CHECK(launch(fixed, 2, global, right));
  int value = 0;
  CHECK(clEnqueueReadBuffer(d.queue, out, CL_TRUE, 0, sizeof value, &value, 0, NULL, NULL));
  EXPECT(value == 42);
  CHECK(clReleaseKernel(fixed));
  CHECK(clReleaseMemObject(out));
  CHECK(clFinish(d.queue));
  CHECK(clReleaseKernel(kernel));
}

// Kernels hold no buffers: one that is gone is an error, and never another buffer in its place.
static void dead_buffers(void) {
  if (!strict) return;
  cl_kernel kernel = kernel_of("plain");
  cl_mem out = make_buffer(&d, CL_MEM_READ_WRITE, 64, NULL);
  const int value = 7;
  const size_t one = 1;
  CHECK(clSetKernelArg(kernel, 0, sizeof out, &out));
  CHECK(clSetKernelArg(kernel, 1, sizeof value, &value));
  CHECK(clReleaseMemObject(out));
  EXPECT_CODE(clSetKernelArg(kernel, 0, sizeof out, &out), CL_INVALID_MEM_OBJECT);
  cl_mem next = make_buffer(&d, CL_MEM_READ_WRITE, 64, NULL);
  EXPECT_CODE(launch(kernel, 1, &one, &one), CL_INVALID_KERNEL_ARGS);
  CHECK(clReleaseMemObject(next));
  CHECK(clReleaseKernel(kernel));
}

int main(int count, char **arguments_given) {
  read_arguments(count, arguments_given);
  d = open_device();
  program = build("");
  creation();
  queries();
  argument_info();
  arguments();
  snapshots();
  launches();
  dead_buffers();
  CHECK(clReleaseProgram(program));
  close_device(&d);
  return finish_expectations("kernel_rules");
}
