#include "generated/opencl_functions.h"
#include "guest/opencl/info_cache.h"
#include "guest/opencl/kernel_info.h"

namespace aliquot::guest::opencl {

cl_int GetKernelInfo(cl_kernel handle, cl_kernel_info param_name, size_t param_value_size,
                     void* param_value, size_t* param_value_size_ret) {
  Kernel* kernel = from_handle<Kernel>(handle);
  if (kernel == nullptr) return CL_INVALID_KERNEL;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_KERNEL_FUNCTION_NAME:
      return target.text(kernel->name);
    case CL_KERNEL_NUM_ARGS:
      return target.value_of<cl_uint>(kernel->argument_count);
    case CL_KERNEL_REFERENCE_COUNT:
      return target.value_of<cl_uint>(kernel->references.load(std::memory_order_relaxed));
    case CL_KERNEL_CONTEXT:
      return target.value_of(to_handle(kernel->context));
    case CL_KERNEL_PROGRAM:
      return target.value_of(to_handle(kernel->program));
    case CL_KERNEL_ATTRIBUTES: {
      if (kernel->connection->dead()) return CL_OUT_OF_RESOURCES;
      KernelInfoCommand command;
      command.kernel = kernel->id;
      command.parameter = param_name;
      LockGuard guard(kernel->lock);
      return tell(*kernel->connection, cached_ask(*kernel->connection, &kernel->infos, 0, command),
                  target);
    }
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int GetKernelArgInfo(cl_kernel handle, cl_uint arg_index, cl_kernel_arg_info param_name,
                        size_t param_value_size, void* param_value,
                        size_t* param_value_size_ret) {
  Kernel* kernel = from_handle<Kernel>(handle);
  if (kernel == nullptr) return CL_INVALID_KERNEL;
  if (arg_index >= kernel->argument_count) return CL_INVALID_ARG_INDEX;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  const KernelArgument& argument = kernel->arguments[arg_index];
  if (!kernel->has_argument_info) return CL_KERNEL_ARG_INFO_NOT_AVAILABLE;
  switch (param_name) {
    case CL_KERNEL_ARG_ADDRESS_QUALIFIER:
      return target.value_of<cl_kernel_arg_address_qualifier>(argument.address_qualifier);
    case CL_KERNEL_ARG_ACCESS_QUALIFIER:
      return target.value_of<cl_kernel_arg_access_qualifier>(argument.access_qualifier);
    case CL_KERNEL_ARG_TYPE_QUALIFIER:
      return target.value_of<cl_kernel_arg_type_qualifier>(argument.type_qualifier);
    case CL_KERNEL_ARG_TYPE_NAME:
      return target.text(argument.type_name);
    case CL_KERNEL_ARG_NAME:
      return target.text(argument.name);
    default:
      return CL_INVALID_VALUE;
  }
}

namespace {

/// The device that a question about a kernel is for: the only one where none is named.
const Device* pick_device(const Kernel& kernel, cl_device_id handle) {
  const Array<Device*, 4>& devices = kernel.program->devices;
  if (handle == nullptr) return devices.size() == 1 ? devices[0] : nullptr;
  const Device* device = from_handle<Device>(handle);
  for (const Device* own : devices) {
    if (own == device) return device;
  }
  return nullptr;
}

/// Local memory of arguments that were set here and that the worker's kernel doesn't have yet, so
/// that the driver's own figure can't contain them.
uint64_t unsent_local_bytes(const Kernel& kernel) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < kernel.argument_count; ++i) {
    const KernelArgument& argument = kernel.arguments[i];
    if (argument.type == ArgumentClass::kLocal && argument.set && !argument.sent) {
      bytes += argument.local_bytes;
    }
  }
  return bytes;
}

/// Changes with the arguments, so it is never cached.
cl_int local_memory(Kernel& kernel, const Device& device, const InfoTarget& target) {
  KernelWorkGroupInfoCommand command;
  command.kernel = kernel.id;
  command.device = device.id;
  command.parameter = CL_KERNEL_LOCAL_MEM_SIZE;
  LongAnswer answer;
  ask_long(*kernel.connection, command, &answer);
  if (answer.status != CL_SUCCESS) return answer.status;
  cl_ulong bytes = 0;
  if (answer.bytes != sizeof bytes) return CL_OUT_OF_RESOURCES;
  memcpy(&bytes, answer.data, sizeof bytes);
  return target.value_of<cl_ulong>(bytes + unsent_local_bytes(kernel));
}

const CachedInfo* ask_work_group(Kernel& kernel, const Device& device, uint32_t parameter) {
  KernelWorkGroupInfoCommand command;
  command.kernel = kernel.id;
  command.device = device.id;
  command.parameter = parameter;
  return cached_ask(*kernel.connection, &kernel.infos, device.id, command);
}

}  // namespace

