// The dispatch table of the stub driver.
#include <cstring>

#include "stub_objects.h"

namespace aliquot::stub {

cl_int answer_bytes(const void* data, size_t bytes, size_t capacity, void* out, size_t* size) {
  if (size != nullptr) *size = bytes;
  if (out == nullptr) return CL_SUCCESS;
  if (capacity < bytes) return CL_INVALID_VALUE;
  if (bytes != 0) std::memcpy(out, data, bytes);
  return CL_SUCCESS;
}

namespace {

cl_icd_dispatch make_dispatch() {
  cl_icd_dispatch table{};
  add_device_functions(&table);
  add_context_functions(&table);
  add_memory_functions(&table);
  add_program_functions(&table);
  add_kernel_functions(&table);
  add_event_functions(&table);
  log_calls(&table);
  return table;
}

}  // namespace

const cl_icd_dispatch kDispatch = make_dispatch();

constinit std::atomic<int> g_living{0};

int living() {
  constexpr int kAlways = 2;  // the platform and the root device
  return g_living.load() - kAlways;
}

}  // namespace aliquot::stub
