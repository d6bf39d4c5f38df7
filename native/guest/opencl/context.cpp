#include "generated/opencl_functions.h"
#include "guest/opencl/info.h"
#include "guest/opencl/internal.h"
#include "guest/opencl/platform.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostDevices = 256;

/// Checks a property list and counts its words, the terminating 0 included.
cl_int check_properties(const cl_context_properties* properties, size_t* words) {
  *words = 0;
  if (properties == nullptr) return CL_SUCCESS;
  bool platform_seen = false;
  bool sync_seen = false;
  size_t i = 0;
  for (; properties[i] != 0; i += 2) {
    switch (properties[i]) {
      case CL_CONTEXT_PLATFORM:
        if (platform_seen) return CL_INVALID_PROPERTY;
        platform_seen = true;
        if (from_handle<Platform>(reinterpret_cast<cl_platform_id>(properties[i + 1])) ==
            nullptr) {
          return CL_INVALID_PLATFORM;
        }
        break;
      case CL_CONTEXT_INTEROP_USER_SYNC:
        if (sync_seen || (properties[i + 1] != CL_TRUE && properties[i + 1] != CL_FALSE)) {
          return CL_INVALID_PROPERTY;
        }
        sync_seen = true;
        break;
      default:
        return CL_INVALID_PROPERTY;
    }
  }
  *words = i + 1;
  return CL_SUCCESS;
}

/// Lists the devices, each once; `connection` must own the sub-devices among them.
cl_int collect_devices(cl_uint count, const cl_device_id* handles, const Connection* connection,
                       Context* context) {
  for (cl_uint i = 0; i < count; ++i) {
    Device* device = from_handle<Device>(handles[i]);
    if (device == nullptr) return CL_INVALID_DEVICE;
    if (!device->available) return CL_DEVICE_NOT_AVAILABLE;
    if (device->connection != nullptr && device->connection != connection) {
      return CL_DEVICE_NOT_AVAILABLE;
    }
    if (context->has(device)) continue;
    if (context->devices.size() == kMostDevices) return CL_OUT_OF_RESOURCES;
    if (!context->devices.push_back(device)) return CL_OUT_OF_HOST_MEMORY;
    hold(*device);
  }
  return CL_SUCCESS;
}

/// Has the worker make the context.
cl_int create_remotely(Connection& connection, Context& context) {
  uint32_t devices[kMostDevices];
  for (size_t i = 0; i < context.devices.size(); ++i) devices[i] = context.devices[i]->id;
  context.id = take_id(connection, Kind::kContext);
  if (context.id == 0) return CL_OUT_OF_RESOURCES;
  CreateContextCommand command;
  command.context = context.id;
  command.devices = {devices, context.devices.size()};
  ReplyWait reply(connection);
  if (!ask(connection, reply, command)) return CL_DEVICE_NOT_AVAILABLE;
  return reply.status();
}

cl_int create(const cl_context_properties* properties, cl_uint num_devices,
              const cl_device_id* devices, ContextNotify pfn_notify, void* user_data,
              Context** made) {
  if (devices == nullptr || num_devices == 0) return CL_INVALID_VALUE;
  if (pfn_notify == nullptr && user_data != nullptr) return CL_INVALID_VALUE;
  size_t words = 0;
  cl_int status = check_properties(properties, &words);
  if (status != CL_SUCCESS) return status;
  Connection* connection = live_connection();
  if (connection == nullptr) return CL_DEVICE_NOT_AVAILABLE;
  Context* context = make<Context>(connection);
  if (context == nullptr) return CL_OUT_OF_HOST_MEMORY;
  status = collect_devices(num_devices, devices, connection, context);
  if (status == CL_SUCCESS && words != 0) {
    if (context->properties.resize(words)) {
      memcpy(context->properties.data(), properties, words * sizeof *properties);
    } else {
      status = CL_OUT_OF_HOST_MEMORY;
    }
  }
  if (status == CL_SUCCESS) status = create_remotely(*connection, *context);
  if (status != CL_SUCCESS) {
    release(*context);  // an id that the worker doesn't know is ignored there
    return status;
  }
  *made = context;
  return CL_SUCCESS;
}

}  // namespace

