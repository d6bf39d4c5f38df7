// clEnqueueReadBuffer, clEnqueueWriteBuffer and their rectangular forms: argument checks.
#include "generated/opencl_functions.h"
#include "guest/opencl/rectangle.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr cl_mem_flags kNotReadable = CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS;
constexpr cl_mem_flags kNotWritable = CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;

cl_int check_wait_list(const Queue& queue, cl_uint count, const cl_event* list) {
  if ((count == 0) != (list == nullptr)) return CL_INVALID_EVENT_WAIT_LIST;
  for (cl_uint i = 0; i < count; i++) {
    const Event* event = from_handle<Event>(list[i]);
    if (event == nullptr) return CL_INVALID_EVENT_WAIT_LIST;
    if (event->context != queue.context) return CL_INVALID_CONTEXT;
  }
  return CL_SUCCESS;
}

cl_int fill_box(const Buffer& buffer, const size_t* buffer_origin, const size_t* host_origin,
                const size_t* region, Box* box) {
  if (buffer_origin == nullptr || host_origin == nullptr || region == nullptr) {
    return CL_INVALID_VALUE;
  }
  Rectangle inner{{buffer_origin[0], buffer_origin[1], buffer_origin[2]}, box->buffer_row,
                  box->buffer_slice};
  Rectangle outer{{host_origin[0], host_origin[1], host_origin[2]}, box->host_row,
                  box->host_slice};
  if (!inner.complete(region, buffer.size) || !outer.complete(region, SIZE_MAX / 2)) {
    return CL_INVALID_VALUE;
  }
  box->buffer_row = inner.row;
  box->buffer_slice = inner.slice;
  box->host_row = outer.row;
  box->host_slice = outer.slice;
  box->rect = true;
  for (int i = 0; i < 3; i++) {
    box->buffer_origin[i] = buffer_origin[i];
    box->host_origin[i] = host_origin[i];
    box->region[i] = region[i];
  }
  box->bytes = region[0] * region[1] * region[2];
  // One run of bytes on both sides is a plain transfer.
  const bool one_row =
      region[1] == 1 || (box->buffer_row == region[0] && box->host_row == region[0]);
  const size_t plane = region[0] * region[1];
  const bool one_plane =
      region[2] == 1 || (box->buffer_slice == plane && box->host_slice == plane);
  if (one_row && one_plane) {
    box->rect = false;
    box->offset = inner.first;
    box->host += outer.first;
  }
  return CL_SUCCESS;
}

struct Arguments {
  Queue* queue = nullptr;
  Buffer* buffer = nullptr;
};

cl_int check(cl_command_queue queue_handle, cl_mem buffer_handle, cl_mem_flags forbidden,
             const void* host, cl_uint count, const cl_event* list, Arguments* out) {
  cl_int status = check_queue(queue_handle, &out->queue);
  if (status != CL_SUCCESS) return status;
  status = check_buffer(*out->queue, buffer_handle, &out->buffer);
  if (status != CL_SUCCESS) return status;
  if (host == nullptr) return CL_INVALID_VALUE;
  if ((out->buffer->flags & forbidden) != 0) return CL_INVALID_OPERATION;
  return count == 0 && list == nullptr ? CL_SUCCESS : check_wait_list(*out->queue, count, list);
}

bool in_range(const Buffer& buffer, size_t offset, size_t size) {
  return size != 0 && offset <= buffer.size && size <= buffer.size - offset;
}

}  // namespace

cl_int CL_API_CALL EnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                                      size_t offset, size_t size, const void* host, cl_uint count,
                                      const cl_event* list, cl_event* event) {
  Arguments arguments;
  const cl_int status = check(queue, buffer, kNotWritable, host, count, list, &arguments);
  if (status != CL_SUCCESS) return status;
  if (!in_range(*arguments.buffer, offset, size)) return CL_INVALID_VALUE;
  Box box;
  box.host = static_cast<unsigned char*>(const_cast<void*>(host));
  box.bytes = size;
  box.offset = offset;
  return write_buffer({*arguments.queue, *arguments.buffer, box, CL_COMMAND_WRITE_BUFFER,
                       blocking != CL_FALSE, count, list, event});
}

cl_int CL_API_CALL EnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                                     size_t offset, size_t size, void* host, cl_uint count,
                                     const cl_event* list, cl_event* event) {
  Arguments arguments;
  const cl_int status = check(queue, buffer, kNotReadable, host, count, list, &arguments);
  if (status != CL_SUCCESS) return status;
  if (!in_range(*arguments.buffer, offset, size)) return CL_INVALID_VALUE;
  Box box;
  box.host = static_cast<unsigned char*>(host);
  box.bytes = size;
  box.offset = offset;
  return read_buffer({*arguments.queue, *arguments.buffer, box, CL_COMMAND_READ_BUFFER,
                      blocking != CL_FALSE, count, list, event});
}

cl_int CL_API_CALL EnqueueWriteBufferRect(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                                          const size_t* buffer_origin, const size_t* host_origin,
                                          const size_t* region, size_t buffer_row_pitch,
                                          size_t buffer_slice_pitch, size_t host_row_pitch,
                                          size_t host_slice_pitch, const void* host, cl_uint count,
                                          const cl_event* list, cl_event* event) {
  Arguments arguments;
  cl_int status = check(queue, buffer, kNotWritable, host, count, list, &arguments);
  if (status != CL_SUCCESS) return status;
  Box box;
  box.host = static_cast<unsigned char*>(const_cast<void*>(host));
  box.buffer_row = buffer_row_pitch;
  box.buffer_slice = buffer_slice_pitch;
  box.host_row = host_row_pitch;
  box.host_slice = host_slice_pitch;
  status = fill_box(*arguments.buffer, buffer_origin, host_origin, region, &box);
  if (status != CL_SUCCESS) return status;
  return write_buffer({*arguments.queue, *arguments.buffer, box, CL_COMMAND_WRITE_BUFFER_RECT,
                       blocking != CL_FALSE, count, list, event});
}

cl_int CL_API_CALL EnqueueReadBufferRect(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                                         const size_t* buffer_origin, const size_t* host_origin,
                                         const size_t* region, size_t buffer_row_pitch,
                                         size_t buffer_slice_pitch, size_t host_row_pitch,
                                         size_t host_slice_pitch, void* host, cl_uint count,
                                         const cl_event* list, cl_event* event) {
  Arguments arguments;
  cl_int status = check(queue, buffer, kNotReadable, host, count, list, &arguments);
  if (status != CL_SUCCESS) return status;
  Box box;
  box.host = static_cast<unsigned char*>(host);
  box.buffer_row = buffer_row_pitch;
  box.buffer_slice = buffer_slice_pitch;
  box.host_row = host_row_pitch;
  box.host_slice = host_slice_pitch;
  status = fill_box(*arguments.buffer, buffer_origin, host_origin, region, &box);
  if (status != CL_SUCCESS) return status;
  return read_buffer({*arguments.queue, *arguments.buffer, box, CL_COMMAND_READ_BUFFER_RECT,
                      blocking != CL_FALSE, count, list, event});
}

}  // namespace aliquot::guest::opencl
