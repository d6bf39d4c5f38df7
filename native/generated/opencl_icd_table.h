// Made by `python -m tools.generate` from spec/opencl/functions.toml; do not edit. Every function
// by its slot and by its name.
#pragma once

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl.h>
#include <CL/cl_egl.h>
#include <CL/cl_ext.h>
#include <CL/cl_gl.h>
#include <CL/cl_icd.h>

namespace aliquot::guest::opencl {

// What every object points to: one function a slot, none of them null.
extern const cl_icd_dispatch kDispatchTable;

// The function of that name, even one that only returns an error; nullptr for any other
// name. For loaders that fill a table of their own.
void* find_function(const char* name);

// Likewise, without the unsupported: programs take a pointer as a promise.
void* find_supported_function(const char* name);

}  // namespace aliquot::guest::opencl
