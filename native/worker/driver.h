// A vendor's OpenCL library, loaded without an ICD loader: calls go through the dispatch table that
// every object of the driver begins with.
#pragma once

#include <CL/cl_icd.h>

#include <cstdint>
#include <string>
#include <vector>

namespace aliquot::worker {

/// One platform of a driver and the functions to call with its objects. Functions that the
/// platform's version doesn't have are null.
struct Platform {
  cl_platform_id id = nullptr;
  cl_icd_dispatch calls{};
};

/// What the worker serves: one device of one platform. Tests and fuzzers make it from a driver of
/// their own.
struct Driver {
  /// From a table that has all functions up to `version` (major * 10 + minor).
  Driver(const cl_icd_dispatch& table, int version, cl_platform_id platform, cl_device_id device);

  cl_icd_dispatch calls;
  cl_platform_id platform;
  cl_device_id device;
  bool unified_memory = false;  // host and device share their memory
  bool native_kernels = false;  // queues run functions of the host's
  cl_int given_up_status = -1;  // of user events that nobody can set any more
  bool builds_together = true;  // its compiler bears more than one build at a time
  uint32_t spare_units = 0;  // that it reports beyond what there is; see compute_threads.h
};

/// Copies of the functions that a platform of `version` is known to have; the tables of older
/// drivers end where their version ends.
cl_icd_dispatch usable_calls(const cl_icd_dispatch& table, int version);

/// Loads `library` and lists its platforms. Returns one sentence on failure, else an empty string.
/// The library is never unloaded: drivers don't survive that. `path`: where it was found; may be
/// null.
std::string load_platforms(const char* library, std::vector<Platform>& platforms,
                           std::string* path = nullptr);

/// All devices of a platform in the driver's order; empty when it has none.
std::vector<cl_device_id> list_devices(const Platform& platform);

/// The version of a platform, major * 10 + minor; 10 when it can't be read.
int platform_version(const cl_icd_dispatch& calls, cl_platform_id platform);

/// Information as bytes; empty when the driver gives none.
std::vector<unsigned char> platform_information(const cl_icd_dispatch& calls, cl_platform_id id,
                                                cl_platform_info parameter);
std::vector<unsigned char> device_information(const cl_icd_dispatch& calls, cl_device_id id,
                                              cl_device_info parameter);
/// The same as text, without its terminating zero.
std::string device_text(const cl_icd_dispatch& calls, cl_device_id id, cl_device_info parameter);
std::string platform_text(const cl_icd_dispatch& calls, cl_platform_id id,
                          cl_platform_info parameter);
/// The same as a number; `otherwise` when the driver's answer has another size.
template <class Number>
Number device_number(const cl_icd_dispatch& calls, cl_device_id id, cl_device_info parameter,
                     Number otherwise) {
  Number number = otherwise;
  size_t size = 0;
  if (calls.clGetDeviceInfo(id, parameter, sizeof number, &number, &size) != CL_SUCCESS ||
      size != sizeof number) {
    return otherwise;
  }
  return number;
}

}  // namespace aliquot::worker
