// Spends time in ways that a receipt tells apart, one after another as the arguments say.
//
//   spending KIND MILLISECONDS [KIND MILLISECONDS ...]
//
//   kernels    long kernels, each awaited
//   syncs      the shortest kernel, awaited each time
//   events     the same, awaited by its event
//   answers    calls that need an answer of the driver
//   builds     programs that no cache has
//   copies     blocking writes and reads of much
//   program    nothing of OpenCL
//
// Prints for each a line "KIND SECONDS", as long as it took by the program's own clock.
#include "opencl_test.h"

#include <unistd.h>

enum { kItems = 256, kRounds = 20 * 1000 * 1000, kCopied = 16 << 20 };

static struct device device;
static cl_mem small, large;
static cl_kernel add, churn;
static char *host;

static void launch(cl_kernel kernel, cl_event *event) {
  const size_t size = kItems;
  CHECK(clEnqueueNDRangeKernel(device.queue, kernel, 1, NULL, &size, NULL, 0, NULL, event));
}

static void kernels(void) {
  launch(churn, NULL);
  CHECK(clFinish(device.queue));
}

static void syncs(void) {
  launch(add, NULL);
  CHECK(clFinish(device.queue));
}

static void events(void) {
  cl_event event;
  launch(add, &event);
  CHECK(clWaitForEvents(1, &event));
  CHECK(clReleaseEvent(event));
}

// Of shorter calls half is spent before and after the wait.
static void answers(void) {
  static unsigned char *binary;
  static size_t size;
  cl_int code, status;
  if (binary == NULL) {
    CHECK(clGetProgramInfo(device.program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
    binary = malloc(size);
    CHECK(clGetProgramInfo(device.program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL));
  }
  const unsigned char *bytes = binary;
  cl_program program =
      clCreateProgramWithBinary(device.context, 1, &device.id, &size, &bytes, &status, &code);
  CHECK(code);
  CHECK(clReleaseProgram(program));
}

static void builds(void) {
  static int count;
  char source[200];
  snprintf(source, sizeof source, "kernel void k(global int *x) { x[%d] = %d; }", ++count, getpid());
  const char *text = source;
  cl_int code;
  cl_program program = clCreateProgramWithSource(device.context, 1, &text, NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(program, 1, &device.id, "", NULL, NULL));
  CHECK(clReleaseProgram(program));
}

static void copies(void) {
  CHECK(clEnqueueWriteBuffer(device.queue, large, CL_TRUE, 0, kCopied, host, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(device.queue, large, CL_TRUE, 0, kCopied, host, 0, NULL, NULL));
}

static void program(void) { usleep(1000); }

static void spend(const char *kind, double seconds) {
  static const struct {
    const char *name;
    void (*once)(void);
  } kinds[] = {{"kernels", kernels}, {"syncs", syncs},   {"events", events},  {"answers", answers},
               {"builds", builds},   {"copies", copies}, {"program", program}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].name, kind) != 0) continue;
    const double begin = now();
    while (now() - begin < seconds) kinds[i].once();
    printf("%s %.6f\n", kind, now() - begin);
    fflush(stdout);
    return;
  }
  exit(64);
}

int main(int count, char **arguments) {
  cl_int code;
  device = open_device();
  small = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kItems * sizeof(cl_uint), NULL, &code);
  CHECK(code);
  large = clCreateBuffer(device.context, CL_MEM_READ_WRITE, kCopied, NULL, &code);
  CHECK(code);
  host = calloc(1, kCopied);
  add = make_kernel(&device, "add", small, 1);
  churn = make_kernel(&device, "churn", small, kRounds / kItems);
  for (int i = 1; i + 1 < count; i += 2) spend(arguments[i], 1e-3 * atof(arguments[i + 1]));
  free(host);
  CHECK(clReleaseKernel(add));
  CHECK(clReleaseKernel(churn));
  CHECK(clReleaseMemObject(small));
  CHECK(clReleaseMemObject(large));
  close_device(&device);
  return 0;
}
