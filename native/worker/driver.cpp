#include "worker/driver.h"

#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace aliquot::worker {

namespace {

constexpr size_t kLargestAnswer = 1 << 20;  // bytes that we take of any information query
constexpr cl_uint kMostPlatforms = 16;
constexpr cl_uint kMostDevices = 256;

// Every object of a driver begins with a pointer to its dispatch table.
const cl_icd_dispatch* table_of(cl_platform_id platform) {
  const cl_icd_dispatch* table = nullptr;
  std::memcpy(&table, reinterpret_cast<const void*>(platform), sizeof table);
  return table;
}

// A driver of cl_khr_icd 2 has this mark in place of its first function.
constexpr intptr_t kSecondInterfaceTag = sizeof(void*) == 4
                                             ? static_cast<intptr_t>(0x434C3331)
                                             : static_cast<intptr_t>(0x4F50454E434C3331);

using GetPlatforms = cl_int(CL_API_CALL*)(cl_uint, cl_platform_id*, cl_uint*);
using GetExtensionAddress = void*(CL_API_CALL*)(const char*);
using GetPlatformFunction = void*(CL_API_CALL*)(cl_platform_id, const char*);

void* find_function(void* library, const char* name) {
  if (void* symbol = dlsym(library, name)) return symbol;
  const auto find =
      reinterpret_cast<GetExtensionAddress>(dlsym(library, "clGetExtensionFunctionAddress"));
  return find != nullptr ? find(name) : nullptr;
}

std::string path_of(void* library, const char* otherwise) {
  link_map* map = nullptr;
  const bool known = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] != 0;
  const char* name = known ? map->l_name : otherwise;
  char* real = realpath(name, nullptr);
  const std::string path = real != nullptr ? real : name;
  std::free(real);
  return path;
}

template <class Function>
void fill(Function& slot, GetPlatformFunction find, cl_platform_id platform, const char* name) {
  slot = reinterpret_cast<Function>(find(platform, name));
}

// The functions that the worker calls, asked for by name.
cl_icd_dispatch ask_functions(GetPlatformFunction find, cl_platform_id platform) {
  cl_icd_dispatch calls{};
#define ALIQUOT_ASK(function) fill(calls.function, find, platform, #function)
  ALIQUOT_ASK(clGetPlatformIDs);
  ALIQUOT_ASK(clGetPlatformInfo);
  ALIQUOT_ASK(clGetDeviceIDs);
  ALIQUOT_ASK(clGetDeviceInfo);
  ALIQUOT_ASK(clCreateContext);
  ALIQUOT_ASK(clReleaseContext);
  ALIQUOT_ASK(clCreateCommandQueue);
  ALIQUOT_ASK(clCreateCommandQueueWithProperties);
  ALIQUOT_ASK(clReleaseCommandQueue);
  ALIQUOT_ASK(clCreateBuffer);
  ALIQUOT_ASK(clCreateSubBuffer);
  ALIQUOT_ASK(clReleaseMemObject);
  ALIQUOT_ASK(clSetMemObjectDestructorCallback);
  ALIQUOT_ASK(clCreateProgramWithSource);
  ALIQUOT_ASK(clCreateProgramWithBinary);
  ALIQUOT_ASK(clRetainProgram);
  ALIQUOT_ASK(clReleaseProgram);
  ALIQUOT_ASK(clBuildProgram);
  ALIQUOT_ASK(clCompileProgram);
  ALIQUOT_ASK(clLinkProgram);
  ALIQUOT_ASK(clGetProgramInfo);
  ALIQUOT_ASK(clGetProgramBuildInfo);
  ALIQUOT_ASK(clCreateKernel);
  ALIQUOT_ASK(clCloneKernel);
  ALIQUOT_ASK(clReleaseKernel);
  ALIQUOT_ASK(clSetKernelArg);
  ALIQUOT_ASK(clGetKernelInfo);
  ALIQUOT_ASK(clGetKernelArgInfo);
  ALIQUOT_ASK(clGetKernelWorkGroupInfo);
  ALIQUOT_ASK(clGetKernelSubGroupInfo);
  ALIQUOT_ASK(clGetEventInfo);
  ALIQUOT_ASK(clCreateUserEvent);
  ALIQUOT_ASK(clRetainEvent);
  ALIQUOT_ASK(clReleaseEvent);
  ALIQUOT_ASK(clSetUserEventStatus);
  ALIQUOT_ASK(clSetEventCallback);
  ALIQUOT_ASK(clGetEventProfilingInfo);
  ALIQUOT_ASK(clFlush);
  ALIQUOT_ASK(clFinish);
  ALIQUOT_ASK(clEnqueueReadBuffer);
  ALIQUOT_ASK(clEnqueueReadBufferRect);
  ALIQUOT_ASK(clEnqueueWriteBuffer);
  ALIQUOT_ASK(clEnqueueWriteBufferRect);
  ALIQUOT_ASK(clEnqueueCopyBuffer);
  ALIQUOT_ASK(clEnqueueCopyBufferRect);
  ALIQUOT_ASK(clEnqueueFillBuffer);
  ALIQUOT_ASK(clEnqueueMigrateMemObjects);
  ALIQUOT_ASK(clEnqueueNDRangeKernel);
  ALIQUOT_ASK(clEnqueueMarkerWithWaitList);
  ALIQUOT_ASK(clEnqueueBarrierWithWaitList);
  ALIQUOT_ASK(clCreateSubDevices);
  ALIQUOT_ASK(clRetainDevice);
  ALIQUOT_ASK(clReleaseDevice);
  ALIQUOT_ASK(clGetDeviceAndHostTimer);
#undef ALIQUOT_ASK
  return calls;
}

