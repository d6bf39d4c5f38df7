// Platform and device of the stub driver.
#include <algorithm>
#include <cstring>

#include "stub_objects.h"

namespace aliquot::stub {

_cl_device_id root_device;

cl_int retain_device(cl_device_id id) {
  check(id);
  if (id != &root_device) retain(id);
  return CL_SUCCESS;
}

cl_int release_device(cl_device_id id) {
  check(id);
  if (id == &root_device || id->references.fetch_sub(1) != 1) return CL_SUCCESS;
  id->magic = kDead;
  delete id;
  return CL_SUCCESS;
}

namespace {

_cl_platform_id platform;

cl_int GetPlatformIDs(cl_uint entries, cl_platform_id* platforms, cl_uint* count) {
  if (count != nullptr) *count = 1;
  if (platforms != nullptr && entries > 0) platforms[0] = &platform;
  return CL_SUCCESS;
}

cl_int GetPlatformInfo(cl_platform_id id, cl_platform_info name, size_t capacity, void* out,
                       size_t* size) {
  if (id != nullptr) check(id);
  switch (name) {
    case CL_PLATFORM_NAME: return answer_text("Aliquot stub", capacity, out, size);
    case CL_PLATFORM_VENDOR: return answer_text("Aliquot tests", capacity, out, size);
    case CL_PLATFORM_VERSION: return answer_text("OpenCL 3.0 stub", capacity, out, size);
    case CL_PLATFORM_PROFILE: return answer_text("FULL_PROFILE", capacity, out, size);
    case CL_PLATFORM_EXTENSIONS: return answer_text("cl_khr_icd", capacity, out, size);
    case CL_PLATFORM_ICD_SUFFIX_KHR: return answer_text("STUB", capacity, out, size);
    case CL_PLATFORM_NUMERIC_VERSION:
      return answer<cl_version>(CL_MAKE_VERSION(3, 0, 0), capacity, out, size);
    default: return CL_INVALID_VALUE;
  }
}

cl_int GetDeviceIDs(cl_platform_id id, cl_device_type type, cl_uint entries, cl_device_id* devices,
                    cl_uint* count) {
  if (id != nullptr) check(id);
  if ((type & (CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_DEFAULT)) == 0) return CL_DEVICE_NOT_FOUND;
  if (count != nullptr) *count = 1;
  if (devices != nullptr && entries > 0) devices[0] = &root_device;
  return CL_SUCCESS;
}

cl_int GetDeviceInfo(cl_device_id id, cl_device_info name, size_t capacity, void* out,
                     size_t* size) {
  check(id);
  const size_t item_sizes[3] = {1024, 1024, 1024};
  switch (name) {
    case CL_DEVICE_TYPE: return answer<cl_device_type>(CL_DEVICE_TYPE_CPU, capacity, out, size);
    case CL_DEVICE_NAME: return answer_text("stub device", capacity, out, size);
    case CL_DEVICE_VENDOR: return answer_text("Aliquot tests", capacity, out, size);
    case CL_DRIVER_VERSION: return answer_text("1", capacity, out, size);
    case CL_DEVICE_VERSION: return answer_text("OpenCL 3.0 stub", capacity, out, size);
    case CL_DEVICE_OPENCL_C_VERSION: return answer_text("OpenCL C 1.2 stub", capacity, out, size);
    case CL_DEVICE_PROFILE: return answer_text("FULL_PROFILE", capacity, out, size);
    case CL_DEVICE_EXTENSIONS:
      return answer_text("cl_khr_global_int32_base_atomics", capacity, out, size);
    case CL_DEVICE_PLATFORM: return answer<cl_platform_id>(&platform, capacity, out, size);
    case CL_DEVICE_PARENT_DEVICE: return answer<cl_device_id>(id->parent, capacity, out, size);
    case CL_DEVICE_MAX_COMPUTE_UNITS: return answer<cl_uint>(id->units, capacity, out, size);
    case CL_DEVICE_PARTITION_MAX_SUB_DEVICES:
      return answer<cl_uint>(id->units, capacity, out, size);
    case CL_DEVICE_GLOBAL_MEM_SIZE: return answer<cl_ulong>(1u << 30, capacity, out, size);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: return answer<cl_ulong>(1u << 30, capacity, out, size);
    case CL_DEVICE_LOCAL_MEM_SIZE: return answer<cl_ulong>(65536, capacity, out, size);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE: return answer<size_t>(1024, capacity, out, size);
    case CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS: return answer<cl_uint>(3, capacity, out, size);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
      return answer_bytes(item_sizes, sizeof item_sizes, capacity, out, size);
    case CL_DEVICE_MAX_PARAMETER_SIZE: return answer<size_t>(1024, capacity, out, size);
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN: return answer<cl_uint>(1024, capacity, out, size);
    case CL_DEVICE_ADDRESS_BITS: return answer<cl_uint>(64, capacity, out, size);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_LINKER_AVAILABLE:
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
    case CL_DEVICE_ENDIAN_LITTLE: return answer<cl_bool>(CL_TRUE, capacity, out, size);
    case CL_DEVICE_IMAGE_SUPPORT: return answer<cl_bool>(CL_FALSE, capacity, out, size);
    case CL_DEVICE_EXECUTION_CAPABILITIES:
      return answer<cl_device_exec_capabilities>(CL_EXEC_KERNEL | CL_EXEC_NATIVE_KERNEL, capacity,
                                                 out, size);
    case CL_DEVICE_QUEUE_PROPERTIES:
      return answer<cl_command_queue_properties>(CL_QUEUE_PROFILING_ENABLE, capacity, out, size);
    default: return CL_INVALID_VALUE;
  }
}

cl_int CreateSubDevices(cl_device_id parent, const cl_device_partition_property* properties,
                        cl_uint entries, cl_device_id* devices, cl_uint* count) {
  check(parent);
  if (properties == nullptr || properties[0] != CL_DEVICE_PARTITION_EQUALLY) {
    return CL_INVALID_VALUE;
  }
  const auto each = static_cast<cl_uint>(properties[1]);
  if (each == 0 || each > parent->units) return CL_INVALID_VALUE;
  const cl_uint made = parent->units / each;
  if (count != nullptr) *count = made;
  if (devices == nullptr) return CL_SUCCESS;
  if (entries < made) return CL_INVALID_VALUE;
  for (cl_uint i = 0; i < made; ++i) {
    devices[i] = new _cl_device_id;
    devices[i]->units = each;
    devices[i]->parent = parent;
  }
  return CL_SUCCESS;
}

}  // namespace

void add_device_functions(cl_icd_dispatch* table) {
  table->clGetPlatformIDs = GetPlatformIDs;
  table->clGetPlatformInfo = GetPlatformInfo;
  table->clGetDeviceIDs = GetDeviceIDs;
  table->clGetDeviceInfo = GetDeviceInfo;
  table->clCreateSubDevices = CreateSubDevices;
  table->clRetainDevice = retain_device;
  table->clReleaseDevice = release_device;
}

}  // namespace aliquot::stub
