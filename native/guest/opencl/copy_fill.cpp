// Commands that move bytes between buffers only: copy, rectangular copy, fill, migration.
#include "generated/opencl_functions.h"
#include "guest/opencl/rectangle.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

bool in_range(const Buffer& buffer, size_t offset, size_t size) {
  return size != 0 && offset <= buffer.size && size <= buffer.size - offset;
}

bool power_of_two_up_to(size_t size, size_t most) {
  return size != 0 && size <= most && (size & (size - 1)) == 0;
}

}  // namespace

cl_int CL_API_CALL EnqueueCopyBuffer(cl_command_queue queue_handle, cl_mem source_handle,
                                     cl_mem target_handle, size_t source_offset,
                                     size_t target_offset, size_t size, cl_uint count,
                                     const cl_event* list, cl_event* event) {
  Queue* queue;
  Buffer *source, *target;
  cl_int status = check_queue(queue_handle, &queue);
  if (status == CL_SUCCESS) status = check_buffer(*queue, source_handle, &source);
  if (status == CL_SUCCESS) status = check_buffer(*queue, target_handle, &target);
  if (status != CL_SUCCESS) return status;
  if (!in_range(*source, source_offset, size) || !in_range(*target, target_offset, size)) {
    return CL_INVALID_VALUE;
  }
  if (&source->root() == &target->root()) {
    const size_t from = source->origin + source_offset;
    const size_t to = target->origin + target_offset;
    if (from < to + size && to < from + size) return CL_MEM_COPY_OVERLAP;
  }
  WaitList wait;
  status = collect_wait_list(*queue->context, count, list, &wait);
  if (status == CL_SUCCESS) status = ensure_materialized(*source);
  if (status == CL_SUCCESS) status = ensure_materialized(*target);
  if (status != CL_SUCCESS) return status;
  CopyBufferCommand command{};
  command.source = source->id;
  command.target = target->id;
  command.source_offset = source_offset;
  command.target_offset = target_offset;
  command.size = size;
  return enqueue(*queue, command, CL_COMMAND_COPY_BUFFER, wait, event, source, target);
}

cl_int CL_API_CALL EnqueueCopyBufferRect(cl_command_queue queue_handle, cl_mem source_handle,
                                         cl_mem target_handle, const size_t* source_origin,
                                         const size_t* target_origin, const size_t* region,
                                         size_t source_row_pitch, size_t source_slice_pitch,
                                         size_t target_row_pitch, size_t target_slice_pitch,
                                         cl_uint count, const cl_event* list, cl_event* event) {
  Queue* queue;
  Buffer *source, *target;
  cl_int status = check_queue(queue_handle, &queue);
  if (status == CL_SUCCESS) status = check_buffer(*queue, source_handle, &source);
  if (status == CL_SUCCESS) status = check_buffer(*queue, target_handle, &target);
  if (status != CL_SUCCESS) return status;
  if (source_origin == nullptr || target_origin == nullptr || region == nullptr) {
    return CL_INVALID_VALUE;
  }
  Rectangle from{{source_origin[0], source_origin[1], source_origin[2]}, source_row_pitch,
                 source_slice_pitch};
  Rectangle to{{target_origin[0], target_origin[1], target_origin[2]}, target_row_pitch,
               target_slice_pitch};
  if (!from.complete(region, source->size) || !to.complete(region, target->size)) {
    return CL_INVALID_VALUE;
  }
  if (source == target && (from.row != to.row || from.slice != to.slice)) return CL_INVALID_VALUE;
  if (&source->root() == &target->root()) {
    Rectangle a = from, b = to;
    a.first += source->origin;
    a.end += source->origin;
    b.first += target->origin;
    b.end += target->origin;
    if (overlap(a, b, region)) return CL_MEM_COPY_OVERLAP;
  }
  WaitList wait;
  status = collect_wait_list(*queue->context, count, list, &wait);
  if (status == CL_SUCCESS) status = ensure_materialized(*source);
  if (status == CL_SUCCESS) status = ensure_materialized(*target);
  if (status != CL_SUCCESS) return status;
  const uint64_t geometry[13] = {
      from.origin[0], from.origin[1], from.origin[2], to.origin[0], to.origin[1],
      to.origin[2],   region[0],      region[1],      region[2],    from.row,
      from.slice,     to.row,         to.slice};
  CopyBufferRectCommand command{};
  command.source = source->id;
  command.target = target->id;
  command.geometry = geometry;
  return enqueue(*queue, command, CL_COMMAND_COPY_BUFFER_RECT, wait, event, source, target);
}

