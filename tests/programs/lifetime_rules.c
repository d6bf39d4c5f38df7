// Objects that live on after their last release because others need them: what an information
// query hands out is as good as new, and may be retained and released, as C++ and Python bindings
// do at every query.
#include "expect.h"

static struct device d;

static cl_context context_of(cl_command_queue queue) {
  cl_context context = NULL;
  CHECK(clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL));
  return context;
}

static void context_of_a_queue(void) {
  cl_int code;
  cl_context context = clCreateContext(NULL, 1, &d.id, NULL, NULL, &code);
  CHECK(code);
  cl_command_queue queue = clCreateCommandQueue(context, d.id, 0, &code);
  CHECK(code);
  CHECK(clReleaseContext(context));
  for (int i = 0; i < 3; i++) {
    context = context_of(queue);
    CHECK(clRetainContext(context));
    cl_uint value = 42, got = 0;
    cl_mem buffer = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof value, &value, &code);
    EXPECT(code == CL_SUCCESS);
    if (buffer != NULL) {
      CHECK(clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL));
      CHECK(clReleaseMemObject(buffer));
    }
    EXPECT(got == 42);
    CHECK(clReleaseContext(context));
  }
  CHECK(clFinish(queue));
  CHECK(clReleaseCommandQueue(queue));
}

static void queue_of_an_event(void) {
  cl_command_queue queue = make_queue(&d, 0);
  cl_event event = NULL;
  CHECK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event));
  CHECK(clReleaseCommandQueue(queue));
  for (int i = 0; i < 3; i++) {
    queue = NULL;
    CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL));
    CHECK(clRetainCommandQueue(queue));
    EXPECT_CODE(clFinish(queue), CL_SUCCESS);
    CHECK(clReleaseCommandQueue(queue));
  }
  EXPECT_CODE(clWaitForEvents(1, &event), CL_SUCCESS);
  CHECK(clReleaseEvent(event));
}

static void program_of_a_kernel(void) {
  cl_int code;
  const char *source = kSource;
  cl_program program = clCreateProgramWithSource(d.context, 1, &source, NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(program, 1, &d.id, "", NULL, NULL));
  cl_kernel kernel = clCreateKernel(program, "add", &code);
  CHECK(code);
  CHECK(clReleaseProgram(program));
  for (int i = 0; i < 3; i++) {
    cl_build_status status = CL_BUILD_NONE;
    CHECK(clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, sizeof program, &program, NULL));
    CHECK(clRetainProgram(program));
    EXPECT_CODE(clGetProgramBuildInfo(program, d.id, CL_PROGRAM_BUILD_STATUS, sizeof status,
                                      &status, NULL),
                CL_SUCCESS);
    EXPECT(status == CL_BUILD_SUCCESS);
    CHECK(clReleaseProgram(program));
  }
  CHECK(clReleaseKernel(kernel));
}

static void parent_of_a_sub_buffer(void) {
  cl_int code;
  cl_mem parent = make_buffer(&d, CL_MEM_READ_WRITE, 8192, NULL);
  const cl_buffer_region region = {4096, 4096};
  cl_mem part = clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
  CHECK(code);
  CHECK(clReleaseMemObject(parent));
  for (int i = 0; i < 3; i++) {
    size_t size = 0;
    CHECK(clGetMemObjectInfo(part, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL));
    CHECK(clRetainMemObject(parent));
    EXPECT_CODE(clGetMemObjectInfo(parent, CL_MEM_SIZE, sizeof size, &size, NULL), CL_SUCCESS);
    EXPECT(size == 8192);
    CHECK(clReleaseMemObject(parent));
  }
  unsigned value = 7, got = 0;
  CHECK(clEnqueueWriteBuffer(d.queue, part, CL_TRUE, 0, sizeof value, &value, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, part, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL));
  EXPECT(got == 7);
  CHECK(clReleaseMemObject(part));
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  d = open_device();
  if (strict) {  // Intel forgets such objects
    context_of_a_queue();
    queue_of_an_event();
    program_of_a_kernel();
    parent_of_a_sub_buffer();
  }
  close_device(&d);
  return finish_expectations("lifetime_rules");
}
