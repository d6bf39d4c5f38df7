#include "guest/opencl/platform.h"

#include "generated/opencl_functions.h"
#include "guest/opencl/answer.h"
#include "guest/opencl/info.h"
#include "guest/opencl/snapshot.h"
#include "guest/process_lock.h"

namespace aliquot::guest::opencl {

namespace {

constexpr char kSuffix[] = "ALQ";
constexpr char kIcdName[] = "cl_khr_icd";
constexpr cl_version kIcdVersion = CL_MAKE_VERSION(2, 0, 0);

// Both live in static memory that nothing destroys: programs call at exit, too.
alignas(Platform) unsigned char g_platform_memory[sizeof(Platform)];
alignas(Device) unsigned char g_device_memory[sizeof(Device)];
constinit std::atomic<Platform*> g_platform{nullptr};
constinit ProcessLock g_lock;  // guards the first look
constinit std::atomic<void*> g_loader_data{nullptr};

constexpr uint32_t kFirstParameter = CL_PLATFORM_PROFILE;
constexpr uint32_t kParameters = 0x40;  // up to CL_PLATFORM_ICD_SUFFIX_KHR
Answer g_answers[kParameters];

Answer& answer_of(uint32_t parameter) { return g_answers[parameter - kFirstParameter]; }

/// Whether a blank-separated list of names has this one.
bool has_name(const char* list, size_t bytes, const char* name, size_t length) {
  for (size_t begin = 0; begin < bytes && list[begin] != 0;) {
    size_t end = begin;
    while (end < bytes && list[end] != ' ' && list[end] != 0) ++end;
    if (end - begin == length && memcmp(list + begin, name, length) == 0) return true;
    begin = end < bytes && list[end] == ' ' ? end + 1 : end;
  }
  return false;
}

/// Adds cl_khr_icd to the extensions: that one is ours, whatever the driver has. False: no memory.
bool add_icd_extension() {
  constexpr size_t length = sizeof kIcdName - 1;
  Answer& names = answer_of(CL_PLATFORM_EXTENSIONS);
  const char* list = static_cast<const char*>(names.data);
  const size_t listed = names.known ? strnlen(list, names.size) : 0;
  if (!has_name(list, listed, kIcdName, length)) {
    char* longer = static_cast<char*>(malloc(listed + length + 2));
    if (longer == nullptr) return false;
    if (listed != 0) memcpy(longer, list, listed);
    size_t at = listed;
    if (at != 0 && longer[at - 1] != ' ') longer[at++] = ' ';
    memcpy(longer + at, kIcdName, length + 1);
    names = {longer, static_cast<uint32_t>(at + length + 1), true};
  }

  Answer& versions = answer_of(CL_PLATFORM_EXTENSIONS_WITH_VERSION);
  if (!versions.known) return true;
  const size_t count = versions.size / sizeof(cl_name_version);
  cl_name_version* table =
      static_cast<cl_name_version*>(calloc(count + 1, sizeof(cl_name_version)));
  if (table == nullptr) return false;
  if (count != 0) memcpy(table, versions.data, count * sizeof(cl_name_version));
  size_t place = 0;
  while (place < count && strncmp(table[place].name, kIcdName, sizeof table[place].name) != 0) {
    ++place;
  }
  memcpy(table[place].name, kIcdName, length + 1);
  table[place].version = kIcdVersion;
  const size_t total = place == count ? count + 1 : count;
  versions = {table, static_cast<uint32_t>(total * sizeof(cl_name_version)), true};
  return true;
}

/// What OpenCL keeps with each connection.
bool attach_opencl(Connection& connection) {
  void* memory = malloc(sizeof(ConnectionState));
  if (memory == nullptr) return false;
  connection.api_state = new (memory) ConnectionState;
  const auto pool = [&](Kind kind) -> IdPool& {
    return connection.ids[static_cast<uint32_t>(kind)];
  };
  // These ids are indices into shared memory, too.
  pool(Kind::kQueue).set_limit(layout::kQueueSlots);
  pool(Kind::kEvent).set_limit(layout::kEventSlots);
  pool(Kind::kDevice).take();  // kRootDevice
  open_trace();
  return attach_events(connection);
}

/// Fetches the snapshot and makes platform and device from it. False: no connection, no memory, or
/// a worker that doesn't know its own device.
bool look() {
  Connection* connection = live_connection();
  if (connection == nullptr) return false;
  SnapshotCommand command;
  command.device = kRootDevice;
  LongAnswer answer;
  ask_long(*connection, command, &answer);
  if (answer.status != CL_SUCCESS || answer.data == nullptr) return false;
  // The answers point into it for as long as the process lives.
  const unsigned char* blob = answer.data;
  const size_t bytes = answer.bytes;
  answer.data = nullptr;

  SnapshotReader reader(blob, bytes);
  uint32_t scope;
  uint32_t parameter;
  Answer entry;
  while (reader.next(&scope, &parameter, &entry)) {
    if (scope == kScopePlatform && parameter - kFirstParameter < kParameters) {
      answer_of(parameter) = entry;
    }
  }
  answer_of(CL_PLATFORM_ICD_SUFFIX_KHR) = {kSuffix, sizeof kSuffix, true};
  if (!add_icd_extension()) return false;

  Platform* platform = new (g_platform_memory) Platform;
  Device* device = new (g_device_memory) Device(nullptr);
  device->id = kRootDevice;
  if (!file_device_answers(*device, blob, bytes)) return false;
  static cl_platform_id platform_handle;
  static const cl_device_id no_parent = nullptr;
  static const cl_uint one = 1;
  platform_handle = to_handle(platform);
  const auto own = [device](uint32_t name, const void* data, size_t size) {
    device->answers[name - Device::kFirstParameter] = {data, static_cast<uint32_t>(size), true};
  };
  own(CL_DEVICE_PLATFORM, &platform_handle, sizeof platform_handle);
  own(CL_DEVICE_PARENT_DEVICE, &no_parent, sizeof no_parent);
  own(CL_DEVICE_REFERENCE_COUNT, &one, sizeof one);
  g_platform.store(platform, std::memory_order_release);
  return true;
}

}  // namespace

Platform* platform() {
  Platform* known = g_platform.load(std::memory_order_acquire);
  if (known != nullptr) return known;
  ProcessLockGuard guard(g_lock);
  if (g_platform.load(std::memory_order_acquire) == nullptr) look();
  return g_platform.load(std::memory_order_acquire);
}

Device& root_device() { return *reinterpret_cast<Device*>(g_device_memory); }

void* loader_data() { return g_loader_data.load(std::memory_order_relaxed); }

Connection* live_connection() {
  Connection* connection = Connection::get(&attach_opencl);
  return connection == nullptr || connection->dead() ? nullptr : connection;
}

bool is_platform(cl_platform_id handle) {
  return handle == nullptr || from_handle<Platform>(handle) != nullptr;
}

cl_int GetPlatformIDs(cl_uint num_entries, cl_platform_id* platforms, cl_uint* num_platforms) {
  if ((num_entries == 0 && platforms != nullptr) ||
      (platforms == nullptr && num_platforms == nullptr)) {
    return CL_INVALID_VALUE;
  }
  Platform* found = platform();
  if (num_platforms != nullptr) *num_platforms = found == nullptr ? 0 : 1;
  if (found == nullptr) return CL_PLATFORM_NOT_FOUND_KHR;
  if (platforms != nullptr) platforms[0] = to_handle(found);
  return CL_SUCCESS;
}

cl_int GetPlatformInfo(cl_platform_id handle, cl_platform_info param_name,
                       size_t param_value_size, void* param_value, size_t* param_value_size_ret) {
  if (!is_platform(handle) || platform() == nullptr) return CL_INVALID_PLATFORM;
  if (param_name - kFirstParameter >= kParameters || !answer_of(param_name).known) {
    return CL_INVALID_VALUE;
  }
  const Answer& answer = answer_of(param_name);
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  return target.bytes(answer.data, answer.size);
}

cl_int GetDeviceIDs(cl_platform_id handle, cl_device_type device_type, cl_uint num_entries,
                    cl_device_id* devices, cl_uint* num_devices) {
  if (!is_platform(handle) || platform() == nullptr) return CL_INVALID_PLATFORM;
  constexpr cl_device_type kTypes = CL_DEVICE_TYPE_DEFAULT | CL_DEVICE_TYPE_CPU |
                                    CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR |
                                    CL_DEVICE_TYPE_CUSTOM;
  const bool all = device_type == CL_DEVICE_TYPE_ALL;
  if (!all && (device_type == 0 || (device_type & ~kTypes) != 0)) return CL_INVALID_DEVICE_TYPE;
  if ((num_entries == 0 && devices != nullptr) || (devices == nullptr && num_devices == nullptr)) {
    return CL_INVALID_VALUE;
  }
  Device& device = root_device();
  cl_device_type own = 0;
  const Answer& answer = device.answers[CL_DEVICE_TYPE - Device::kFirstParameter];
  if (answer.known && answer.size == sizeof own) memcpy(&own, answer.data, sizeof own);
  // "All" means every device but custom ones; the default device is the only one.
  const bool custom = (own & CL_DEVICE_TYPE_CUSTOM) != 0;
  const bool matches = all ? !custom
                           : (device_type & own) != 0 ||
                                 ((device_type & CL_DEVICE_TYPE_DEFAULT) != 0 && !custom);
  if (num_devices != nullptr) *num_devices = matches ? 1 : 0;
  if (!matches) return CL_DEVICE_NOT_FOUND;
  if (devices != nullptr) devices[0] = to_handle(&device);
  return CL_SUCCESS;
}

cl_int IcdGetPlatformIDsKHR(cl_uint num_entries, cl_platform_id* platforms,
                            cl_uint* num_platforms) {
  return GetPlatformIDs(num_entries, platforms, num_platforms);
}

cl_int IcdSetPlatformDispatchDataKHR(cl_platform_id handle, void* dispatch_data) {
  Platform* own = from_handle<Platform>(handle);
  if (own == nullptr) return CL_INVALID_PLATFORM;
  g_loader_data.store(dispatch_data, std::memory_order_relaxed);
  own->dispatch_data = dispatch_data;
  root_device().dispatch_data = dispatch_data;
  return CL_SUCCESS;
}

cl_int UnloadPlatformCompiler(cl_platform_id handle) {
  return from_handle<Platform>(handle) != nullptr ? CL_SUCCESS : CL_INVALID_PLATFORM;
}

}  // namespace aliquot::guest::opencl
