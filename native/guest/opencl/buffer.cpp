// Buffers and sub-buffers: creation, queries, counts, destructor callbacks.
#include <cstring>

#include "generated/opencl_functions.h"
#include "guest/opencl/info.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr cl_mem_flags kDeviceAccess = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
constexpr cl_mem_flags kHostAccess =
    CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
constexpr cl_mem_flags kHostPointer =
    CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR;

bool at_most_one(cl_mem_flags bits) { return (bits & (bits - 1)) == 0; }

cl_int check_flags(cl_mem_flags flags) {
  if ((flags & ~(kDeviceAccess | kHostAccess | kHostPointer)) != 0) return CL_INVALID_VALUE;
  if (!at_most_one(flags & kDeviceAccess) || !at_most_one(flags & kHostAccess)) {
    return CL_INVALID_VALUE;
  }
  if ((flags & CL_MEM_USE_HOST_PTR) != 0 &&
      (flags & (CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0) {
    return CL_INVALID_VALUE;
  }
  return CL_SUCCESS;
}

cl_int check_size(const Context& context, size_t size) {
  if (size == 0) return CL_INVALID_BUFFER_SIZE;
  for (const Device* device : context.devices) {
    if (size <= device->max_mem_alloc_size) return CL_SUCCESS;
  }
  return CL_INVALID_BUFFER_SIZE;
}

cl_int fill_initially(Buffer& buffer, const void* data) {
  unsigned char* shared = shared_pointer(buffer);
  if (shared == nullptr) return upload(buffer, data);
  const CountedCopy counted(buffer.connection->times, buffer.size);
  memcpy(shared, data, buffer.size);
  return CL_SUCCESS;
}

cl_int create(cl_context context_handle, cl_mem_flags flags, size_t size, void* host_ptr,
              Buffer** out) {
  Context* context = from_handle<Context>(context_handle);
  if (context == nullptr) return CL_INVALID_CONTEXT;
  cl_int status = check_flags(flags);
  if (status != CL_SUCCESS) return status;
  status = check_size(*context, size);
  if (status != CL_SUCCESS) return status;
  const bool wants_host_ptr = (flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0;
  if (wants_host_ptr != (host_ptr != nullptr)) return CL_INVALID_HOST_PTR;
  Connection& connection = *context->connection;
  if (!peer_alive(connection)) return CL_OUT_OF_RESOURCES;
  if (!take_memory(connection, size)) {
    return connection.dead() ? CL_OUT_OF_RESOURCES : CL_MEM_OBJECT_ALLOCATION_FAILURE;
  }
  Buffer* buffer = make<Buffer>(&connection);
  if (buffer == nullptr) {
    return_memory(connection, size);
    return CL_OUT_OF_HOST_MEMORY;
  }
  buffer->context = context;
  hold(*context);
  buffer->credit_bytes = size;
  buffer->size = size;
  buffer->flags = (flags & kDeviceAccess) == 0 ? flags | CL_MEM_READ_WRITE : flags;
  if ((flags & CL_MEM_USE_HOST_PTR) != 0) buffer->host_ptr = host_ptr;
  if (wants_host_ptr) {
    Box contents;
    contents.host = static_cast<unsigned char*>(host_ptr);
    contents.bytes = size;
    copy_out_into(connection, contents);
    status = fill_initially(*buffer, host_ptr);
    if (status != CL_SUCCESS) {
      release(*buffer);
      return status;
    }
  }
  *out = buffer;
  return CL_SUCCESS;
}

cl_mem hand_out(Buffer* buffer, cl_int status, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = status;
  return status == CL_SUCCESS ? to_handle(buffer) : nullptr;
}

/// Flags of a sub-buffer: its own, completed by the parent's.
cl_int inherit_flags(cl_mem_flags parent, cl_mem_flags* flags) {
  const cl_mem_flags own = *flags;
  if ((own & ~(kDeviceAccess | kHostAccess)) != 0) return CL_INVALID_VALUE;
  if (!at_most_one(own & kDeviceAccess) || !at_most_one(own & kHostAccess)) {
    return CL_INVALID_VALUE;
  }
  if ((parent & CL_MEM_WRITE_ONLY) != 0 && (own & (CL_MEM_READ_WRITE | CL_MEM_READ_ONLY)) != 0) {
    return CL_INVALID_VALUE;
  }
  if ((parent & CL_MEM_READ_ONLY) != 0 && (own & (CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY)) != 0) {
    return CL_INVALID_VALUE;
  }
  if ((parent & CL_MEM_HOST_WRITE_ONLY) != 0 && (own & CL_MEM_HOST_READ_ONLY) != 0) {
    return CL_INVALID_VALUE;
  }
  if ((parent & CL_MEM_HOST_READ_ONLY) != 0 && (own & CL_MEM_HOST_WRITE_ONLY) != 0) {
    return CL_INVALID_VALUE;
  }
  if ((parent & CL_MEM_HOST_NO_ACCESS) != 0 &&
      (own & (CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_WRITE_ONLY)) != 0) {
    return CL_INVALID_VALUE;
  }
  if ((own & kDeviceAccess) == 0) *flags |= parent & kDeviceAccess;
  if ((own & kHostAccess) == 0) *flags |= parent & kHostAccess;
  *flags |= parent & kHostPointer;
  return CL_SUCCESS;
}

bool aligned_for_some_device(const Context& context, size_t origin) {
  for (const Device* device : context.devices) {
    const uint32_t align = device->base_address_align_bits / 8;
    if (align == 0 || origin % align == 0) return true;
  }
  return false;
}

cl_int create_part(cl_mem handle, cl_mem_flags flags, cl_buffer_create_type type, const void* info,
                   Buffer** out) {
  Buffer* parent = from_handle<Buffer>(handle);
  if (parent == nullptr || parent->parent != nullptr) return CL_INVALID_MEM_OBJECT;
  const cl_int status = inherit_flags(parent->flags, &flags);
  if (status != CL_SUCCESS) return status;
  if (type != CL_BUFFER_CREATE_TYPE_REGION || info == nullptr) return CL_INVALID_VALUE;
  const cl_buffer_region region = *static_cast<const cl_buffer_region*>(info);
  if (region.size == 0) return CL_INVALID_BUFFER_SIZE;
  if (region.origin > parent->size || region.size > parent->size - region.origin) {
    return CL_INVALID_VALUE;
  }
  if (!aligned_for_some_device(*parent->context, region.origin)) {
    return CL_MISALIGNED_SUB_BUFFER_OFFSET;
  }
  if (!peer_alive(*parent->connection)) return CL_OUT_OF_RESOURCES;
  Buffer* buffer = make<Buffer>(parent->connection);
  if (buffer == nullptr) return CL_OUT_OF_HOST_MEMORY;
  buffer->context = parent->context;
  hold(*parent->context);
  buffer->parent = parent;
  hold(*parent);
  buffer->flags = flags;
  buffer->origin = region.origin;
  buffer->size = region.size;
  if (parent->host_ptr != nullptr) {
    buffer->host_ptr = static_cast<unsigned char*>(parent->host_ptr) + region.origin;
  }
  *out = buffer;
  return CL_SUCCESS;
}

}  // namespace

cl_mem CL_API_CALL CreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host_ptr,
                                cl_int* errcode_ret) {
  Buffer* buffer = nullptr;
  const cl_int status = create(context, flags, size, host_ptr, &buffer);
  return hand_out(buffer, status, errcode_ret);
}

cl_mem CL_API_CALL CreateBufferWithProperties(cl_context context,
                                              const cl_mem_properties* properties,
                                              cl_mem_flags flags, size_t size, void* host_ptr,
                                              cl_int* errcode_ret) {
  Buffer* buffer = nullptr;
  cl_int status = CL_SUCCESS;
  // Only the empty list has a meaning here; it is remembered for CL_MEM_PROPERTIES.
  if (properties != nullptr && *properties != 0) {
    status = from_handle<Context>(context) == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_PROPERTY;
  } else {
    status = create(context, flags, size, host_ptr, &buffer);
  }
  if (status == CL_SUCCESS && properties != nullptr) {
    buffer->has_properties = buffer->properties.push_back(0);
  }
  return hand_out(buffer, status, errcode_ret);
}

cl_mem CL_API_CALL CreateSubBuffer(cl_mem parent, cl_mem_flags flags, cl_buffer_create_type type,
                                   const void* info, cl_int* errcode_ret) {
  Buffer* buffer = nullptr;
  const cl_int status = create_part(parent, flags, type, info, &buffer);
  return hand_out(buffer, status, errcode_ret);
}

cl_int CL_API_CALL RetainMemObject(cl_mem handle) {
  Buffer* buffer = from_handle<Buffer>(handle);
  if (buffer == nullptr) return CL_INVALID_MEM_OBJECT;
  retain(*buffer);
  return CL_SUCCESS;
}

cl_int CL_API_CALL ReleaseMemObject(cl_mem handle) {
  Buffer* buffer = from_handle<Buffer>(handle);
  if (buffer == nullptr || !release(*buffer)) return CL_INVALID_MEM_OBJECT;
  return CL_SUCCESS;
}

cl_int CL_API_CALL SetMemObjectDestructorCallback(cl_mem handle, MemoryNotify notify,
                                                  void* user_data) {
  Buffer* buffer = from_handle<Buffer>(handle);
  if (buffer == nullptr) return CL_INVALID_MEM_OBJECT;
  if (notify == nullptr) return CL_INVALID_VALUE;
  if (buffer->connection->dead()) return CL_OUT_OF_RESOURCES;
  LockGuard guard(buffer->lock);
  const DestructorCallback callback{reinterpret_cast<void (*)(void*, void*)>(notify), user_data};
  return buffer->destructors.push_back(callback) ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

cl_int CL_API_CALL GetMemObjectInfo(cl_mem handle, cl_mem_info parameter, size_t room, void* value,
                                    size_t* size_ret) {
  Buffer* buffer = from_handle<Buffer>(handle);
  if (buffer == nullptr) return CL_INVALID_MEM_OBJECT;
  const InfoTarget target{room, value, size_ret};
  switch (parameter) {
    case CL_MEM_TYPE:
      return target.value_of(cl_mem_object_type{CL_MEM_OBJECT_BUFFER});
    case CL_MEM_FLAGS:
      return target.value_of(buffer->flags);
    case CL_MEM_SIZE:
      return target.value_of(buffer->size);
    case CL_MEM_HOST_PTR:
      return target.value_of(buffer->host_ptr);
    case CL_MEM_MAP_COUNT:
      return target.value_of(cl_uint{buffer->map_count.load(std::memory_order_relaxed)});
    case CL_MEM_REFERENCE_COUNT:
      return target.value_of(cl_uint{buffer->references.load(std::memory_order_relaxed)});
    case CL_MEM_CONTEXT:
      return target.value_of(to_handle(buffer->context));
    case CL_MEM_ASSOCIATED_MEMOBJECT:
      return target.value_of(buffer->parent == nullptr ? cl_mem{nullptr}
                                                       : to_handle(buffer->parent));
    case CL_MEM_OFFSET:
      return target.value_of(buffer->origin);
    case CL_MEM_USES_SVM_POINTER:
      return target.value_of(cl_bool{CL_FALSE});
    case CL_MEM_PROPERTIES:
      return target.bytes(buffer->properties.data(),
                          buffer->properties.size() * sizeof(cl_mem_properties));
    default:
      return CL_INVALID_VALUE;
  }
}

}  // namespace aliquot::guest::opencl
