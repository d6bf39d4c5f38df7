// Kernels and what can be asked of them.
#include "worker/connection.h"
#include "worker/query.h"

namespace aliquot::worker {

using namespace opencl;

void Connection::on(const CreateKernelCommand& command) {
  if (!check_reply(command.reply)) return;
  std::shared_ptr<Program> owner;
  const cl_program program = find_program(command.program, &owner);
  if (program == nullptr) return replies_.answer(command.reply, CL_INVALID_PROGRAM);
  if (owner->builds.load() != 0) {
    return replies_.answer(command.reply, CL_INVALID_PROGRAM_EXECUTABLE);
  }
  KernelObject* object = kernels_table_.insert(command.kernel);
  if (object == nullptr) return replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
  auto name = std::make_shared<const std::string>(
      reinterpret_cast<const char*>(command.name.data()), command.name.size());
  cl_int status = CL_SUCCESS;
  object->kernel = calls_.clCreateKernel(program, name->c_str(), &status);
  if (object->kernel == nullptr) {
    kernels_table_.erase(command.kernel);
    return replies_.answer(command.reply, status != CL_SUCCESS ? status : CL_OUT_OF_RESOURCES);
  }
  const cl_kernel scratch = calls_.clCreateKernel(program, name->c_str(), nullptr);
  object->arguments = describe_arguments(calls_, object->kernel, scratch);
  if (scratch != nullptr) calls_.clReleaseKernel(scratch);
  object->settings.resize(object->arguments.size());
  object->unset = static_cast<uint32_t>(object->arguments.size());
  object->program = std::move(owner);
  object->cost = std::make_shared<WorkCost>(WorkCost::of_kernel(name));
  object->name = std::move(name);
  ReplyBytes answer;
  write_arguments(object->arguments, answer);
  replies_.answer(command.reply, CL_SUCCESS, answer.bytes());
}

void Connection::on(const KernelInfoCommand& command) {
  if (!check_reply(command.reply)) return;
  const KernelObject* object = kernels_table_.find(command.kernel);
  if (object == nullptr) return replies_.answer(command.reply, CL_INVALID_KERNEL);
  if (command.parameter == CL_KERNEL_CONTEXT || command.parameter == CL_KERNEL_PROGRAM ||
      command.parameter == CL_KERNEL_REFERENCE_COUNT) {
    return replies_.answer(command.reply, CL_INVALID_VALUE);  // handles; the guest driver's own
  }
  answer_query(replies_, command.reply, [&](size_t capacity, void* out, size_t* size) {
    return calls_.clGetKernelInfo(object->kernel, command.parameter, capacity, out, size);
  });
}

void Connection::on(const KernelWorkGroupInfoCommand& command) {
  if (!check_reply(command.reply)) return;
  const KernelObject* object = kernels_table_.find(command.kernel);
  const cl_device_id device = find_device(command.device);
  if (object == nullptr) return replies_.answer(command.reply, CL_INVALID_KERNEL);
  if (device == nullptr) return replies_.answer(command.reply, CL_INVALID_DEVICE);
  answer_query(replies_, command.reply, [&](size_t capacity, void* out, size_t* size) {
    const cl_int status = calls_.clGetKernelWorkGroupInfo(object->kernel, device,
                                                          command.parameter, capacity, out, size);
    if (status == CL_SUCCESS && out != nullptr && capacity == sizeof(size_t) &&
        command.parameter == CL_KERNEL_WORK_GROUP_SIZE) {
      auto& group = *static_cast<size_t*>(out);
      group = at_most_told(group);
    }
    return status;
  });
}

void Connection::on(const KernelSubGroupInfoCommand& command) {
  if (!check_reply(command.reply)) return;
  const KernelObject* object = kernels_table_.find(command.kernel);
  const cl_device_id device = find_device(command.device);
  if (object == nullptr) return replies_.answer(command.reply, CL_INVALID_KERNEL);
  if (device == nullptr) return replies_.answer(command.reply, CL_INVALID_DEVICE);
  if (calls_.clGetKernelSubGroupInfo == nullptr) {
    return replies_.answer(command.reply, CL_INVALID_OPERATION);
  }
  answer_query(replies_, command.reply, [&](size_t capacity, void* out, size_t* size) {
    return calls_.clGetKernelSubGroupInfo(object->kernel, device, command.parameter,
                                          command.input.size(),
                                          command.input.empty() ? nullptr : command.input.data(),
                                          capacity, out, size);
  });
}

void Connection::release_kernel(uint32_t id) {
  KernelObject* object = kernels_table_.find(id);
  if (object == nullptr) return;
  calls_.clReleaseKernel(object->kernel);
  drop_program(object->program);
  kernels_table_.erase(id);
}

}  // namespace aliquot::worker
