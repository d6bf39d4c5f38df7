// What the files about programs and kernels share.
#pragma once

#include "guest/opencl/internal.h"

namespace aliquot::guest::opencl {

/// A program of the context for these devices (all of the context's when `count` is 0), without an
/// id; nullptr with `status` set.
Program* make_program(Context& context, cl_uint count, const cl_device_id* devices,
                      cl_int* status);

/// Has the worker make the program from `text` unless it did already; the program's lock must be
/// held. A program made from another text before is replaced.
cl_int create_remotely(Program& program, const char* text, size_t bytes);

/// Gives `target` the arguments that `source` has. CL_SUCCESS or CL_OUT_OF_HOST_MEMORY.
cl_int copy_arguments(const Kernel& source, Kernel& target);

/// Copies a string; nullptr stays nullptr. False: no memory.
bool copy_string(char** target, const char* source);

}  // namespace aliquot::guest::opencl
