// Functions by name: what programs ask for through clGetExtensionFunctionAddress, and what loaders
// that speak cl_khr_icd 2 ask for to fill their own table.
#include "generated/opencl_functions.h"
#include "generated/opencl_icd_table.h"
#include "guest/opencl/platform.h"

namespace aliquot::guest::opencl {

void* GetExtensionFunctionAddress(const char* function_name) {
  return find_supported_function(function_name);
}

void* GetExtensionFunctionAddressForPlatform(cl_platform_id handle, const char* function_name) {
  if (from_handle<Platform>(handle) == nullptr) return nullptr;
  return find_supported_function(function_name);
}

void* IcdGetFunctionAddressForPlatformKHR(cl_platform_id handle, const char* func_name) {
  if (from_handle<Platform>(handle) == nullptr) return nullptr;
  return find_function(func_name);
}

}  // namespace aliquot::guest::opencl
