// Prints what becomes of a device that is partitioned in all sorts of ways, for comparing.
#include "opencl_test.h"

#define MOST 16

static void partition(cl_device_id device, const cl_device_partition_property *list) {
  cl_device_id parts[MOST];
  cl_uint count = 0;
  const cl_int status = clCreateSubDevices(device, list, MOST, parts, &count);
  printf("%#lx %ld %ld: %d", (long)list[0], (long)list[1], (long)list[2], status);
  for (cl_uint i = 0; status == CL_SUCCESS && i < count; i++) {
    cl_uint units = 0;
    cl_device_partition_property type[MOST] = {0};
    size_t bytes = 0;
    clGetDeviceInfo(parts[i], CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    clGetDeviceInfo(parts[i], CL_DEVICE_PARTITION_TYPE, sizeof type, type, &bytes);
    printf("; %u units, %zu words", units, bytes / sizeof *type);
    for (size_t word = 0; word < bytes / sizeof *type; word++) printf(" %#lx", (long)type[word]);
    clReleaseDevice(parts[i]);
  }
  printf("\n");
}

int main(void) {
  cl_platform_id platform;
  const cl_device_id device = first_device(&platform);
  cl_uint units = 0, most = 0;
  clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
  clGetDeviceInfo(device, CL_DEVICE_PARTITION_MAX_SUB_DEVICES, sizeof most, &most, NULL);
  printf("%u units, %u sub-devices\n", units, most);
  const cl_device_partition_property equally = CL_DEVICE_PARTITION_EQUALLY;
  const cl_device_partition_property counts = CL_DEVICE_PARTITION_BY_COUNTS;
  for (cl_device_partition_property each = 0; each <= units + 1; each++) {
    partition(device, (cl_device_partition_property[]){equally, each, 0, 0});
    partition(device, (cl_device_partition_property[]){counts, each, 0, 0});
    partition(device, (cl_device_partition_property[]){counts, 1, each, 0, 0});
  }
  return 0;
}
