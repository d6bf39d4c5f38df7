// What a loader finds: no empty slot, names that lead to the same functions as the slots, and
// unsupported functions that return the error which the coverage page promises.
#include <CL/cl_ext.h>
#include <CL/cl_gl.h>
#include <CL/cl_icd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include "generated/opencl_icd_table.h"

using aliquot::guest::opencl::find_function;
using aliquot::guest::opencl::find_supported_function;
using aliquot::guest::opencl::kDispatchTable;
using aliquot::guest::opencl::kReservedSlots;

namespace {

int g_failures = 0;

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "FAILED: %s\n", what);
  ++g_failures;
}

void test_slots() {
  size_t slots = 0;
  while (kDispatchTable[slots] != nullptr) ++slots;
  check(slots * sizeof(void*) >= sizeof(cl_icd_dispatch), "a slot that the headers know is empty");
  for (size_t i = 0; i < kReservedSlots; ++i) {
    check(kDispatchTable[slots + i] == nullptr, "a reserved slot is not null");
  }
  // The two slots by which a loader recognizes cl_khr_icd 2.
  for (size_t slot : {offsetof(cl_icd_dispatch, clGetPlatformIDs),
                      offsetof(cl_icd_dispatch, clUnloadCompiler)}) {
    const void* value = kDispatchTable[slot / sizeof(void*)];
    check(reinterpret_cast<uintptr_t>(value) == 0x4F50454E434C3331, "tag of cl_khr_icd 2");
  }
}

void test_names(const cl_icd_dispatch& table) {
  check(find_function("clEnqueueNDRangeKernel") ==
            reinterpret_cast<void*>(table.clEnqueueNDRangeKernel),
        "name and slot differ");
  for (const char* name : {"clGetPlatformIDs", "clUnloadCompiler"}) {
    const void* function = find_function(name);
    check(function != nullptr && function != kDispatchTable[0], "a tagged slot has no function");
  }
  check(find_function("clCreateImage") == reinterpret_cast<void*>(table.clCreateImage),
        "name and slot of an unsupported function differ");
  check(find_supported_function("clCreateImage") == nullptr, "an unsupported function is promised");
  check(find_supported_function("clRetainDeviceEXT") ==
            reinterpret_cast<void*>(table.clRetainDevice),
        "alias");
  for (const char* name : {"", "cl", "clEnqueueNDRangeKernel2", "clZzz", "aaa"}) {
    check(find_function(name) == nullptr, "a name that nothing has");
  }
  check(find_function(nullptr) == nullptr && find_supported_function(nullptr) == nullptr, "null");
  for (const char* name : {"clGetPlatformInfo", "clGetExtensionFunctionAddress",
                           "clIcdGetPlatformIDsKHR", "clIcdSetPlatformDispatchDataKHR",
                           "clIcdGetFunctionAddressForPlatformKHR"}) {
    check(find_supported_function(name) != nullptr, name);
  }
}

void test_errors(const cl_icd_dispatch& table) {
  cl_int error = 1;
  check(table.clCreateImage(nullptr, 0, nullptr, nullptr, nullptr, &error) == nullptr &&
            error == CL_INVALID_OPERATION,
        "clCreateImage");
  check(table.clCreateImage(nullptr, 0, nullptr, nullptr, nullptr, nullptr) == nullptr,
        "clCreateImage without a place for the error");
  check(table.clCreateSamplerWithProperties(nullptr, nullptr, &(error = 1)) == nullptr &&
            error == CL_INVALID_OPERATION,
        "clCreateSamplerWithProperties");
  check(table.clCreateFromGLBuffer(nullptr, 0, 1, &(error = 1)) == nullptr &&
            error == CL_INVALID_CONTEXT,
        "clCreateFromGLBuffer");
  check(table.clSVMAlloc(nullptr, 0, 64, 0) == nullptr, "clSVMAlloc");
  table.clSVMFree(nullptr, nullptr);
  check(table.clEnqueueSVMMap(nullptr, 0, 0, nullptr, 0, 0, nullptr, nullptr) ==
            CL_INVALID_OPERATION,
        "clEnqueueSVMMap");
  check(table.clReleaseSampler(nullptr) == CL_INVALID_SAMPLER, "clReleaseSampler");
  check(table.clGetPipeInfo(nullptr, 0, 0, nullptr, nullptr) == CL_INVALID_MEM_OBJECT,
        "clGetPipeInfo");
  check(table.clEnqueueNativeKernel(nullptr, nullptr, nullptr, 0, 0, nullptr, nullptr, 0, nullptr,
                                    nullptr) == CL_INVALID_OPERATION,
        "clEnqueueNativeKernel");
}

}  // namespace

int main() {
  cl_icd_dispatch table;  // a copy: the array lies where a cl_icd_dispatch would
  std::memcpy(&table, kDispatchTable, sizeof table);
  test_slots();
  test_names(table);
  test_errors(table);
  if (g_failures > 0) std::fprintf(stderr, "%d checks failed\n", g_failures);
  return g_failures == 0 ? 0 : 1;
}