cl_int CL_API_CALL EnqueueFillBuffer(cl_command_queue queue_handle, cl_mem handle,
                                     const void* pattern, size_t pattern_size, size_t offset,
                                     size_t size, cl_uint count, const cl_event* list,
                                     cl_event* event) {
  Queue* queue;
  Buffer* buffer;
  cl_int status = check_queue(queue_handle, &queue);
  if (status == CL_SUCCESS) status = check_buffer(*queue, handle, &buffer);
  if (status != CL_SUCCESS) return status;
  if (pattern == nullptr || !power_of_two_up_to(pattern_size, 128)) return CL_INVALID_VALUE;
  if (!in_range(*buffer, offset, size)) return CL_INVALID_VALUE;
  if (offset % pattern_size != 0 || size % pattern_size != 0) return CL_INVALID_VALUE;
  WaitList wait;
  status = collect_wait_list(*queue->context, count, list, &wait);
  if (status == CL_SUCCESS) status = ensure_materialized(*buffer);
  if (status != CL_SUCCESS) return status;
  FillBufferCommand command{};
  command.buffer = buffer->id;
  command.offset = offset;
  command.size = size;
  command.pattern = {static_cast<const uint8_t*>(pattern), pattern_size};
  return enqueue(*queue, command, CL_COMMAND_FILL_BUFFER, wait, event, buffer);
}

cl_int CL_API_CALL EnqueueMigrateMemObjects(cl_command_queue queue_handle, cl_uint buffer_count,
                                            const cl_mem* handles, cl_mem_migration_flags flags,
                                            cl_uint count, const cl_event* list,
                                            cl_event* event) {
  Queue* queue;
  cl_int status = check_queue(queue_handle, &queue);
  if (status != CL_SUCCESS) return status;
  if (buffer_count == 0 || handles == nullptr || buffer_count > 4096) return CL_INVALID_VALUE;
  if ((flags & ~(CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED)) != 0) {
    return CL_INVALID_VALUE;
  }
  Array<uint32_t, 16> ids;
  for (cl_uint i = 0; i < buffer_count; i++) {
    Buffer* buffer;
    status = check_buffer(*queue, handles[i], &buffer);
    if (status == CL_SUCCESS) status = ensure_materialized(*buffer);
    if (status != CL_SUCCESS) return status;
    if (!ids.push_back(buffer->id)) return CL_OUT_OF_HOST_MEMORY;
  }
  WaitList wait;
  status = collect_wait_list(*queue->context, count, list, &wait);
  if (status != CL_SUCCESS) return status;
  MigrateBuffersCommand command{};
  command.flags = flags;
  command.buffers = {ids.data(), ids.size()};
  status = enqueue(*queue, command, CL_COMMAND_MIGRATE_MEM_OBJECTS, wait, event, nullptr);
  if (status == CL_SUCCESS) {
    // All after the fact: nobody else can end a buffer's last use before this thread returns.
    LockGuard guard(queue->connection->lock());
    const uint64_t sequence = queue->submitted.load(std::memory_order_relaxed);
    for (cl_uint i = 0; i < buffer_count; i++) {
      note_use(*from_handle<Buffer>(handles[i]), *queue, sequence);
    }
  }
  return status;
}

}  // namespace aliquot::guest::opencl
