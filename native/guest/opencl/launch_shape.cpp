#include "guest/opencl/launch_shape.h"

#include <cstring>

#include "guest/opencl/kernel_info.h"

namespace aliquot::guest::opencl {

namespace {

/// Whether the program said that all work-groups have the same size. Programs for OpenCL C 1.x say
/// so by their language version.
bool uniform_by_options(const Program& program) {
  const char* options = program.options;
  if (options == nullptr) return false;
  return strstr(options, "-cl-uniform-work-group-size") != nullptr ||
         strstr(options, "-cl-std=CL1") != nullptr;
}

cl_int check_local(const Queue& queue, Kernel& kernel, cl_uint dimensions, const size_t* global,
                   const size_t* local) {
  const Device& device = *queue.device;
  const GroupLimits* limits = group_limits(kernel, device);
  if (limits == nullptr) return CL_OUT_OF_HOST_MEMORY;
  size_t items = 1;
  bool divides = true;
  for (cl_uint i = 0; i < dimensions; ++i) {
    if (local[i] == 0) return CL_INVALID_WORK_GROUP_SIZE;
    if (local[i] > device.max_work_item_sizes[i]) return CL_INVALID_WORK_ITEM_SIZE;
    if (__builtin_mul_overflow(items, local[i], &items)) return CL_INVALID_WORK_GROUP_SIZE;
    divides = divides && global[i] % local[i] == 0;
  }
  if (items > device.max_work_group_size || items > limits->most_items) {
    return CL_INVALID_WORK_GROUP_SIZE;
  }
  if (limits->required[0] != 0) {
    for (cl_uint i = 0; i < 3; ++i) {
      const size_t given = i < dimensions ? local[i] : 1;
      if (given != limits->required[i]) return CL_INVALID_WORK_GROUP_SIZE;
    }
  }
  if (!divides && (!device.non_uniform_work_groups || uniform_by_options(*kernel.program))) {
    return CL_INVALID_WORK_GROUP_SIZE;
  }
  return CL_SUCCESS;
}

}  // namespace

cl_int shape_launch(const Queue& queue, Kernel& kernel, cl_uint dimensions, const size_t* offset,
                    const size_t* global, const size_t* local, LaunchShape* out) {
  const Device& device = *queue.device;
  if (dimensions < 1 || dimensions > device.dimensions) return CL_INVALID_WORK_DIMENSION;
  // From OpenCL 2.1 on an index space may be empty; before, it is an error.
  const bool may_be_empty = device.version >= 210;
  if (global == nullptr) {
    if (!may_be_empty) return CL_INVALID_GLOBAL_WORK_SIZE;
    out->empty = true;
    return CL_SUCCESS;
  }
  out->dimensions = dimensions;
  for (cl_uint i = 0; i < dimensions; ++i) {
    if (global[i] == 0) {
      if (!may_be_empty) return CL_INVALID_GLOBAL_WORK_SIZE;
      out->empty = true;
    }
    out->words[out->count++] = global[i];
  }
  if (local != nullptr) {
    if (!out->empty) {
      const cl_int status = check_local(queue, kernel, dimensions, global, local);
      if (status != CL_SUCCESS) return status;
    }
    out->flags |= kHasLocal;
    for (cl_uint i = 0; i < dimensions; ++i) out->words[out->count++] = local[i];
  }
  if (offset != nullptr) {
    out->flags |= kHasOffset;
    for (cl_uint i = 0; i < dimensions; ++i) {
      if (offset[i] > SIZE_MAX - global[i]) return CL_INVALID_GLOBAL_OFFSET;
      out->words[out->count++] = offset[i];
    }
  }
  return CL_SUCCESS;
}

}  // namespace aliquot::guest::opencl
