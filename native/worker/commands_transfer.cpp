// Moving bytes: between arenas and buffers, and between buffers.
#include <algorithm>

#include "worker/connection.h"
#include "worker/geometry.h"

namespace aliquot::worker {

using namespace opencl;

namespace {

const size_t* sizes(const uint64_t* numbers) { return reinterpret_cast<const size_t*>(numbers); }

bool overlap(uint64_t first, uint64_t second, uint64_t bytes) {
  return first < second ? second - first < bytes : first - second < bytes;
}

}  // namespace

// The driver may read or write the arena after this has returned: a dropped arena is kept until
// the queues have passed this point (see DropArenaCommand), a lost connection's until they are idle.
template <class Command>
cl_int Connection::transfer(Enqueue& enqueue, const Command& command, bool write) {
  BufferObject* buffer = nullptr;
  const cl_int status = find_buffer(command.buffer, buffer);
  if (status != CL_SUCCESS) return status;
  if (buffer->context != enqueue.queue->context) return CL_INVALID_CONTEXT;
  if (command.size == 0 || !range_inside(buffer->size, command.offset, command.size)) {
    return CL_INVALID_VALUE;
  }
  const auto arena = arenas_.find(command.arena);
  void* shared = arena ? arena->range(command.arena_offset, command.size) : nullptr;
  if (shared == nullptr) return CL_INVALID_VALUE;
  if (!may_copy(enqueue, write ? writes_ : reads_, command.size)) return CL_OUT_OF_RESOURCES;
  const cl_command_queue queue = enqueue.queue->queue;
  if (write) {
    return calls_.clEnqueueWriteBuffer(queue, buffer->memory, CL_FALSE, command.offset,
                                       command.size, shared, enqueue.wait_count, enqueue.wait,
                                       &enqueue.event);
  }
  return calls_.clEnqueueReadBuffer(queue, buffer->memory, CL_FALSE, command.offset, command.size,
                                    shared, enqueue.wait_count, enqueue.wait, &enqueue.event);
}

template <class Command>
cl_int Connection::transfer_rect(Enqueue& enqueue, const Command& command, bool write) {
  BufferObject* buffer = nullptr;
  const cl_int status = find_buffer(command.buffer, buffer);
  if (status != CL_SUCCESS) return status;
  if (buffer->context != enqueue.queue->context) return CL_INVALID_CONTEXT;
  if (command.geometry.size() != 8) return CL_INVALID_VALUE;
  const uint64_t* geometry = command.geometry.data();
  const Rectangle rectangle{geometry, geometry + 3, geometry[6], geometry[7]};
  if (!rectangle_inside(buffer->size, rectangle)) return CL_INVALID_VALUE;
  const uint64_t bytes = region_bytes(rectangle.region);
  const auto arena = arenas_.find(command.arena);
  void* shared = arena ? arena->range(command.arena_offset, bytes) : nullptr;
  if (shared == nullptr) return CL_INVALID_VALUE;
  if (!may_copy(enqueue, write ? writes_ : reads_, bytes)) return CL_OUT_OF_RESOURCES;
  const size_t* region = sizes(rectangle.region);
  const size_t host_origin[3] = {0, 0, 0};
  const cl_command_queue queue = enqueue.queue->queue;
  if (write) {
    return calls_.clEnqueueWriteBufferRect(
        queue, buffer->memory, CL_FALSE, sizes(rectangle.origin), host_origin, region,
        rectangle.row_pitch, rectangle.slice_pitch, region[0], region[0] * region[1], shared,
        enqueue.wait_count, enqueue.wait, &enqueue.event);
  }
  return calls_.clEnqueueReadBufferRect(
      queue, buffer->memory, CL_FALSE, sizes(rectangle.origin), host_origin, region,
      rectangle.row_pitch, rectangle.slice_pitch, region[0], region[0] * region[1], shared,
      enqueue.wait_count, enqueue.wait, &enqueue.event);
}

void Connection::on(const WriteBufferCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  if (status == CL_SUCCESS) status = transfer(enqueue, command, true);
  finish_enqueue(enqueue, status);
}

void Connection::on(const ReadBufferCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  if (status == CL_SUCCESS) status = transfer(enqueue, command, false);
  ring_.guest_copies(command.size);
  finish_enqueue(enqueue, status);
}

void Connection::on(const WriteBufferRectCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  if (status == CL_SUCCESS) status = transfer_rect(enqueue, command, true);
  finish_enqueue(enqueue, status);
}

void Connection::on(const ReadBufferRectCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  if (status == CL_SUCCESS) status = transfer_rect(enqueue, command, false);
  finish_enqueue(enqueue, status);
}

void Connection::on(const CopyBufferCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  BufferObject* source = nullptr;
  BufferObject* target = nullptr;
  if (status == CL_SUCCESS) status = find_buffer(command.source, source);
  if (status == CL_SUCCESS) status = find_buffer(command.target, target);
  if (status == CL_SUCCESS) {
    const cl_context context = enqueue.queue->context;
    if (source->context != context || target->context != context) {
      status = CL_INVALID_CONTEXT;
    } else if (command.size == 0 ||
               !range_inside(source->size, command.source_offset, command.size) ||
               !range_inside(target->size, command.target_offset, command.size)) {
      status = CL_INVALID_VALUE;
    } else if (source == target &&
               overlap(command.source_offset, command.target_offset, command.size)) {
      status = CL_MEM_COPY_OVERLAP;
    } else if (!may_copy(enqueue, copies_, command.size)) {
      status = CL_OUT_OF_RESOURCES;
    } else {
      status = calls_.clEnqueueCopyBuffer(enqueue.queue->queue, source->memory, target->memory,
                                          command.source_offset, command.target_offset,
                                          command.size, enqueue.wait_count, enqueue.wait,
                                          &enqueue.event);
    }
  }
  finish_enqueue(enqueue, status);
}

void Connection::on(const CopyBufferRectCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  BufferObject* source = nullptr;
  BufferObject* target = nullptr;
  if (status == CL_SUCCESS) status = find_buffer(command.source, source);
  if (status == CL_SUCCESS) status = find_buffer(command.target, target);
  if (status == CL_SUCCESS && command.geometry.size() != 13) status = CL_INVALID_VALUE;
  if (status == CL_SUCCESS) {
    const uint64_t* geometry = command.geometry.data();
    const Rectangle from{geometry, geometry + 6, geometry[9], geometry[10]};
    const Rectangle to{geometry + 3, geometry + 6, geometry[11], geometry[12]};
    const cl_context context = enqueue.queue->context;
    if (source->context != context || target->context != context) {
      status = CL_INVALID_CONTEXT;
    } else if (!rectangle_inside(source->size, from) || !rectangle_inside(target->size, to)) {
      status = CL_INVALID_VALUE;
    } else if (!may_copy(enqueue, copies_, region_bytes(from.region))) {
      status = CL_OUT_OF_RESOURCES;
    } else {
      status = calls_.clEnqueueCopyBufferRect(
          enqueue.queue->queue, source->memory, target->memory, sizes(from.origin),
          sizes(to.origin), sizes(from.region), from.row_pitch, from.slice_pitch, to.row_pitch,
          to.slice_pitch, enqueue.wait_count, enqueue.wait, &enqueue.event);
    }
  }
  finish_enqueue(enqueue, status);
}

void Connection::on(const FillBufferCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  BufferObject* buffer = nullptr;
  if (status == CL_SUCCESS) status = find_buffer(command.buffer, buffer);
  if (status == CL_SUCCESS) {
    const size_t pattern = command.pattern.size();
    if (buffer->context != enqueue.queue->context) {
      status = CL_INVALID_CONTEXT;
    } else if (pattern == 0 || (pattern & (pattern - 1)) != 0 || command.size == 0 ||
               command.offset % pattern != 0 || command.size % pattern != 0 ||
               !range_inside(buffer->size, command.offset, command.size)) {
      status = CL_INVALID_VALUE;
    } else if (!may_copy(enqueue, copies_, command.size)) {
      status = CL_OUT_OF_RESOURCES;
    } else {
      status = calls_.clEnqueueFillBuffer(enqueue.queue->queue, buffer->memory,
                                          command.pattern.data(), pattern, command.offset,
                                          command.size, enqueue.wait_count, enqueue.wait,
                                          &enqueue.event);
    }
  }
  finish_enqueue(enqueue, status);
}

void Connection::on(const MigrateBuffersCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  std::vector<cl_mem> memories;
  uint64_t bytes = 0;
  for (const uint32_t id : command.buffers) {
    BufferObject* buffer = nullptr;
    if (status == CL_SUCCESS) status = find_buffer(id, buffer);
    if (status == CL_SUCCESS && buffer->context != enqueue.queue->context) {
      status = CL_INVALID_CONTEXT;
    }
    if (status != CL_SUCCESS) break;
    memories.push_back(buffer->memory);
    bytes += buffer->size;
  }
  if (status == CL_SUCCESS && memories.empty()) status = CL_INVALID_VALUE;
  // Within one device nothing has to move, so this counts as no copy.
  if (status == CL_SUCCESS && !may_begin(enqueue, copies_, bytes)) status = CL_OUT_OF_RESOURCES;
  if (status == CL_SUCCESS) {
    status = calls_.clEnqueueMigrateMemObjects(
        enqueue.queue->queue, static_cast<cl_uint>(memories.size()), memories.data(),
        command.flags, enqueue.wait_count, enqueue.wait, &enqueue.event);
  }
  finish_enqueue(enqueue, status);
}

}  // namespace aliquot::worker
