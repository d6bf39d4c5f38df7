// clEnqueueNDRangeKernel and clEnqueueTask: the shortest way from the call into the ring. One lock,
// no system call, no allocation unless an event is asked for.
#include "generated/opencl_functions.h"
#include "guest/opencl/launch_shape.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostArgumentBytes = 32768;  // as in commands.toml

/// How an argument precedes its value in Launch::arguments.
struct WireArgument {
  uint32_t index;
  uint32_t type;
  uint32_t bytes;
  uint32_t buffer;
};

using ArgumentBytes = Array<uint8_t, 1024>;

/// All arguments set, their buffers alive and known to the worker. No lock may be held.
cl_int check_arguments(const Queue& queue, const Kernel& kernel) {
  for (uint32_t i = 0; i < kernel.argument_count; ++i) {
    const KernelArgument& argument = kernel.arguments[i];
    if (!argument.set) return CL_INVALID_KERNEL_ARGS;
    if (argument.type != ArgumentClass::kBuffer || argument.buffer == nullptr) continue;
    Buffer& buffer = *argument.buffer;
    if (buffer.magic.load(std::memory_order_relaxed) != magic_of(Kind::kBuffer)) {
      return CL_INVALID_KERNEL_ARGS;  // released since it was set
    }
    if (buffer.parent != nullptr) {
      const uint32_t align = queue.device->base_address_align_bits / 8;
      if (align != 0 && buffer.origin % align != 0) return CL_MISALIGNED_SUB_BUFFER_OFFSET;
    }
    if (!buffer.materialized.load(std::memory_order_acquire) ||
        buffer.root().uploading.load(std::memory_order_acquire)) {
      const cl_int status = ensure_materialized(buffer);
      if (status != CL_SUCCESS) return status;
    }
  }
  return CL_SUCCESS;
}

/// Appends one argument as the worker reads it. False: no memory, or more than fits a command.
bool put_argument(uint32_t index, const KernelArgument& argument, ArgumentBytes* out) {
  WireArgument wire{index, static_cast<uint32_t>(argument.type), 0, 0};
  size_t value_bytes = 0;
  switch (argument.type) {
    case ArgumentClass::kBuffer:
      wire.bytes = sizeof(cl_mem);
      wire.buffer = argument.buffer == nullptr ? 0 : argument.buffer->id;
      break;
    case ArgumentClass::kLocal:
      wire.bytes = static_cast<uint32_t>(argument.local_bytes);
      break;
    default:
      wire.bytes = argument.bytes;
      value_bytes = argument.bytes;
  }
  const size_t before = out->size();
  const size_t padded = (value_bytes + 7) & ~size_t{7};
  const size_t after = before + sizeof wire + padded;
  if (after > kMostArgumentBytes || !out->resize(after)) return false;
  uint8_t* at = out->data() + before;
  memcpy(at, &wire, sizeof wire);
  at += sizeof wire;
  if (padded != 0) {
    memset(at + padded - 8, 0, 8);
    memcpy(at, argument.value, value_bytes);
  }
  return true;
}

/// Sends the launch with what changed since the kernel's last one. `event` may be null.
cl_int send_launch(Queue& queue, Kernel& kernel, LaunchCommand& command, const WaitList& wait,
                   Event* event) {
  ArgumentBytes arguments;
  LockGuard guard(queue.connection->lock());
  for (uint32_t i = 0; i < kernel.argument_count; ++i) {
    const KernelArgument& argument = kernel.arguments[i];
    if (!argument.sent && !put_argument(i, argument, &arguments)) return CL_OUT_OF_HOST_MEMORY;
  }
  command.arguments = {arguments.data(), arguments.size()};
  const uint64_t sequence = submit_locked(queue, command);
  if (sequence == 0) return CL_OUT_OF_RESOURCES;
  queue.launched.store(sequence, std::memory_order_relaxed);
  note_order(queue, wait, sequence, event);
  if (!arguments.empty()) {
    for (uint32_t i = 0; i < kernel.argument_count; ++i) kernel.arguments[i].sent = true;
  }
  if (kernel.buffer_argument_count != 0) {
    for (uint32_t i = 0; i < kernel.argument_count; ++i) {
      Buffer* buffer = kernel.arguments[i].buffer;
      if (buffer != nullptr) note_use(*buffer, queue, sequence);
    }
  }
  return CL_SUCCESS;
}

