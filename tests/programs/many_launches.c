// Launches a small kernel very often and says now and then how much memory the process holds, which
// must not grow. The kernel counts: at the end the count must be that of the launches.
//
//   many_launches COUNT
//
// Prints a line "launches N resident KIB" some fifty times.
#include "opencl_test.h"

#include <unistd.h>

enum { kBatch = 1000, kReports = 50 };

static long resident_kib(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  long total = 0, resident = 0;
  if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2) exit(3);
  fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int count, char **arguments) {
  const long launches = count > 1 ? atol(arguments[1]) : 100000;
  if (launches < kBatch || launches % kBatch != 0 || launches > UINT32_MAX) return 64;
  struct device device = open_device();
  cl_int code;
  uint32_t zero = 0;
  cl_mem data = clCreateBuffer(device.context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                               sizeof zero, &zero, &code);
  CHECK(code);
  cl_kernel add = make_kernel(&device, "add", data, 1);
  const size_t size = 1;
  long next_report = 0;
  for (long done = 0; done < launches; done += kBatch) {
    if (done >= next_report) {
      printf("launches %ld resident %ld\n", done, resident_kib());
      fflush(stdout);
      next_report += launches / kReports;
    }
    cl_event last = NULL;
    for (int i = 0; i < kBatch; i++) {
      const int event = i == kBatch - 1;
      CHECK(clEnqueueNDRangeKernel(device.queue, add, 1, NULL, &size, NULL, 0, NULL,
                                   event ? &last : NULL));
    }
    // Now an event, now the queue is waited for, so that both are shown to keep nothing.
    CHECK(done / kBatch % 2 ? clWaitForEvents(1, &last) : clFinish(device.queue));
    CHECK(clReleaseEvent(last));
  }
  uint32_t counted = 0;
  CHECK(clEnqueueReadBuffer(device.queue, data, CL_TRUE, 0, sizeof counted, &counted, 0, NULL,
                            NULL));
  printf("launches %ld resident %ld\n", launches, resident_kib());
  CHECK(clReleaseKernel(add));
  CHECK(clReleaseMemObject(data));
  close_device(&device);
  if (counted != (uint32_t)launches) {
    fprintf(stderr, "%ld launches counted %u\n", launches, counted);
    return 2;
  }
  return 0;
}