template <class Query>
std::vector<unsigned char> information(Query query) {
  size_t size = 0;
  if (query(0, nullptr, &size) != CL_SUCCESS || size == 0 || size > kLargestAnswer) return {};
  std::vector<unsigned char> bytes(size);
  if (query(size, bytes.data(), nullptr) != CL_SUCCESS) return {};
  return bytes;
}

std::string text_of(const std::vector<unsigned char>& bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  return bytes.empty() ? std::string() : std::string(text, strnlen(text, bytes.size()));
}

}  // namespace

cl_icd_dispatch usable_calls(const cl_icd_dispatch& table, int version) {
  size_t bytes = sizeof table;
  if (version < 21) bytes = offsetof(cl_icd_dispatch, clCloneKernel);
  if (version < 20) bytes = offsetof(cl_icd_dispatch, clCreateCommandQueueWithProperties);
  if (version < 12) bytes = offsetof(cl_icd_dispatch, clCreateSubDevices);
  cl_icd_dispatch calls{};
  std::memcpy(&calls, &table, bytes);
  return calls;
}

int platform_version(const cl_icd_dispatch& calls, cl_platform_id platform) {
  int major = 1;
  int minor = 0;
  const std::string text = platform_text(calls, platform, CL_PLATFORM_VERSION);
  if (std::sscanf(text.c_str(), "OpenCL %d.%d", &major, &minor) != 2) return 10;
  return major * 10 + minor;
}

