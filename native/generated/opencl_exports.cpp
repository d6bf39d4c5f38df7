// Made by `python -m tools.generate` from spec/opencl/functions.toml; do not edit. The functions
// that loaders find by name; all others are reached through the table.
#include "generated/opencl_functions.h"

namespace entry = aliquot::guest::opencl;

#define ALIQUOT_EXPORT __attribute__((visibility("default")))

extern "C" {

ALIQUOT_EXPORT
cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info param_name,
                                     size_t param_value_size, void* param_value,
                                     size_t* param_value_size_ret) {
  return entry::GetPlatformInfo(platform, param_name, param_value_size, param_value,
                                param_value_size_ret);
}

ALIQUOT_EXPORT
void* CL_API_CALL clGetExtensionFunctionAddress(const char* function_name) {
  return entry::GetExtensionFunctionAddress(function_name);
}

ALIQUOT_EXPORT
cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint num_entries, cl_platform_id* platforms,
                                          cl_uint* num_platforms) {
  return entry::IcdGetPlatformIDsKHR(num_entries, platforms, num_platforms);
}

ALIQUOT_EXPORT
void* CL_API_CALL clIcdGetFunctionAddressForPlatformKHR(cl_platform_id platform,
                                                        const char* func_name) {
  return entry::IcdGetFunctionAddressForPlatformKHR(platform, func_name);
}

ALIQUOT_EXPORT
cl_int CL_API_CALL clIcdSetPlatformDispatchDataKHR(cl_platform_id platform, void* dispatch_data) {
  return entry::IcdSetPlatformDispatchDataKHR(platform, dispatch_data);
}

}  // extern "C"
