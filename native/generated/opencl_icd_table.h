// Made by `python -m tools.generate` from spec/opencl/functions.toml; do not edit. Every function
// by its slot and by its name.
#pragma once

#include <cstddef>

namespace aliquot::guest::opencl {

// What every object points to, laid out as cl_icd_dispatch: one function a slot.
// Null slots follow, for loaders that know more slots than this table.
constexpr size_t kReservedSlots = 16;
extern void* const kDispatchTable[];

// The function of that name, even one that only returns an error; nullptr for any other
// name. For loaders that fill a table of their own.
void* find_function(const char* name);

// Likewise, without the unsupported: programs take a pointer as a promise.
void* find_supported_function(const char* name);

}  // namespace aliquot::guest::opencl
