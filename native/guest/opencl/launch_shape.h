// The index space of a launch, checked against the device and the kernel.
#pragma once

#include "guest/opencl/internal.h"

namespace aliquot::guest::opencl {

constexpr uint32_t kHasLocal = 1;   // flags of the launch command
constexpr uint32_t kHasOffset = 2;
constexpr uint32_t kIsTask = 4;

struct LaunchShape {
  uint64_t words[9];   // global sizes, then local sizes and offsets where flags say so
  uint32_t count = 0;
  uint32_t dimensions = 0;
  uint32_t flags = 0;
  bool empty = false;  // nothing to run: only a place in the queue's order
};

/// What clEnqueueNDRangeKernel was given → what the worker is told, or the error that the
/// specification names.
cl_int shape_launch(const Queue& queue, Kernel& kernel, cl_uint dimensions, const size_t* offset,
                    const size_t* global, const size_t* local, LaunchShape* out);

}  // namespace aliquot::guest::opencl