std::string load_platforms(const char* library, std::vector<Platform>& platforms,
                           std::string* path) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return std::string("The driver library can't be loaded: ") + (reason ? reason : "no reason");
  }
  if (path != nullptr) *path = path_of(handle, library);
  const auto get = reinterpret_cast<GetPlatforms>(find_function(handle, "clIcdGetPlatformIDsKHR"));
  if (get == nullptr) return "The library is no OpenCL driver: it has no clIcdGetPlatformIDsKHR.";
  cl_platform_id ids[kMostPlatforms] = {};
  cl_uint count = 0;
  if (get(kMostPlatforms, ids, &count) != CL_SUCCESS || count == 0) {
    return "The driver found no platform.";
  }
  const auto find = reinterpret_cast<GetPlatformFunction>(
      find_function(handle, "clIcdGetFunctionAddressForPlatformKHR"));
  for (cl_uint i = 0; i < count && i < kMostPlatforms; ++i) {
    const cl_icd_dispatch* table = table_of(ids[i]);
    if (table == nullptr) return "The driver has a platform without a dispatch table.";
    Platform platform;
    platform.id = ids[i];
    if (reinterpret_cast<intptr_t>(table->clGetPlatformIDs) == kSecondInterfaceTag) {
      if (find == nullptr) return "The driver names no functions for its platform.";
      platform.calls = ask_functions(find, ids[i]);
    } else {
      platform.calls = usable_calls(*table, platform_version(*table, ids[i]));
    }
    if (platform.calls.clGetPlatformInfo == nullptr || platform.calls.clGetDeviceIDs == nullptr) {
      return "The driver lacks functions that every OpenCL driver has.";
    }
    platforms.push_back(platform);
  }
  return {};
}

std::vector<cl_device_id> list_devices(const Platform& platform) {
  cl_device_id ids[kMostDevices] = {};
  cl_uint count = 0;
  if (platform.calls.clGetDeviceIDs(platform.id, CL_DEVICE_TYPE_ALL, kMostDevices, ids, &count) !=
      CL_SUCCESS) {
    return {};
  }
  return {ids, ids + (count < kMostDevices ? count : kMostDevices)};
}

namespace {

bool is_intels_cpu(const Driver& driver) {
  return device_number<cl_device_type>(driver.calls, driver.device, CL_DEVICE_TYPE, 0) ==
             CL_DEVICE_TYPE_CPU &&
         platform_text(driver.calls, driver.platform, CL_PLATFORM_NAME).starts_with("Intel(R)");
}

}  // namespace

Driver::Driver(const cl_icd_dispatch& table, int version, cl_platform_id platform_id,
               cl_device_id device_id)
    : calls(usable_calls(table, version)), platform(platform_id), device(device_id) {
  unified_memory =
      device_number<cl_bool>(calls, device, CL_DEVICE_HOST_UNIFIED_MEMORY, CL_FALSE) == CL_TRUE;
  native_kernels = calls.clEnqueueNativeKernel != nullptr &&
                   (device_number<cl_device_exec_capabilities>(
                        calls, device, CL_DEVICE_EXECUTION_CAPABILITIES, 0) &
                    CL_EXEC_NATIVE_KERNEL) != 0;
  if (is_intels_cpu(*this)) {
    // Seen with its releases of 2026. It runs what waits for a user event that has failed, and then crashes
    // in clFinish or when the queue is released, where that was out of order.
    given_up_status = CL_COMPLETE;
    // Two builds at once now and then crash in its compiler, or never end: on a busy machine one of forty
    // processes that built a few dozen programs, without a worker too. What a vanished guest process left
    // to be built still has another beside it: it may never end.
    builds_together = false;
  }
}

std::vector<unsigned char> platform_information(const cl_icd_dispatch& calls, cl_platform_id id,
                                                cl_platform_info parameter) {
  return information([&](size_t capacity, void* out, size_t* size) {
    return calls.clGetPlatformInfo(id, parameter, capacity, out, size);
  });
}

std::vector<unsigned char> device_information(const cl_icd_dispatch& calls, cl_device_id id,
                                              cl_device_info parameter) {
  return information([&](size_t capacity, void* out, size_t* size) {
    return calls.clGetDeviceInfo(id, parameter, capacity, out, size);
  });
}

std::string device_text(const cl_icd_dispatch& calls, cl_device_id id, cl_device_info parameter) {
  return text_of(device_information(calls, id, parameter));
}

std::string platform_text(const cl_icd_dispatch& calls, cl_platform_id id,
                          cl_platform_info parameter) {
  return text_of(platform_information(calls, id, parameter));
}

}  // namespace aliquot::worker
