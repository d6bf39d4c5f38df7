#include <algorithm>

#include "generated/opencl_functions.h"
#include "guest/opencl/answer.h"
#include "guest/opencl/info.h"
#include "guest/opencl/platform.h"
#include "guest/opencl/snapshot.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostSubDevices = 256;
constexpr size_t kMostPartitionWords = 64;

/// Answers that the snapshot doesn't have in the range of the core's names.
cl_int rare_info(const Device& device, cl_device_info name, const InfoTarget& target) {
  for (const RareAnswer& rare : device.rare) {
    if (rare.parameter == name) return target.bytes(rare.answer.data, rare.answer.size);
  }
  return CL_INVALID_VALUE;
}

/// What a sub-device answers by itself; CL_INVALID_VALUE means: look into the snapshot.
cl_int sub_device_info(Device& device, cl_device_info name, const InfoTarget& target) {
  switch (name) {
    case CL_DEVICE_PLATFORM:
      return target.value_of(to_handle(platform()));
    case CL_DEVICE_PARENT_DEVICE:
      return target.value_of(to_handle(device.parent));
    case CL_DEVICE_REFERENCE_COUNT:
      return target.value_of<cl_uint>(device.references.load(std::memory_order_relaxed));
    case CL_DEVICE_PARTITION_TYPE:
      return target.bytes(device.partition.data(),
                          device.partition.size() * sizeof(cl_device_partition_property));
    default:
      return CL_INVALID_VALUE;
  }
}

/// Words of a partition list up to its first zero; 0: not terminated within bounds. (The list of
/// BY_COUNTS ends with one of its own before the last; drivers report one.)
size_t partition_words(const cl_device_partition_property* properties) {
  const auto* end = properties + kMostPartitionWords;
  const auto* zero = std::find(properties, end, 0);
  return zero == end ? 0 : static_cast<size_t>(zero - properties) + 1;
}

/// Makes the guest driver's object for a sub-device that the worker has. nullptr: failed.
Device* make_sub_device(Connection& connection, Device& parent, uint32_t id,
                        const cl_device_partition_property* properties, size_t words) {
  SnapshotCommand command;
  command.device = id;
  LongAnswer answer;
  ask_long(connection, command, &answer);
  if (answer.status != CL_SUCCESS) return nullptr;
  Device* device = make<Device>(&connection);
  if (device == nullptr) return nullptr;
  device->storage = answer.data;
  const size_t bytes = answer.bytes;
  answer.data = nullptr;
  device->id = id;
  bool sound = device->partition.resize(words);
  if (sound) memcpy(device->partition.data(), properties, words * sizeof *properties);
  sound = sound && file_device_answers(*device,
                                       static_cast<const unsigned char*>(device->storage), bytes);
  if (!sound) {
    free_memory(*device);
    return nullptr;
  }
  // These are answered by sub_device_info, never from the worker's own handles.
  for (cl_device_info name : {CL_DEVICE_PLATFORM, CL_DEVICE_PARENT_DEVICE,
                              CL_DEVICE_REFERENCE_COUNT, CL_DEVICE_PARTITION_TYPE}) {
    device->answers[name - Device::kFirstParameter].known = false;
  }
  device->parent = &parent;
  hold(parent);
  return device;
}

}  // namespace

