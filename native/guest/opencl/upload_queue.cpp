// Initial contents of buffers that the driver allocates. They travel on a queue of the context that
// the program never sees, so that nothing the program does can hold them up; the first command that
// uses the buffer is sent when they have arrived.
#include "generated/opencl_functions.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

Queue* upload_queue_of(Context& context) {
  {
    LockGuard guard(context.lock);
    if (context.upload_queue != nullptr) return context.upload_queue;
  }
  // Made without the lock, because the worker must answer.
  cl_int error = CL_SUCCESS;
  cl_command_queue handle =
      CreateCommandQueue(to_handle(&context), to_handle(context.devices[0]), 0, &error);
  if (handle == nullptr) return nullptr;
  Queue* made = from_handle<Queue>(handle);
  {
    LockGuard guard(context.lock);
    if (context.upload_queue == nullptr) {
      context.upload_queue = made;
      // The context keeps the queue; were it also held by it, neither would ever end.
      context.holds.fetch_sub(1, std::memory_order_acq_rel);
      return made;
    }
  }
  release(*made);
  return context.upload_queue;
}

}  // namespace

cl_int upload(Buffer& root, const void* data) {
  Queue* queue = upload_queue_of(*root.context);
  if (queue == nullptr) return CL_OUT_OF_RESOURCES;
  Box box;
  box.host = static_cast<unsigned char*>(const_cast<void*>(data));
  box.bytes = root.size;
  const Transfer transfer{*queue, root, box, CL_COMMAND_WRITE_BUFFER, false, 0, nullptr, nullptr,
                          true};
  const cl_int status = write_buffer(transfer);
  if (status != CL_SUCCESS) return status;
  LockGuard guard(root.connection->lock());
  const uint64_t sequence = queue->submitted.load(std::memory_order_relaxed);
  ask_completion_locked(*queue, sequence);
  root.upload = {queue->id, sequence};
  root.uploading.store(true, std::memory_order_release);
  return CL_SUCCESS;
}

void drop_upload_queue(Context& context) {
  Queue* queue = context.upload_queue;
  if (queue == nullptr) return;
  context.upload_queue = nullptr;
  // The queue lets go of the context at its end; one more hold keeps the context, which is ending
  // already, from ending twice.
  context.holds.fetch_add(2, std::memory_order_acq_rel);
  release(*queue);
}

}  // namespace aliquot::guest::opencl