bool built_for(const Program& program, const Device* device) {
  for (const Device* own : program.devices) {
    if (own == device) return true;
  }
  return false;
}

/// `shape` is checked; everything else isn't.
cl_int launch(Queue& queue, Kernel& kernel, const LaunchShape& shape, cl_command_type type,
              cl_uint wait_count, const cl_event* wait_list, cl_event* wanted) {
  cl_int status = check_arguments(queue, kernel);
  if (status != CL_SUCCESS) return status;
  WaitList wait;
  if (wait_count != 0 || wait_list != nullptr) {
    status = collect_wait_list(*queue.context, wait_count, wait_list, &wait);
    if (status != CL_SUCCESS) return status;
    if (wait.failed) return finish_failed(queue, type, wanted);
  }
  if (shape.empty) {
    MarkerCommand marker;
    return enqueue(queue, marker, type, wait, wanted, nullptr);
  }
  Event* event = nullptr;
  if (wanted != nullptr) {
    event = new_command_event(queue, type);
    if (event == nullptr) return CL_OUT_OF_HOST_MEMORY;
  }
  LaunchCommand command;
  command.queue = queue.id;
  command.kernel = kernel.id;
  command.event = event == nullptr ? 0 : event->id;
  command.dimensions = shape.dimensions;
  command.shape = {shape.words, shape.count};
  command.flags = shape.flags;
  command.wait = {wait.ids.data(), wait.ids.size()};
  status = send_launch(queue, kernel, command, wait, event);
  if (status == CL_SUCCESS) status = enqueue_result(queue);
  if (event != nullptr) hand_out_sent(*event, status, wanted);
  return status;
}

cl_int check_handles(cl_command_queue queue_handle, cl_kernel kernel_handle, Queue** queue,
                     Kernel** kernel) {
  const cl_int status = check_queue(queue_handle, queue);
  if (status == CL_INVALID_COMMAND_QUEUE) return status;
  *kernel = from_handle<Kernel>(kernel_handle);
  if (*kernel == nullptr) return CL_INVALID_KERNEL;
  if (status != CL_SUCCESS) return status;
  if ((*kernel)->context != (*queue)->context) return CL_INVALID_CONTEXT;
  if (!built_for(*(*kernel)->program, (*queue)->device)) return CL_INVALID_PROGRAM_EXECUTABLE;
  return CL_SUCCESS;
}

}  // namespace

cl_int EnqueueNDRangeKernel(cl_command_queue command_queue, cl_kernel kernel_handle,
                            cl_uint work_dim, const size_t* global_work_offset,
                            const size_t* global_work_size, const size_t* local_work_size,
                            cl_uint num_events_in_wait_list, const cl_event* event_wait_list,
                            cl_event* event) {
  Queue* queue;
  Kernel* kernel;
  cl_int status = check_handles(command_queue, kernel_handle, &queue, &kernel);
  if (status != CL_SUCCESS) return status;
  LaunchShape shape;
  status = shape_launch(*queue, *kernel, work_dim, global_work_offset, global_work_size,
                        local_work_size, &shape);
  if (status != CL_SUCCESS) return status;
  return launch(*queue, *kernel, shape, CL_COMMAND_NDRANGE_KERNEL, num_events_in_wait_list,
                event_wait_list, event);
}

cl_int EnqueueTask(cl_command_queue command_queue, cl_kernel kernel_handle,
                   cl_uint num_events_in_wait_list, const cl_event* event_wait_list,
                   cl_event* event) {
  Queue* queue;
  Kernel* kernel;
  cl_int status = check_handles(command_queue, kernel_handle, &queue, &kernel);
  if (status != CL_SUCCESS) return status;
  const size_t one = 1;
  LaunchShape shape;
  status = shape_launch(*queue, *kernel, 1, nullptr, &one, &one, &shape);
  if (status != CL_SUCCESS) return status;
  shape.flags |= kIsTask;
  return launch(*queue, *kernel, shape, CL_COMMAND_TASK, num_events_in_wait_list, event_wait_list,
                event);
}

}  // namespace aliquot::guest::opencl
