// Answering information queries: the same three rules for every clGet…Info.
#pragma once

#include <cstring>

#include "guest/opencl/objects.h"

namespace aliquot::guest::opencl {

/// Where the program wants an answer.
struct InfoTarget {
  size_t room;       // param_value_size
  void* value;       // param_value, may be null
  size_t* size_ret;  // param_value_size_ret, may be null

  /// Hands out `size` bytes. CL_INVALID_VALUE when there is less room.
  cl_int bytes(const void* data, size_t size) const {
    if (value != nullptr) {
      if (room < size) return CL_INVALID_VALUE;
      if (size != 0) memcpy(value, data, size);
    }
    if (size_ret != nullptr) *size_ret = size;
    return CL_SUCCESS;
  }

  template <class T>
  cl_int value_of(const T& answer) const {
    static_assert(std::is_trivially_copyable_v<T>);
    return bytes(&answer, sizeof answer);
  }

  /// A string with its terminating zero; nullptr is the empty string.
  cl_int text(const char* string) const {
    return string == nullptr ? bytes("", 1) : bytes(string, strlen(string) + 1);
  }
};

}  // namespace aliquot::guest::opencl
