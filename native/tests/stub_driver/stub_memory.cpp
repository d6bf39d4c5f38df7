// Buffers of the stub driver, and the commands on them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "stub_objects.h"

namespace aliquot::stub {

std::shared_ptr<_cl_mem> hold(cl_mem memory) {
  retain(memory);
  return {memory, release_memory};
}

namespace {

cl_mem CreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host, cl_int* error) {
  check(context);
  if (size == 0) {
    set_error(error, CL_INVALID_BUFFER_SIZE);
    return nullptr;
  }
  auto* memory = new _cl_mem;
  memory->context = context;
  memory->flags = flags;
  memory->size = size;
  if ((flags & CL_MEM_USE_HOST_PTR) != 0) {
    memory->data = static_cast<unsigned char*>(host);
  } else {
    memory->data = static_cast<unsigned char*>(std::calloc(1, size));
    memory->owns_data = true;
    if (memory->data != nullptr && (flags & CL_MEM_COPY_HOST_PTR) != 0) {
      std::memcpy(memory->data, host, size);
    }
  }
  if (memory->data == nullptr) {
    delete memory;
    set_error(error, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    return nullptr;
  }
  set_error(error, CL_SUCCESS);
  return memory;
}

cl_mem CreateSubBuffer(cl_mem parent, cl_mem_flags flags, cl_buffer_create_type, const void* info,
                       cl_int* error) {
  check(parent);
  const auto* region = static_cast<const cl_buffer_region*>(info);
  if (region->size == 0 || region->size > parent->size ||
      region->origin > parent->size - region->size) {
    set_error(error, CL_INVALID_VALUE);
    return nullptr;
  }
  retain(parent);
  auto* memory = new _cl_mem;
  memory->context = parent->context;
  memory->parent = parent;
  memory->flags = flags;
  memory->origin = region->origin;
  memory->size = region->size;
  memory->data = parent->data + region->origin;
  set_error(error, CL_SUCCESS);
  return memory;
}

cl_int ReleaseMemObject(cl_mem memory) {
  release_memory(memory);
  return CL_SUCCESS;
}

cl_int SetMemObjectDestructorCallback(cl_mem memory, void(CL_CALLBACK* function)(cl_mem, void*),
                                      void* user) {
  check(memory);
  std::scoped_lock hold(memory->lock);
  memory->destructors.emplace_back(function, user);
  return CL_SUCCESS;
}

bool in_range(cl_mem memory, size_t offset, size_t size) {
  return size != 0 && size <= memory->size && offset <= memory->size - size;
}

cl_int EnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset,
                         size_t size, void* host, cl_uint wait_count, const cl_event* wait,
                         cl_event* event) {
  check(queue);
  check(memory);
  if (!in_range(memory, offset, size) || host == nullptr) return CL_INVALID_VALUE;
  const cl_int code =
      enqueue(queue, CL_COMMAND_READ_BUFFER, wait_count, wait, event,
              [=, held = hold(memory)] { std::memcpy(host, held->data + offset, size); });
  if (code == CL_SUCCESS && blocking) finish(queue);
  return code;
}

cl_int EnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset,
                          size_t size, const void* host, cl_uint wait_count, const cl_event* wait,
                          cl_event* event) {
  check(queue);
  check(memory);
  if (!in_range(memory, offset, size) || host == nullptr) return CL_INVALID_VALUE;
  const cl_int code =
      enqueue(queue, CL_COMMAND_WRITE_BUFFER, wait_count, wait, event,
              [=, held = hold(memory)] { std::memcpy(held->data + offset, host, size); });
  if (code == CL_SUCCESS && blocking) finish(queue);
  return code;
}

// Of the buffer's own memory; no event, and nothing to wait for.
void* EnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags,
                       size_t offset, size_t size, cl_uint wait_count, const cl_event*,
                       cl_event* event, cl_int* error) {
  check(queue);
  check(memory);
  const bool possible = in_range(memory, offset, size) && blocking != CL_FALSE &&
                        wait_count == 0 && event == nullptr;
  set_error(error, possible ? CL_SUCCESS : CL_INVALID_VALUE);
  if (!possible) return nullptr;
  finish(queue);
  memory->maps.fetch_add(1);
  return memory->data + offset;
}

