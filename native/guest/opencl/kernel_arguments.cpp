// Kernel arguments: a snapshot here, checked at once as the specification demands, and sent with
// the next launch where it changed.
#include "generated/opencl_functions.h"
#include "guest/opencl/kernel_reply.h"
#include "guest/opencl/program.h"

namespace aliquot::guest::opencl {

namespace {

cl_int set_buffer(Kernel& kernel, KernelArgument& argument, size_t size, const void* value) {
  if (size != sizeof(cl_mem)) return CL_INVALID_ARG_SIZE;
  cl_mem handle = nullptr;
  if (value != nullptr) memcpy(&handle, value, sizeof handle);
  Buffer* buffer = from_handle<Buffer>(handle);
  if (handle != nullptr && (buffer == nullptr || buffer->context != kernel.context)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (argument.set && argument.buffer == buffer) return CL_SUCCESS;
  // The struct is kept, not the buffer: the specification has kernels hold no buffers, and a launch
  // with one that is gone is an error, not a crash.
  if (buffer != nullptr) pin(*buffer);
  if (argument.buffer != nullptr) unpin(*argument.buffer);
  argument.buffer = buffer;
  argument.sent = false;
  argument.set = true;
  return CL_SUCCESS;
}

cl_int set_value(KernelArgument& argument, size_t size, const void* value) {
  if (size == 0 || size > kLargestValue ||
      (argument.declared_bytes != 0 && size != argument.declared_bytes)) {
    return CL_INVALID_ARG_SIZE;
  }
  if (value == nullptr) return CL_INVALID_ARG_VALUE;
  if (argument.value == nullptr) {
    // Of its final size at once: its place must not change while another thread launches.
    argument.capacity = argument.declared_bytes != 0 ? argument.declared_bytes : kLargestValue;
    argument.value = static_cast<unsigned char*>(malloc(argument.capacity));
    if (argument.value == nullptr) return CL_OUT_OF_HOST_MEMORY;
  } else if (argument.set && argument.bytes == size &&
             memcmp(argument.value, value, size) == 0) {
    return CL_SUCCESS;
  }
  memcpy(argument.value, value, size);
  argument.bytes = static_cast<uint32_t>(size);
  argument.sent = false;
  argument.set = true;
  return CL_SUCCESS;
}

cl_int set_local(KernelArgument& argument, size_t size, const void* value) {
  if (value != nullptr) return CL_INVALID_ARG_VALUE;
  if (size == 0 || size > UINT32_MAX) return CL_INVALID_ARG_SIZE;
  if (argument.set && argument.local_bytes == size) return CL_SUCCESS;
  argument.local_bytes = size;
  argument.sent = false;
  argument.set = true;
  return CL_SUCCESS;
}

}  // namespace

cl_int SetKernelArg(cl_kernel handle, cl_uint arg_index, size_t arg_size, const void* arg_value) {
  Kernel* kernel = from_handle<Kernel>(handle);
  if (kernel == nullptr) return CL_INVALID_KERNEL;
  if (arg_index >= kernel->argument_count) return CL_INVALID_ARG_INDEX;
  KernelArgument& argument = kernel->arguments[arg_index];
  switch (argument.type) {
    case ArgumentClass::kValue:
      return set_value(argument, arg_size, arg_value);
    case ArgumentClass::kBuffer:
      return set_buffer(*kernel, argument, arg_size, arg_value);
    case ArgumentClass::kLocal:
      return set_local(argument, arg_size, arg_value);
    case ArgumentClass::kSampler:  // no object of these kinds can exist
      return CL_INVALID_SAMPLER;
    case ArgumentClass::kImage:
      return CL_INVALID_MEM_OBJECT;
    case ArgumentClass::kOther:
      break;
  }
  return CL_INVALID_ARG_VALUE;
}

cl_int copy_arguments(const Kernel& source, Kernel& target) {
  for (uint32_t i = 0; i < source.argument_count && i < target.argument_count; ++i) {
    const KernelArgument& from = source.arguments[i];
    KernelArgument& to = target.arguments[i];
    if (!from.set || to.type != from.type) continue;
    cl_int status = CL_SUCCESS;
    if (from.type == ArgumentClass::kValue) {
      status = set_value(to, from.bytes, from.value);
    } else if (from.type == ArgumentClass::kLocal) {
      status = set_local(to, from.local_bytes, nullptr);
    } else {
      // Pinned by the source already, so even a dead buffer may be copied: the launch refuses it.
      if (from.buffer != nullptr) pin(*from.buffer);
      to.buffer = from.buffer;
      to.set = true;
    }
    if (status != CL_SUCCESS) return status;
  }
  return CL_SUCCESS;
}

}  // namespace aliquot::guest::opencl
