// Threads that allocate until the quota is spent, all at once, and hold what they got.
//
//   racing_allocation THREADS BYTES GATE
//
// Prints "ready", waits until the file GATE exists, then allocates; prints "got N" with the number
// of buffers that all threads got together and "refused CODE" for each error code met; holds them
// until GATE is removed, frees them, allocates once more and prints "again CODE".
#include "opencl_test.h"

#include <pthread.h>
#include <unistd.h>

enum { kMost = 4096 };

static struct device device;
static size_t bytes;
static volatile int got, go;
static cl_mem held[kMost];
static volatile cl_int refused;

static void wait_for(const char *path, int exists) {
  while ((access(path, F_OK) == 0) != exists) {
    struct timespec nap = {0, 2000000};
    nanosleep(&nap, NULL);
  }
}

static void *allocate(void *unused) {
  (void)unused;
  while (!go) {}
  for (;;) {
    cl_int code;
    cl_mem buffer = clCreateBuffer(device.context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (code != CL_SUCCESS) {
      refused = code;
      return NULL;
    }
    int place = __sync_fetch_and_add(&got, 1);
    if (place >= kMost) exit(3);
    held[place] = buffer;
    // Touched, so that a driver that allocates late can't hide it. The error, if any, comes with
    // the command: over quota here would be a lie of clCreateBuffer above.
    CHECK(clEnqueueFillBuffer(device.queue, buffer, "\x5a", 1, 0, bytes, 0, NULL, NULL));
  }
}

int main(int count, char **arguments) {
  if (count != 4) return 64;
  int threads = atoi(arguments[1]);
  bytes = strtoull(arguments[2], NULL, 10);
  if (threads < 1 || threads > 64) return 64;
  device = open_device();
  pthread_t handles[64];
  for (int i = 0; i < threads; i++)
    if (pthread_create(&handles[i], NULL, allocate, NULL) != 0) return 3;
  printf("ready\n");
  fflush(stdout);
  wait_for(arguments[3], 1);
  go = 1;
  for (int i = 0; i < threads; i++) pthread_join(handles[i], NULL);
  CHECK(clFinish(device.queue));
  for (int i = 0; i < got; i++) {
    unsigned char last = 0;
    CHECK(clEnqueueReadBuffer(device.queue, held[i], CL_TRUE, bytes - 1, 1, &last, 0, NULL, NULL));
    if (last != 0x5a) return 2;
  }
  printf("got %d\nrefused %d\n", got, refused);
  fflush(stdout);
  wait_for(arguments[3], 0);
  for (int i = 0; i < got; i++) CHECK(clReleaseMemObject(held[i]));
  CHECK(clFinish(device.queue));
  cl_int code = CL_SUCCESS;
  if (got > 0) {
    cl_mem again = clCreateBuffer(device.context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!code) CHECK(clReleaseMemObject(again));
  }
  printf("again %d\n", code);
  return 0;
}
