#include "generated/opencl_functions.h"
#include "guest/opencl/info_cache.h"
#include "guest/opencl/program.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostDevices = 256;

/// An answer of the driver about the whole program; the lock must be held.
const CachedInfo* ask_program(Program& program, cl_program_info name) {
  ProgramInfoCommand command;
  command.program = program.id;
  command.parameter = name;
  return cached_ask(*program.connection, &program.infos, 0, command);
}

/// CL_PROGRAM_BINARIES: `target.value` is an array of pointers, of which each that isn't null gets
/// one binary.
cl_int tell_binaries(Program& program, const InfoTarget& target) {
  const size_t count = program.devices.size();
  if (target.size_ret != nullptr) *target.size_ret = count * sizeof(unsigned char*);
  if (target.value == nullptr) return CL_SUCCESS;
  if (target.room < count * sizeof(unsigned char*)) return CL_INVALID_VALUE;
  if (program.connection->forked()) return CL_OUT_OF_RESOURCES;
  if (program.id == 0) return CL_SUCCESS;  // not built: there are none
  LockGuard guard(program.lock);
  const CachedInfo* sizes = ask_program(program, CL_PROGRAM_BINARY_SIZES);
  const CachedInfo* bytes = ask_program(program, CL_PROGRAM_BINARIES);
  if (sizes == nullptr || bytes == nullptr) return tell(*program.connection, nullptr, target);
  if (sizes->status != CL_SUCCESS) return sizes->status;
  if (bytes->status != CL_SUCCESS) return bytes->status;
  unsigned char* const* outputs = static_cast<unsigned char* const*>(target.value);
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    size_t size = 0;
    if ((i + 1) * sizeof size > sizes->size) return CL_OUT_OF_RESOURCES;
    memcpy(&size, sizes->data() + i * sizeof size, sizeof size);
    if (size > bytes->size - at) return CL_OUT_OF_RESOURCES;
    if (outputs[i] != nullptr && size != 0) memcpy(outputs[i], bytes->data() + at, size);
    at += size;
  }
  return CL_SUCCESS;
}

/// What the driver says, or what is true of a program that it hasn't seen yet.
cl_int tell_from_driver(Program& program, cl_program_info name, const InfoTarget& target) {
  if (program.connection->forked()) return CL_OUT_OF_RESOURCES;
  LockGuard guard(program.lock);
  if (program.id == 0) {
    switch (name) {
      case CL_PROGRAM_BINARY_SIZES: {
        const size_t zeros[kMostDevices] = {};
        return target.bytes(zeros, program.devices.size() * sizeof(size_t));
      }
      case CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT:
      case CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT:
        return target.value_of<cl_bool>(CL_FALSE);
      default:
        return CL_INVALID_PROGRAM_EXECUTABLE;
    }
  }
  if (program.connection->dead()) return CL_OUT_OF_RESOURCES;
  return tell(*program.connection, ask_program(program, name), target);
}

}  // namespace

cl_int GetProgramInfo(cl_program handle, cl_program_info param_name, size_t param_value_size,
                      void* param_value, size_t* param_value_size_ret) {
  Program* program = from_handle<Program>(handle);
  if (program == nullptr) return CL_INVALID_PROGRAM;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_PROGRAM_REFERENCE_COUNT:
      return target.value_of<cl_uint>(program->references.load(std::memory_order_relaxed));
    case CL_PROGRAM_CONTEXT:
      return target.value_of(to_handle(program->context));
    case CL_PROGRAM_NUM_DEVICES:
      return target.value_of(static_cast<cl_uint>(program->devices.size()));
    case CL_PROGRAM_DEVICES: {
      cl_device_id devices[kMostDevices];
      for (size_t i = 0; i < program->devices.size(); ++i) {
        devices[i] = to_handle(program->devices[i]);
      }
      return target.bytes(devices, program->devices.size() * sizeof devices[0]);
    }
    case CL_PROGRAM_SOURCE:
      return program->source == nullptr ? target.text("")
                                        : target.bytes(program->source, program->source_bytes + 1);
    case CL_PROGRAM_IL:  // programs from IL are not supported, so none has any
      return target.bytes(nullptr, 0);
    case CL_PROGRAM_BINARIES:
      return tell_binaries(*program, target);
    case CL_PROGRAM_BINARY_SIZES:
    case CL_PROGRAM_NUM_KERNELS:
    case CL_PROGRAM_KERNEL_NAMES:
    case CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT:
    case CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT:
      return tell_from_driver(*program, param_name, target);
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int GetProgramBuildInfo(cl_program handle, cl_device_id device_handle,
                           cl_program_build_info param_name, size_t param_value_size,
                           void* param_value, size_t* param_value_size_ret) {
  Program* program = from_handle<Program>(handle);
  if (program == nullptr) return CL_INVALID_PROGRAM;
  const Device* device = from_handle<Device>(device_handle);
  bool known = false;
  for (const Device* own : program->devices) known = known || own == device;
  if (device == nullptr || !known) return CL_INVALID_DEVICE;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  const cl_build_status status = program->status.load(std::memory_order_relaxed);
  // With one device, or before the first build, the status needs no question and no lock: another
  // thread may be building right now.
  if (param_name == CL_PROGRAM_BUILD_STATUS &&
      (program->devices.size() == 1 || status != CL_BUILD_ERROR)) {
    return target.value_of(status);
  }
  switch (param_name) {
    case CL_PROGRAM_BUILD_STATUS:
    case CL_PROGRAM_BUILD_OPTIONS:
    case CL_PROGRAM_BUILD_LOG:
    case CL_PROGRAM_BINARY_TYPE:
    case CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE:
      break;
    default:
      return CL_INVALID_VALUE;
  }
  if (program->connection->forked()) return CL_OUT_OF_RESOURCES;
  LockGuard guard(program->lock);
  if (param_name == CL_PROGRAM_BUILD_OPTIONS) return target.text(program->options);
  if (program->id == 0) {
    switch (param_name) {
      case CL_PROGRAM_BUILD_LOG:
        return target.text("");
      case CL_PROGRAM_BINARY_TYPE:
        return target.value_of<cl_program_binary_type>(CL_PROGRAM_BINARY_TYPE_NONE);
      case CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE:
        return target.value_of<size_t>(0);
      default:
        return target.value_of(status);
    }
  }
  if (program->connection->dead()) return CL_OUT_OF_RESOURCES;
  ProgramBuildInfoCommand command;
  command.program = program->id;
  command.device = device->id;
  command.parameter = param_name;
  return tell(*program->connection,
              cached_ask(*program->connection, &program->infos, device->id, command), target);
}

}  // namespace aliquot::guest::opencl
