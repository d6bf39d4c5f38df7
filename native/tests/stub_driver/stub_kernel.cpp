// Kernels of the stub driver and their launch.
#include <algorithm>
#include <cstring>

#include "stub_objects.h"

namespace aliquot::stub {

namespace {

cl_kernel CreateKernel(cl_program program, const char* name, cl_int* error) {
  check(program);
  auto kernel = std::make_unique<_cl_kernel>();
  if (!program->built) {
    set_error(error, CL_INVALID_PROGRAM_EXECUTABLE);
    return nullptr;
  }
  if (!parse_kernel(program->source, name, &kernel->arguments)) {
    set_error(error, CL_INVALID_KERNEL_NAME);
    return nullptr;
  }
  kernel->program = program;
  kernel->name = name;
  retain(program);
  set_error(error, CL_SUCCESS);
  return kernel.release();
}

cl_int ReleaseKernel(cl_kernel kernel) {
  check(kernel);
  if (kernel->references.fetch_sub(1) != 1) return CL_SUCCESS;
  release_program(kernel->program);
  kernel->magic = kDead;
  delete kernel;
  return CL_SUCCESS;
}

cl_kernel CloneKernel(cl_kernel source, cl_int* error) {
  check(source);
  cl_kernel kernel = CreateKernel(source->program, source->name.c_str(), error);
  if (kernel != nullptr) kernel->arguments = source->arguments;
  return kernel;
}

cl_int SetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void* value) {
  check(kernel);
  if (index >= kernel->arguments.size()) return CL_INVALID_ARG_INDEX;
  StubArgument& argument = kernel->arguments[index];
  switch (argument.argument_class) {
    case StubArgument::kLocal:
      if (value != nullptr) return CL_INVALID_ARG_VALUE;
      if (size == 0) return CL_INVALID_ARG_SIZE;
      break;
    case StubArgument::kBuffer:
      if (size != sizeof(cl_mem)) return CL_INVALID_ARG_SIZE;
      argument.buffer = value != nullptr ? *static_cast<const cl_mem*>(value) : nullptr;
      if (argument.buffer != nullptr) check(argument.buffer);
      break;
    case StubArgument::kValue:
      if (value == nullptr) return CL_INVALID_ARG_VALUE;
      if (size != 4) return CL_INVALID_ARG_SIZE;
      break;
  }
  argument.set = true;
  return CL_SUCCESS;
}

cl_int GetKernelInfo(cl_kernel kernel, cl_kernel_info name, size_t capacity, void* out,
                     size_t* size) {
  check(kernel);
  switch (name) {
    case CL_KERNEL_FUNCTION_NAME: return answer_text(kernel->name.c_str(), capacity, out, size);
    case CL_KERNEL_NUM_ARGS:
      return answer<cl_uint>(static_cast<cl_uint>(kernel->arguments.size()), capacity, out, size);
    case CL_KERNEL_ATTRIBUTES: return answer_text("", capacity, out, size);
    default: return CL_INVALID_VALUE;
  }
}

cl_int GetKernelArgInfo(cl_kernel kernel, cl_uint index, cl_kernel_arg_info name, size_t capacity,
                        void* out, size_t* size) {
  check(kernel);
  if (index >= kernel->arguments.size()) return CL_INVALID_ARG_INDEX;
  const StubArgument& argument = kernel->arguments[index];
  const bool value = argument.argument_class == StubArgument::kValue;
  switch (name) {
    case CL_KERNEL_ARG_ADDRESS_QUALIFIER:
      return answer<cl_uint>(value ? CL_KERNEL_ARG_ADDRESS_PRIVATE
                             : argument.argument_class == StubArgument::kLocal
                                 ? CL_KERNEL_ARG_ADDRESS_LOCAL
                                 : CL_KERNEL_ARG_ADDRESS_GLOBAL,
                             capacity, out, size);
    case CL_KERNEL_ARG_ACCESS_QUALIFIER:
      return answer<cl_uint>(CL_KERNEL_ARG_ACCESS_NONE, capacity, out, size);
    case CL_KERNEL_ARG_TYPE_NAME: return answer_text(value ? "int" : "int*", capacity, out, size);
    case CL_KERNEL_ARG_TYPE_QUALIFIER: return answer<cl_ulong>(0, capacity, out, size);
    case CL_KERNEL_ARG_NAME: return answer_text(argument.name.c_str(), capacity, out, size);
    default: return CL_INVALID_VALUE;
  }
}

cl_int GetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id id, cl_kernel_work_group_info name,
                              size_t capacity, void* out, size_t* size) {
  check(kernel);
  if (id != nullptr) check(id);
  const size_t none[3] = {0, 0, 0};
  switch (name) {
    case CL_KERNEL_WORK_GROUP_SIZE: return answer<size_t>(1024, capacity, out, size);
    case CL_KERNEL_COMPILE_WORK_GROUP_SIZE:
      return answer_bytes(none, sizeof none, capacity, out, size);
    case CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE:
      return answer<size_t>(1, capacity, out, size);
    case CL_KERNEL_LOCAL_MEM_SIZE:
    case CL_KERNEL_PRIVATE_MEM_SIZE: return answer<cl_ulong>(0, capacity, out, size);
    default: return CL_INVALID_VALUE;
  }
}

cl_int EnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                            const size_t*, const size_t* global, const size_t*, cl_uint wait_count,
                            const cl_event* wait, cl_event* event) {
  check(queue);
  check(kernel);
  if (dimensions < 1 || dimensions > 3) return CL_INVALID_WORK_DIMENSION;
  if (global == nullptr) return CL_INVALID_GLOBAL_WORK_SIZE;
  size_t items = 1;
  for (cl_uint i = 0; i < dimensions; ++i) items *= std::min<size_t>(global[i], size_t{1} << 20);
  std::vector<std::shared_ptr<_cl_mem>> buffers;
  for (const StubArgument& argument : kernel->arguments) {
    if (!argument.set) return CL_INVALID_KERNEL_ARGS;
    if (argument.buffer != nullptr) buffers.push_back(hold(argument.buffer));
  }
  return enqueue(queue, CL_COMMAND_NDRANGE_KERNEL, wait_count, wait, event,
                 [buffers = std::move(buffers), items] {
                   for (const auto& buffer : buffers) {
                     const size_t count = std::min(items, buffer->size / 4);
                     for (size_t i = 0; i < count; ++i) {
                       uint32_t value = 0;
                       std::memcpy(&value, buffer->data + 4 * i, 4);
                       ++value;
                       std::memcpy(buffer->data + 4 * i, &value, 4);
                     }
                   }
                 });
}

cl_int EnqueueTask(cl_command_queue queue, cl_kernel kernel, cl_uint wait_count,
                   const cl_event* wait, cl_event* event) {
  const size_t one = 1;
  return EnqueueNDRangeKernel(queue, kernel, 1, nullptr, &one, &one, wait_count, wait, event);
}

}  // namespace

void add_kernel_functions(cl_icd_dispatch* table) {
  table->clCreateKernel = CreateKernel;
  table->clRetainKernel = retain_object<cl_kernel>;
  table->clReleaseKernel = ReleaseKernel;
  table->clCloneKernel = CloneKernel;
  table->clSetKernelArg = SetKernelArg;
  table->clGetKernelInfo = GetKernelInfo;
  table->clGetKernelArgInfo = GetKernelArgInfo;
  table->clGetKernelWorkGroupInfo = GetKernelWorkGroupInfo;
  table->clEnqueueNDRangeKernel = EnqueueNDRangeKernel;
  table->clEnqueueTask = EnqueueTask;
}

}  // namespace aliquot::stub
