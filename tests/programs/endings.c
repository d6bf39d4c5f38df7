// Ways in which a process ends or splits that have crashed drivers before. Each ends with 0.
//
//   endings fork         the child uses what it inherited (errors, no crash), then a device of its
//                        own (works); the parent goes on as if nothing had been
//   endings fork-busy    fork while other threads are in the middle of calls
//   endings fork-build   fork while another thread builds what the child asks about
//   endings thread-exit  threads end with objects alive that they made
//   endings atexit       a handler registered before the first call uses OpenCL at the very end
//   endings exit-busy    exit() with commands in flight and another thread enqueuing
//   endings dlclose      the loader is opened, used and closed again, ten times
//   endings leak         return from main without releasing anything
#include "opencl_test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static struct device device;
static volatile int stop;

static uint32_t add_once(struct device *d) {
  uint32_t values[64] = {5};
  cl_int code;
  size_t size = 64;
  cl_mem data = clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof values,
                               values, &code);
  CHECK(code);
  cl_kernel add = make_kernel(d, "add", data, 2);
  CHECK(clEnqueueNDRangeKernel(d->queue, add, 1, NULL, &size, NULL, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d->queue, data, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL));
  CHECK(clReleaseKernel(add));
  CHECK(clReleaseMemObject(data));
  return values[0];
}

static int child(void) {
  alarm(20);
  // What was inherited is dead here: any error code will do, a hang or a crash will not.
  cl_int code = clFinish(device.queue);
  cl_mem data = clCreateBuffer(device.context, CL_MEM_READ_WRITE, 64, NULL, &code);
  if (data && code == CL_SUCCESS) return 10;
  char log[4096];
  size_t bytes = 0;
  clGetProgramBuildInfo(device.program, device.id, CL_PROGRAM_BUILD_LOG, sizeof log, log, &bytes);
  clGetProgramInfo(device.program, CL_PROGRAM_NUM_KERNELS, sizeof bytes, &bytes, NULL);
  if (clBuildProgram(device.program, 1, &device.id, "", NULL, NULL) == CL_SUCCESS) return 17;
  clReleaseProgram(device.program);
  clReleaseCommandQueue(device.queue);
  clReleaseContext(device.context);
  struct device own = open_device();
  if (add_once(&own) != 7) return 11;
  close_device(&own);
  return 0;
}

static int wait_for_child(pid_t process) {
  int status = 0;
  if (process < 0 || waitpid(process, &status, 0) != process) return 1;
  if (WIFSIGNALED(status)) fprintf(stderr, "child: signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void *keep_busy(void *unused) {
  (void)unused;
  while (!stop)
    if (add_once(&device) != 7) exit(12);
  return NULL;
}

static void *keep_building(void *unused) {
  (void)unused;
  for (int i = 0; !stop; i++) {
    char options[32];  // others each time: no cache knows them
    snprintf(options, sizeof options, "-DROUND=%d%d", (int)getpid(), i);
    CHECK(clBuildProgram(device.program, 1, &device.id, options, NULL, NULL));
  }
  return NULL;
}

static void *make_and_leave(void *unused) {
  (void)unused;
  cl_int code;
  cl_command_queue queue = clCreateCommandQueue(device.context, device.id, 0, &code);
  CHECK(code);
  cl_mem data = clCreateBuffer(device.context, CL_MEM_READ_WRITE, 4096, NULL, &code);
  CHECK(code);
  CHECK(clEnqueueFillBuffer(queue, data, "abcd", 4, 0, 4096, 0, NULL, NULL));
  return data;
}

static void at_exit(void) {
  // Runs after every destructor that was registered later, the driver's included.
  cl_platform_id platform;
  cl_uint platforms = 0;
  clGetPlatformIDs(1, &platform, &platforms);
  clFinish(device.queue);
  clReleaseProgram(device.program);
  clReleaseCommandQueue(device.queue);
  clReleaseContext(device.context);
}

static int with_dlclose(void) {
  for (int i = 0; i < 10; i++) {
    void *loader = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!loader) return 13;
    cl_int (*platforms)(cl_uint, cl_platform_id *, cl_uint *) =
        (cl_int(*)(cl_uint, cl_platform_id *, cl_uint *))dlsym(loader, "clGetPlatformIDs");
    cl_uint found = 0;
    if (!platforms || platforms(0, NULL, &found) != CL_SUCCESS || found != 1) return 14;
    dlclose(loader);
  }
  // The driver itself, in and out, as a program does that tries drivers one by one.
  const char *driver = getenv("OCL_ICD_FILENAMES");
  for (int i = 0; driver && i < 10; i++) {
    void *library = dlopen(driver, RTLD_NOW | RTLD_LOCAL);
    if (!library) return 15;
    dlclose(library);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count != 2) return 64;
  const char *mode = arguments[1];
  pthread_t threads[4];
  if (strcmp(mode, "atexit") == 0) atexit(at_exit);
  if (strcmp(mode, "dlclose") == 0 && with_dlclose() != 0) return 16;
  device = open_device();
  if (add_once(&device) != 7) return 2;
  if (strncmp(mode, "fork", 4) == 0) {
    int busy = strcmp(mode, "fork-busy") == 0 ? 4 : strcmp(mode, "fork-build") == 0;
    for (int i = 0; i < busy; i++) {
      pthread_create(&threads[i], NULL, busy == 4 ? keep_busy : keep_building, NULL);
    }
    if (busy == 1) usleep(20000);
    for (int i = 0; i < (busy ? 8 : 1); i++) {
      pid_t process = fork();
      if (process == 0) _exit(child());
      int status = wait_for_child(process);
      if (status != 0) return status;
    }
    stop = 1;
    for (int i = 0; i < busy; i++) pthread_join(threads[i], NULL);
    if (add_once(&device) != 7) return 3;
    close_device(&device);
  } else if (strcmp(mode, "thread-exit") == 0) {
    void *data[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, make_and_leave, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], &data[i]);
    for (int i = 0; i < 4; i++) CHECK(clReleaseMemObject((cl_mem)data[i]));
    if (add_once(&device) != 7) return 3;
    close_device(&device);
  } else if (strcmp(mode, "exit-busy") == 0) {
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, keep_busy, NULL);
    struct timespec nap = {0, 50000000};
    nanosleep(&nap, NULL);
    printf("%s: done\n", mode);
    exit(0);
  } else if (strcmp(mode, "dlclose") == 0) {
    close_device(&device);
  } else if (strcmp(mode, "leak") != 0 && strcmp(mode, "atexit") != 0) {
    return 64;
  }
  printf("%s: done\n", mode);
  return 0;
}