cl_int EnqueueUnmapMemObject(cl_command_queue queue, cl_mem memory, void* mapped,
                             cl_uint wait_count, const cl_event* wait, cl_event* event) {
  check(memory);
  const auto* place = static_cast<unsigned char*>(mapped);
  if (memory->maps.fetch_sub(1) <= 0 || place < memory->data ||
      place >= memory->data + memory->size) {
    std::abort();
  }
  return enqueue(queue, CL_COMMAND_UNMAP_MEM_OBJECT, wait_count, wait, event,
                 [held = hold(memory)] {});
}

cl_int EnqueueCopyBuffer(cl_command_queue queue, cl_mem source, cl_mem target, size_t from,
                         size_t to, size_t size, cl_uint wait_count, const cl_event* wait,
                         cl_event* event) {
  check(queue);
  check(source);
  check(target);
  if (!in_range(source, from, size) || !in_range(target, to, size)) return CL_INVALID_VALUE;
  return enqueue(queue, CL_COMMAND_COPY_BUFFER, wait_count, wait, event,
                 [=, in = hold(source), out = hold(target)] {
                   std::memmove(out->data + to, in->data + from, size);
                 });
}

cl_int EnqueueFillBuffer(cl_command_queue queue, cl_mem memory, const void* pattern,
                         size_t pattern_size, size_t offset, size_t size, cl_uint wait_count,
                         const cl_event* wait, cl_event* event) {
  check(queue);
  check(memory);
  if (!in_range(memory, offset, size) || pattern_size == 0 || size % pattern_size != 0) {
    return CL_INVALID_VALUE;
  }
  std::string bytes(static_cast<const char*>(pattern), pattern_size);
  return enqueue(queue, CL_COMMAND_FILL_BUFFER, wait_count, wait, event,
                 [held = hold(memory), bytes, offset, size] {
                   for (size_t at = 0; at < size; at += bytes.size()) {
                     std::memcpy(held->data + offset + at, bytes.data(), bytes.size());
                   }
                 });
}

/** One side of a rectangle copy. */
struct Side {
  size_t origin[3];
  size_t row;
  size_t slice;

  Side(const size_t* from, const size_t* region, size_t row_pitch, size_t slice_pitch)
      : origin{from[0], from[1], from[2]},
        row(row_pitch != 0 ? row_pitch : region[0]),
        slice(slice_pitch != 0 ? slice_pitch : row * region[1]) {}

  size_t at(size_t y, size_t z) const {
    return origin[0] + (origin[1] + y) * row + (origin[2] + z) * slice;
  }

  bool fits(const size_t* region, size_t size) const {
    size_t last = 0;
    if (region[0] == 0 || region[1] == 0 || region[2] == 0 || row < region[0]) return false;
    if (__builtin_mul_overflow(origin[2] + region[2] - 1, slice, &last)) return false;
    if (__builtin_add_overflow(last, (origin[1] + region[1] - 1) * row, &last)) return false;
    return last <= size && origin[0] + region[0] <= size - last;
  }
};

void copy_rectangle(unsigned char* out, const Side& to, const unsigned char* in, const Side& from,
                    const size_t* region) {
  for (size_t z = 0; z < region[2]; ++z) {
    for (size_t y = 0; y < region[1]; ++y) {
      std::memmove(out + to.at(y, z), in + from.at(y, z), region[0]);
    }
  }
}

struct Region {
  size_t size[3];
};

cl_int EnqueueReadBufferRect(cl_command_queue queue, cl_mem memory, cl_bool blocking,
                             const size_t* origin, const size_t* host_origin, const size_t* region,
                             size_t row, size_t slice, size_t host_row, size_t host_slice,
                             void* host, cl_uint wait_count, const cl_event* wait,
                             cl_event* event) {
  check(queue);
  check(memory);
  const Side from(origin, region, row, slice), to(host_origin, region, host_row, host_slice);
  if (!from.fits(region, memory->size)) return CL_INVALID_VALUE;
  const Region area{{region[0], region[1], region[2]}};
  const cl_int code = enqueue(
      queue, CL_COMMAND_READ_BUFFER_RECT, wait_count, wait, event, [=, held = hold(memory)] {
        copy_rectangle(static_cast<unsigned char*>(host), to, held->data, from, area.size);
      });
  if (code == CL_SUCCESS && blocking) finish(queue);
  return code;
}