// This call is made hundreds of times by programs that ask before each launch; most answers are
// one word from a table.
cl_int GetDeviceInfo(cl_device_id handle, cl_device_info param_name, size_t param_value_size,
                     void* param_value, size_t* param_value_size_ret) {
  Device* device = from_handle<Device>(handle);
  if (__builtin_expect(device == nullptr, false)) return CL_INVALID_DEVICE;
  const uint32_t index = param_name - Device::kFirstParameter;
  if (__builtin_expect(index < Device::kParameters && device->answers[index].known, true)) {
    const Answer& answer = device->answers[index];
    if (answer.size == 4 && param_value != nullptr && param_value_size >= 4) {
      memcpy(param_value, answer.data, 4);
      if (param_value_size_ret != nullptr) *param_value_size_ret = 4;
      return CL_SUCCESS;
    }
    const InfoTarget target{param_value_size, param_value, param_value_size_ret};
    return target.bytes(answer.data, answer.size);
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  if (device->parent != nullptr) {
    // CL_INVALID_VALUE from here may also mean "no room": the rare table then says it again.
    const cl_int own = sub_device_info(*device, param_name, target);
    if (own == CL_SUCCESS) return own;
  }
  return rare_info(*device, param_name, target);
}

cl_int CreateSubDevices(cl_device_id in_device, const cl_device_partition_property* properties,
                        cl_uint num_devices, cl_device_id* out_devices,
                        cl_uint* num_devices_ret) {
  Device* parent = from_handle<Device>(in_device);
  if (parent == nullptr) return CL_INVALID_DEVICE;
  if (properties == nullptr || properties[0] == 0) return CL_INVALID_VALUE;
  if (out_devices == nullptr && num_devices_ret == nullptr) return CL_INVALID_VALUE;
  const size_t words = partition_words(properties);
  if (words == 0) return CL_INVALID_VALUE;
  Connection* connection = live_connection();
  if (connection == nullptr ||
      (parent->connection != nullptr && parent->connection != connection)) {
    return CL_DEVICE_NOT_AVAILABLE;
  }

  uint64_t list[kMostPartitionWords];
  for (size_t i = 0; i < words; ++i) list[i] = static_cast<uint64_t>(properties[i]);
  uint32_t ids[kMostSubDevices];
  size_t taken = 0;
  while (taken < kMostSubDevices) {
    ids[taken] = take_id(*connection, Kind::kDevice);
    if (ids[taken] == 0) break;
    ++taken;
  }
  const auto give_back_from = [&](size_t first) {
    LockGuard guard(connection->lock());
    for (size_t i = taken; i > first; --i) {
      connection->ids[static_cast<uint32_t>(Kind::kDevice)].give_back(ids[i - 1]);
    }
  };

  CreateSubDevicesCommand command;
  command.device = parent->id;
  command.properties = {list, words};
  command.sub_devices = {ids, taken};
  uint32_t made = 0;
  cl_int status = CL_DEVICE_NOT_AVAILABLE;
  {
    ReplyWait reply(*connection);
    if (ask(*connection, reply, command)) {
      status = reply.status();
      if (status == CL_SUCCESS && reply.bytes() >= sizeof made) {
        memcpy(&made, reply.data(), sizeof made);
      }
    }
  }
  if (made > taken) made = static_cast<uint32_t>(taken);
  give_back_from(made);
  if (status == CL_SUCCESS && made == 0) status = CL_DEVICE_PARTITION_FAILED;
  if (status == CL_SUCCESS && out_devices != nullptr && num_devices < made) {
    status = CL_INVALID_VALUE;
  }
  const bool wanted = status == CL_SUCCESS && out_devices != nullptr;
  uint32_t handed_out = 0;
  while (wanted && handed_out < made) {
    Device* device = make_sub_device(*connection, *parent, ids[handed_out], properties, words);
    if (device == nullptr) {
      status = CL_OUT_OF_HOST_MEMORY;
      break;
    }
    out_devices[handed_out++] = to_handle(device);
  }
  if (status != CL_SUCCESS) {
    for (uint32_t i = 0; i < handed_out; ++i) release(*from_handle<Device>(out_devices[i]));
  }
  const uint32_t kept = status == CL_SUCCESS ? handed_out : 0;
  for (uint32_t i = status == CL_SUCCESS ? kept : handed_out; i < made; ++i) {
    release_remote(*connection, Kind::kDevice, ids[i]);
  }
  if (status == CL_SUCCESS && num_devices_ret != nullptr) *num_devices_ret = made;
  return status;
}

void finalize(Device& device) {
  if (device.id != 0 && !device.connection->dead()) {
    release_remote(*device.connection, Kind::kDevice, device.id);
  }
  if (device.parent != nullptr) unhold(*device.parent);
}

void free_memory(Device& device) {
  free(device.storage);
  device.~Device();
  free(&device);
}

// Root devices aren't counted: both calls just succeed.
cl_int RetainDevice(cl_device_id handle) {
  Device* device = from_handle<Device>(handle);
  if (device == nullptr) return CL_INVALID_DEVICE;
  if (device->parent != nullptr) retain(*device);
  return CL_SUCCESS;
}

cl_int ReleaseDevice(cl_device_id handle) {
  Device* device = from_handle<Device>(handle);
  if (device == nullptr) return CL_INVALID_DEVICE;
  if (device->parent != nullptr && !release(*device)) return CL_INVALID_DEVICE;
  return CL_SUCCESS;
}

namespace {

/// Device and host clock, ns, by the driver's word.
cl_int read_timers(Device& device, uint64_t times[2]) {
  Connection* connection =
      device.connection != nullptr ? device.connection : live_connection();
  if (connection == nullptr || connection->dead()) return CL_OUT_OF_RESOURCES;
  DeviceTimerCommand command;
  command.device = device.id;
  ReplyWait reply(*connection);
  if (!ask(*connection, reply, command)) return CL_OUT_OF_RESOURCES;
  if (reply.status() != CL_SUCCESS) return reply.status();
  if (reply.bytes() < 2 * sizeof times[0]) return CL_OUT_OF_RESOURCES;
  memcpy(times, reply.data(), 2 * sizeof times[0]);
  return CL_SUCCESS;
}

}  // namespace

cl_int GetDeviceAndHostTimer(cl_device_id handle, cl_ulong* device_timestamp,
                             cl_ulong* host_timestamp) {
  Device* device = from_handle<Device>(handle);
  if (device == nullptr) return CL_INVALID_DEVICE;
  uint64_t times[2] = {};
  const cl_int status = read_timers(*device, times);
  if (status != CL_SUCCESS) return status;  // no such clocks: whatever the pointers are
  if (device_timestamp == nullptr || host_timestamp == nullptr) return CL_INVALID_VALUE;
  *device_timestamp = times[0];
  *host_timestamp = times[1];
  return CL_SUCCESS;
}

cl_int GetHostTimer(cl_device_id handle, cl_ulong* host_timestamp) {
  Device* device = from_handle<Device>(handle);
  if (device == nullptr) return CL_INVALID_DEVICE;
  uint64_t times[2] = {};
  const cl_int status = read_timers(*device, times);
  if (status != CL_SUCCESS) return status;
  if (host_timestamp == nullptr) return CL_INVALID_VALUE;
  *host_timestamp = times[1];
  return CL_SUCCESS;
}

}  // namespace aliquot::guest::opencl
