// Mapping buffers into the program's memory.
//
// What lies behind a mapped pointer:
//   shared     pages that both ends map: nothing is moved
//   host       the program's own memory (CL_MEM_USE_HOST_PTR): read into it, written back
//   staging    a staging block that the worker fills and empties
//   heap       memory of our own where no staging block that large can be had
// Two maps of one region that are staged have two pointers; what one writes the other sees after
// its unmap. Overlapping maps for writing, which the specification forbids, are let through.
#include <cstring>

#include "generated/opencl_functions.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

struct MapRecord {
  enum class Backing { kShared, kHost, kStaging, kHeap };

  MapRecord* next = nullptr;
  unsigned char* pointer = nullptr;
  size_t offset = 0;
  size_t size = 0;
  cl_map_flags flags = 0;
  Backing backing = Backing::kShared;
  Block block;
  LastUse filling{};  // the read that fills the block
  void* heap = nullptr;
  unsigned char probe = 0;  // where a blocking map of shared pages reads a byte

  bool writable() const { return (flags & (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION)) != 0; }
};

namespace {

constexpr size_t kPointerAlign = 128;

void discard(Connection& connection, MapRecord* record) {
  if (record->block) {
    const bool filled = record->filling.queue != 0;
    free_when_unused(connection, record->block, true, 0, &record->filling, filled ? 1 : 0);
  }
  free(record->heap);
  record->~MapRecord();
  free(record);
}

/// Finds a place behind the pointer. The pointer is as aligned as the offset is.
cl_int find_backing(Buffer& buffer, MapRecord* record) {
  if (buffer.host_ptr != nullptr) {
    record->backing = MapRecord::Backing::kHost;
    record->pointer = static_cast<unsigned char*>(buffer.host_ptr) + record->offset;
    return CL_SUCCESS;
  }
  if (unsigned char* shared = shared_pointer(buffer)) {
    record->pointer = shared + record->offset;
    return CL_SUCCESS;
  }
  const size_t lead = record->offset % kPointerAlign;
  if (take_staging(*buffer.connection, record->size + lead, &record->block)) {
    record->backing = MapRecord::Backing::kStaging;
    record->pointer = record->block.pointer + lead;
    return CL_SUCCESS;
  }
  record->backing = MapRecord::Backing::kHeap;
  if (posix_memalign(&record->heap, kPageBytes, record->size + lead) != 0) {
    record->heap = nullptr;
    return CL_MAP_FAILURE;
  }
  record->pointer = static_cast<unsigned char*>(record->heap) + lead;
  return CL_SUCCESS;
}

struct MapCall {
  Queue& queue;
  Buffer& buffer;
  bool blocking;
  cl_uint count;
  const cl_event* list;
  cl_event* event;
};

/// Has the worker fill the staging block.
cl_int fill_block(const MapCall& call, MapRecord* record) {
  WaitList wait;
  cl_int status = collect_wait_list(*call.queue.context, call.count, call.list, &wait);
  if (status == CL_SUCCESS && call.blocking && (wait.failed || !wait.ids.empty())) {
    status = wait_for_list(call.count, call.list);
    wait.ids.clear();
  }
  if (status == CL_SUCCESS) status = ensure_materialized(call.buffer);
  if (status != CL_SUCCESS) return status;
  // Out of order, a blocking map needs an event to wait for.
  cl_event made = nullptr;
  const bool needs_event = call.event != nullptr || (call.blocking && !call.queue.in_order());
  ReadBufferCommand command{};
  command.buffer = call.buffer.id;
  command.arena = record->block.arena_id;
  command.arena_offset = record->block.offset +
                         static_cast<uint64_t>(record->pointer - record->block.pointer);
  command.offset = record->offset;
  command.size = record->size;
  status = enqueue(call.queue, command, CL_COMMAND_MAP_BUFFER, wait,
                   needs_event ? &made : nullptr, &call.buffer);
  if (status != CL_SUCCESS) return status;
  record->filling = {call.queue.id, call.queue.submitted.load(std::memory_order_relaxed)};
  if (call.blocking) {
    if (call.queue.in_order()) status = wait_sequence(call.queue, record->filling.sequence);
    else if (wait_event(*from_handle<Event>(made)) < 0) status = CL_MAP_FAILURE;
    settle(call.queue);
    drain_print(*call.queue.connection);
    const cl_int latched = take_latched_error(call.queue);
    if (status == CL_SUCCESS) status = latched;
  }
  hand_out(made, status, call.event);
  return status;
}

/// A map that moves nothing: only its place in the queue's order counts.
cl_int order_map(const MapCall& call, MapRecord* record) {
  if (call.blocking) {
    // Waits exactly like a blocking read, of which one byte is enough.
    Box box;
    box.host = &record->probe;
    box.bytes = 1;
    box.offset = record->offset;
    return read_buffer({call.queue, call.buffer, box, CL_COMMAND_MAP_BUFFER, true, call.count,
                        call.list, call.event});
  }
  WaitList wait;
  const cl_int status = collect_wait_list(*call.queue.context, call.count, call.list, &wait);
  if (status != CL_SUCCESS) return status;
  return order_only(call.queue, CL_COMMAND_MAP_BUFFER, wait, call.event);
}

cl_int run_map(const MapCall& call, MapRecord* record) {
  const bool reads = (record->flags & CL_MAP_WRITE_INVALIDATE_REGION) == 0;
  if (record->backing == MapRecord::Backing::kShared || !reads) return order_map(call, record);
  if (record->backing == MapRecord::Backing::kStaging) return fill_block(call, record);
  Box box;
  box.host = record->pointer;
  box.bytes = record->size;
  box.offset = record->offset;
  return read_buffer({call.queue, call.buffer, box, CL_COMMAND_MAP_BUFFER, call.blocking,
                      call.count, call.list, call.event});
}

cl_int check_map_flags(const Buffer& buffer, cl_map_flags flags) {
  constexpr cl_map_flags known = CL_MAP_READ | CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION;
  if ((flags & ~known) != 0) return CL_INVALID_VALUE;
  if ((flags & CL_MAP_WRITE_INVALIDATE_REGION) != 0 && (flags & (CL_MAP_READ | CL_MAP_WRITE)) != 0) {
    return CL_INVALID_VALUE;
  }
  const bool writes = (flags & (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION)) != 0;
  if ((flags & CL_MAP_READ) != 0 &&
      (buffer.flags & (CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS)) != 0) {
    return CL_INVALID_OPERATION;
  }
  if (writes && (buffer.flags & (CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS)) != 0) {
    return CL_INVALID_OPERATION;
  }
  return CL_SUCCESS;
}

cl_int map_buffer(cl_command_queue queue_handle, cl_mem handle, bool blocking, cl_map_flags flags,
                  size_t offset, size_t size, cl_uint count, const cl_event* list, cl_event* event,
                  void** pointer) {
  Queue* queue;
  Buffer* buffer;
  cl_int status = check_queue(queue_handle, &queue);
  if (status == CL_SUCCESS) status = check_buffer(*queue, handle, &buffer);
  if (status != CL_SUCCESS) return status;
  if (size == 0 || offset > buffer->size || size > buffer->size - offset) return CL_INVALID_VALUE;
  status = check_map_flags(*buffer, flags);
  if (status != CL_SUCCESS) return status;
  void* memory = malloc(sizeof(MapRecord));
  if (memory == nullptr) return CL_OUT_OF_HOST_MEMORY;
  MapRecord* record = new (memory) MapRecord;
  record->offset = offset;
  record->size = size;
  record->flags = flags;
  status = find_backing(*buffer, record);
  if (status == CL_SUCCESS) {
    status = run_map({*queue, *buffer, blocking, count, list, event}, record);
  }
  if (status != CL_SUCCESS) {
    discard(*buffer->connection, record);
    return status;
  }
  LockGuard guard(buffer->lock);
  record->next = buffer->maps;
  buffer->maps = record;
  buffer->map_count.fetch_add(1, std::memory_order_relaxed);
  *pointer = record->pointer;
  return CL_SUCCESS;
}

MapRecord* take_record(Buffer& buffer, const void* pointer) {
  LockGuard guard(buffer.lock);
  for (MapRecord** link = &buffer.maps; *link != nullptr; link = &(*link)->next) {
    MapRecord* record = *link;
    if (record->pointer != pointer) continue;
    *link = record->next;
    buffer.map_count.fetch_sub(1, std::memory_order_relaxed);
    return record;
  }
  return nullptr;
}

/// Has the worker take the staging block's bytes; the block stays in use until then.
cl_int empty_block(Queue& queue, Buffer& buffer, MapRecord* record, const WaitList& wait,
                   cl_event* event) {
  WriteBufferCommand command{};
  command.buffer = buffer.id;
  command.arena = record->block.arena_id;
  command.arena_offset = record->block.offset +
                         static_cast<uint64_t>(record->pointer - record->block.pointer);
  command.offset = record->offset;
  command.size = record->size;
  const cl_int status =
      enqueue(queue, command, CL_COMMAND_UNMAP_MEM_OBJECT, wait, event, &buffer);
  if (status == CL_SUCCESS) {
    note_staged(queue, queue.submitted.load(std::memory_order_relaxed), record->block);
    record->block = Block();
  }
  return status;
}

cl_int run_unmap(Queue& queue, Buffer& buffer, MapRecord* record, cl_uint count,
                 const cl_event* list, cl_event* event) {
  const bool moves = record->writable() && record->backing != MapRecord::Backing::kShared;
  if (moves && record->backing != MapRecord::Backing::kStaging) {
    Box box;
    box.host = record->pointer;
    box.bytes = record->size;
    box.offset = record->offset;
    return write_buffer(
        {queue, buffer, box, CL_COMMAND_UNMAP_MEM_OBJECT, false, count, list, event});
  }
  WaitList wait;
  cl_int status = collect_wait_list(*queue.context, count, list, &wait);
  if (status != CL_SUCCESS) return status;
  if (!moves) return order_only(queue, CL_COMMAND_UNMAP_MEM_OBJECT, wait, event);
  status = ensure_materialized(buffer);
  return status != CL_SUCCESS ? status : empty_block(queue, buffer, record, wait, event);
}

}  // namespace