cl_context CreateContext(const cl_context_properties* properties, cl_uint num_devices,
                         const cl_device_id* devices, ContextNotify pfn_notify, void* user_data,
                         cl_int* errcode_ret) {
  Context* context = nullptr;
  const cl_int status =
      create(properties, num_devices, devices, pfn_notify, user_data, &context);
  if (errcode_ret != nullptr) *errcode_ret = status;
  return context == nullptr ? nullptr : to_handle(context);
}

cl_context CreateContextFromType(const cl_context_properties* properties,
                                 cl_device_type device_type, ContextNotify pfn_notify,
                                 void* user_data, cl_int* errcode_ret) {
  cl_device_id device = nullptr;
  cl_int status = GetDeviceIDs(nullptr, device_type, 1, &device, nullptr);
  Context* context = nullptr;
  if (status == CL_SUCCESS) {
    status = create(properties, 1, &device, pfn_notify, user_data, &context);
  }
  if (errcode_ret != nullptr) *errcode_ret = status;
  return context == nullptr ? nullptr : to_handle(context);
}

cl_int RetainContext(cl_context handle) {
  Context* context = from_handle<Context>(handle);
  if (context == nullptr) return CL_INVALID_CONTEXT;
  retain(*context);
  return CL_SUCCESS;
}

cl_int ReleaseContext(cl_context handle) {
  Context* context = from_handle<Context>(handle);
  return context != nullptr && release(*context) ? CL_SUCCESS : CL_INVALID_CONTEXT;
}

void finalize(Context& context) {
  drop_upload_queue(context);
  for (size_t i = context.destructors.size(); i > 0; --i) {
    const DestructorCallback& callback = context.destructors[i - 1];
    callback.function(to_handle(&context), callback.user_data);
  }
  drop_ended_event(context);
  if (context.id != 0) release_remote(*context.connection, Kind::kContext, context.id);
  for (Device* device : context.devices) unhold(*device);
}

cl_int GetContextInfo(cl_context handle, cl_context_info param_name, size_t param_value_size,
                      void* param_value, size_t* param_value_size_ret) {
  Context* context = from_handle<Context>(handle);
  if (context == nullptr) return CL_INVALID_CONTEXT;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_CONTEXT_REFERENCE_COUNT:
      return target.value_of<cl_uint>(context->references.load(std::memory_order_relaxed));
    case CL_CONTEXT_NUM_DEVICES:
      return target.value_of(static_cast<cl_uint>(context->devices.size()));
    case CL_CONTEXT_DEVICES: {
      cl_device_id devices[kMostDevices];
      for (size_t i = 0; i < context->devices.size(); ++i) {
        devices[i] = to_handle(context->devices[i]);
      }
      return target.bytes(devices, context->devices.size() * sizeof devices[0]);
    }
    case CL_CONTEXT_PROPERTIES:
      return target.bytes(context->properties.data(),
                          context->properties.size() * sizeof(cl_context_properties));
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int SetContextDestructorCallback(cl_context handle, ContextDestroyed pfn_notify,
                                    void* user_data) {
  Context* context = from_handle<Context>(handle);
  if (context == nullptr) return CL_INVALID_CONTEXT;
  if (pfn_notify == nullptr) return CL_INVALID_VALUE;
  if (context->connection->dead()) return CL_OUT_OF_RESOURCES;
  LockGuard guard(context->lock);
  const DestructorCallback callback{reinterpret_cast<void (*)(void*, void*)>(pfn_notify),
                                    user_data};
  return context->destructors.push_back(callback) ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

// A device without images has no formats for them.
cl_int GetSupportedImageFormats(cl_context handle, cl_mem_flags, cl_mem_object_type,
                                cl_uint num_entries, cl_image_format* image_formats,
                                cl_uint* num_image_formats) {
  if (from_handle<Context>(handle) == nullptr) return CL_INVALID_CONTEXT;
  if (num_entries == 0 && image_formats != nullptr) return CL_INVALID_VALUE;
  if (num_image_formats != nullptr) *num_image_formats = 0;
  return CL_SUCCESS;
}

}  // namespace aliquot::guest::opencl