cl_int GetKernelWorkGroupInfo(cl_kernel handle, cl_device_id device_handle,
                              cl_kernel_work_group_info param_name, size_t param_value_size,
                              void* param_value, size_t* param_value_size_ret) {
  Kernel* kernel = from_handle<Kernel>(handle);
  if (kernel == nullptr) return CL_INVALID_KERNEL;
  const Device* device = pick_device(*kernel, device_handle);
  if (device == nullptr) return CL_INVALID_DEVICE;
  if (kernel->connection->dead()) return CL_OUT_OF_RESOURCES;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_KERNEL_LOCAL_MEM_SIZE:
      return local_memory(*kernel, *device, target);
    case CL_KERNEL_WORK_GROUP_SIZE:
    case CL_KERNEL_COMPILE_WORK_GROUP_SIZE:
    case CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE:
    case CL_KERNEL_PRIVATE_MEM_SIZE:
    case CL_KERNEL_GLOBAL_WORK_SIZE: {
      LockGuard guard(kernel->lock);
      return tell(*kernel->connection, ask_work_group(*kernel, *device, param_name), target);
    }
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int GetKernelSubGroupInfo(cl_kernel handle, cl_device_id device_handle,
                             cl_kernel_sub_group_info param_name, size_t input_value_size,
                             const void* input_value, size_t param_value_size, void* param_value,
                             size_t* param_value_size_ret) {
  constexpr size_t kMostInputBytes = 64;
  Kernel* kernel = from_handle<Kernel>(handle);
  if (kernel == nullptr) return CL_INVALID_KERNEL;
  const Device* device = pick_device(*kernel, device_handle);
  if (device == nullptr) return CL_INVALID_DEVICE;
  if (kernel->connection->dead()) return CL_OUT_OF_RESOURCES;
  if (input_value == nullptr) input_value_size = 0;
  if (input_value_size > kMostInputBytes) return CL_INVALID_VALUE;
  KernelSubGroupInfoCommand command;
  command.kernel = kernel->id;
  command.device = device->id;
  command.parameter = param_name;
  command.input = {static_cast<const uint8_t*>(input_value), input_value_size};
  LongAnswer answer;
  ask_long(*kernel->connection, command, &answer);
  if (answer.status != CL_SUCCESS) return answer.status;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  return target.bytes(answer.data, answer.bytes);
}

const GroupLimits* group_limits(Kernel& kernel, const Device& device) {
  GroupLimits* known = kernel.limits.load(std::memory_order_acquire);
  for (GroupLimits* limits = known; limits != nullptr; limits = limits->next) {
    if (limits->device == device.id) return limits;
  }
  GroupLimits* made = static_cast<GroupLimits*>(calloc(1, sizeof(GroupLimits)));
  if (made == nullptr) return nullptr;
  made->device = device.id;
  made->most_items = device.max_work_group_size;
  LockGuard guard(kernel.lock);
  const CachedInfo* required =
      ask_work_group(kernel, device, CL_KERNEL_COMPILE_WORK_GROUP_SIZE);
  if (required != nullptr && required->status == CL_SUCCESS &&
      required->size == sizeof made->required) {
    memcpy(made->required, required->data(), sizeof made->required);
  }
  const CachedInfo* most = ask_work_group(kernel, device, CL_KERNEL_WORK_GROUP_SIZE);
  if (most != nullptr && most->status == CL_SUCCESS && most->size == sizeof made->most_items) {
    memcpy(&made->most_items, most->data(), sizeof made->most_items);
  }
  made->next = kernel.limits.load(std::memory_order_relaxed);
  kernel.limits.store(made, std::memory_order_release);
  return made;
}

void free_limits(Kernel& kernel) {
  GroupLimits* limits = kernel.limits.load(std::memory_order_relaxed);
  while (limits != nullptr) {
    GroupLimits* next = limits->next;
    free(limits);
    limits = next;
  }
}

}  // namespace aliquot::guest::opencl