cl_int EnqueueWriteBufferRect(cl_command_queue queue, cl_mem memory, cl_bool blocking,
                              const size_t* origin, const size_t* host_origin,
                              const size_t* region, size_t row, size_t slice, size_t host_row,
                              size_t host_slice, const void* host, cl_uint wait_count,
                              const cl_event* wait, cl_event* event) {
  check(queue);
  check(memory);
  const Side to(origin, region, row, slice), from(host_origin, region, host_row, host_slice);
  if (!to.fits(region, memory->size)) return CL_INVALID_VALUE;
  const Region area{{region[0], region[1], region[2]}};
  const cl_int code = enqueue(
      queue, CL_COMMAND_WRITE_BUFFER_RECT, wait_count, wait, event, [=, held = hold(memory)] {
        copy_rectangle(held->data, to, static_cast<const unsigned char*>(host), from, area.size);
      });
  if (code == CL_SUCCESS && blocking) finish(queue);
  return code;
}

cl_int EnqueueCopyBufferRect(cl_command_queue queue, cl_mem source, cl_mem target,
                             const size_t* source_origin, const size_t* target_origin,
                             const size_t* region, size_t source_row, size_t source_slice,
                             size_t target_row, size_t target_slice, cl_uint wait_count,
                             const cl_event* wait, cl_event* event) {
  check(queue);
  check(source);
  check(target);
  const Side from(source_origin, region, source_row, source_slice);
  const Side to(target_origin, region, target_row, target_slice);
  if (!from.fits(region, source->size) || !to.fits(region, target->size)) return CL_INVALID_VALUE;
  const Region area{{region[0], region[1], region[2]}};
  return enqueue(queue, CL_COMMAND_COPY_BUFFER_RECT, wait_count, wait, event,
                 [=, in = hold(source), out = hold(target)] {
                   copy_rectangle(out->data, to, in->data, from, area.size);
                 });
}

cl_int EnqueueMigrateMemObjects(cl_command_queue queue, cl_uint count, const cl_mem* objects,
                                cl_mem_migration_flags, cl_uint wait_count, const cl_event* wait,
                                cl_event* event) {
  check(queue);
  if (count == 0 || objects == nullptr) return CL_INVALID_VALUE;
  for (cl_uint i = 0; i < count; ++i) check(objects[i]);
  return enqueue(queue, CL_COMMAND_MIGRATE_MEM_OBJECTS, wait_count, wait, event, {});
}

cl_int EnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint wait_count, const cl_event* wait,
                                 cl_event* event) {
  return enqueue(queue, CL_COMMAND_MARKER, wait_count, wait, event, {});
}

cl_int EnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint wait_count, const cl_event* wait,
                                  cl_event* event) {
  return enqueue(queue, CL_COMMAND_BARRIER, wait_count, wait, event, {});
}

cl_int EnqueueNativeKernel(cl_command_queue queue, void(CL_CALLBACK* function)(void*),
                           void* arguments, size_t bytes, cl_uint memory_count, const cl_mem*,
                           const void**, cl_uint wait_count, const cl_event* wait,
                           cl_event* event) {
  if (memory_count != 0) return CL_INVALID_VALUE;
  const auto* begin = static_cast<const unsigned char*>(arguments);
  return enqueue(queue, CL_COMMAND_NATIVE_KERNEL, wait_count, wait, event,
                 [function, copy = std::vector(begin, begin + bytes)]() mutable {
                   function(copy.data());
                 });
}

}  // namespace

void add_memory_functions(cl_icd_dispatch* table) {
  table->clCreateBuffer = CreateBuffer;
  table->clCreateSubBuffer = CreateSubBuffer;
  table->clRetainMemObject = retain_object<cl_mem>;
  table->clReleaseMemObject = ReleaseMemObject;
  table->clSetMemObjectDestructorCallback = SetMemObjectDestructorCallback;
  table->clEnqueueReadBuffer = EnqueueReadBuffer;
  table->clEnqueueWriteBuffer = EnqueueWriteBuffer;
  table->clEnqueueMapBuffer = EnqueueMapBuffer;
  table->clEnqueueUnmapMemObject = EnqueueUnmapMemObject;
  table->clEnqueueCopyBuffer = EnqueueCopyBuffer;
  table->clEnqueueFillBuffer = EnqueueFillBuffer;
  table->clEnqueueReadBufferRect = EnqueueReadBufferRect;
  table->clEnqueueWriteBufferRect = EnqueueWriteBufferRect;
  table->clEnqueueCopyBufferRect = EnqueueCopyBufferRect;
  table->clEnqueueMigrateMemObjects = EnqueueMigrateMemObjects;
  table->clEnqueueMarkerWithWaitList = EnqueueMarkerWithWaitList;
  table->clEnqueueBarrierWithWaitList = EnqueueBarrierWithWaitList;
  table->clEnqueueNativeKernel = EnqueueNativeKernel;
}

}  // namespace aliquot::stub
