// What an ICD loader looks for in the stub driver. A file of its own: a program that is linked with
// the guest driver has these names already.
#include <cstring>

#include "stub_objects.h"

extern "C" __attribute__((visibility("default"))) cl_int clIcdGetPlatformIDsKHR(
    cl_uint entries, cl_platform_id* platforms, cl_uint* count) {
  return aliquot::stub::kDispatch.clGetPlatformIDs(entries, platforms, count);
}

extern "C" __attribute__((visibility("default"))) void* clGetExtensionFunctionAddress(
    const char* name) {
  if (std::strcmp(name, "clIcdGetPlatformIDsKHR") == 0) {
    return reinterpret_cast<void*>(clIcdGetPlatformIDsKHR);
  }
  return nullptr;
}