void drop_maps(Buffer& buffer) {
  while (buffer.maps != nullptr) {
    MapRecord* record = buffer.maps;
    buffer.maps = record->next;
    discard(*buffer.connection, record);
  }
}

void* CL_API_CALL EnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                                   cl_map_flags flags, size_t offset, size_t size, cl_uint count,
                                   const cl_event* list, cl_event* event, cl_int* errcode_ret) {
  void* pointer = nullptr;
  const cl_int status = map_buffer(queue, buffer, blocking != CL_FALSE, flags, offset, size, count,
                                   list, event, &pointer);
  if (errcode_ret != nullptr) *errcode_ret = status;
  return pointer;
}

cl_int CL_API_CALL EnqueueUnmapMemObject(cl_command_queue queue_handle, cl_mem handle,
                                         void* pointer, cl_uint count, const cl_event* list,
                                         cl_event* event) {
  Queue* queue;
  Buffer* buffer;
  cl_int status = check_queue(queue_handle, &queue);
  if (status != CL_SUCCESS) return status;
  buffer = from_handle<Buffer>(handle);
  if (buffer == nullptr) return CL_INVALID_MEM_OBJECT;
  if (buffer->context != queue->context) return CL_INVALID_CONTEXT;
  if (pointer == nullptr) return CL_INVALID_VALUE;
  MapRecord* record = take_record(*buffer, pointer);
  if (record == nullptr) return CL_INVALID_VALUE;
  // Memory of our own is freed below, so no read may be under way into it.
  Box heap;
  heap.host = record->pointer;
  heap.bytes = record->size;
  const bool stays = record->heap != nullptr && !await_reads_into(*buffer->connection, heap);
  status = stays ? CL_OUT_OF_RESOURCES
                 : run_unmap(*queue, *buffer, record, count, list, event);
  if (stays || status == CL_INVALID_EVENT_WAIT_LIST || status == CL_INVALID_CONTEXT) {
    // Else it is the program's mistake; the region stays mapped.
    LockGuard guard(buffer->lock);
    record->next = buffer->maps;
    buffer->maps = record;
    buffer->map_count.fetch_add(1, std::memory_order_relaxed);
    return status;
  }
  discard(*buffer->connection, record);
  return status;
}

}  // namespace aliquot::guest::opencl
