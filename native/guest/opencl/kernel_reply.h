// Taking apart the worker's answer to create_kernel.
#pragma once

#include <cstddef>

#include "guest/opencl/objects.h"

namespace aliquot::guest::opencl {

constexpr uint32_t kMostArguments = 4096;
constexpr uint32_t kLargestValue = 4096;  // bytes of an argument passed by value

/// Fills Kernel::arguments and what belongs to it from the answer's bytes (a private copy).
/// CL_SUCCESS, CL_OUT_OF_HOST_MEMORY, or CL_OUT_OF_RESOURCES for an answer that makes no sense.
cl_int read_arguments(Kernel& kernel, const unsigned char* data, size_t bytes);

}  // namespace aliquot::guest::opencl
