#include "worker/device_report.h"

#include <CL/cl_ext.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "worker/report_filter.h"
#include "worker/report_match.h"

namespace aliquot::worker {

namespace {

using Bytes = std::vector<unsigned char>;

constexpr cl_platform_info kPlatformQueries[] = {
    CL_PLATFORM_PROFILE,           CL_PLATFORM_VERSION,
    CL_PLATFORM_NAME,              CL_PLATFORM_VENDOR,
    CL_PLATFORM_EXTENSIONS,        CL_PLATFORM_HOST_TIMER_RESOLUTION,
    CL_PLATFORM_NUMERIC_VERSION,   CL_PLATFORM_EXTENSIONS_WITH_VERSION,
    CL_PLATFORM_ICD_SUFFIX_KHR,
};

// Queries of one extension lie together.
struct ExtensionQueries {
  std::string_view extension;
  cl_device_info first;
  cl_device_info last;
};
constexpr ExtensionQueries kExtensionQueries[] = {
    {"cl_nv_device_attribute_query", 0x4000, 0x400B},
    {"cl_amd_device_attribute_query", 0x4036, 0x404C},
    {"cl_intel_required_subgroup_size", 0x4108, 0x4108},
    {"cl_ext_float_atomics", 0x4231, 0x4233},
};

// The core's queries, which lie in one range.
constexpr cl_device_info kFirstQuery = CL_DEVICE_TYPE;
constexpr cl_device_info kLastQuery = 0x107F;

// They name the physical device, to share memory with another API, which a vGPU can't do.
constexpr cl_device_info kFirstIdentity = 0x106A;  // CL_DEVICE_UUID_KHR
constexpr cl_device_info kLastIdentity = 0x106E;   // CL_DEVICE_NODE_MASK_KHR

bool is_left_out(cl_device_info parameter) {
  if (parameter >= kFirstIdentity && parameter <= kLastIdentity) return true;
  // The guest driver answers these.
  return parameter == CL_DEVICE_PLATFORM || parameter == CL_DEVICE_PARENT_DEVICE ||
         parameter == CL_DEVICE_REFERENCE_COUNT;
}

bool counts_units(cl_device_info parameter) {
  return parameter == CL_DEVICE_MAX_COMPUTE_UNITS ||
         parameter == CL_DEVICE_PARTITION_MAX_SUB_DEVICES;
}

// What a device without images, pipes, shared virtual memory, device queues and intermediate
// language answers: nothing of it.
bool is_missing_feature(cl_device_info parameter) {
  switch (parameter) {
    case CL_DEVICE_IMAGE_SUPPORT:
    case CL_DEVICE_MAX_READ_IMAGE_ARGS:
    case CL_DEVICE_MAX_WRITE_IMAGE_ARGS:
    case CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS:
    case CL_DEVICE_IMAGE2D_MAX_WIDTH:
    case CL_DEVICE_IMAGE2D_MAX_HEIGHT:
    case CL_DEVICE_IMAGE3D_MAX_WIDTH:
    case CL_DEVICE_IMAGE3D_MAX_HEIGHT:
    case CL_DEVICE_IMAGE3D_MAX_DEPTH:
    case CL_DEVICE_IMAGE_MAX_BUFFER_SIZE:
    case CL_DEVICE_IMAGE_MAX_ARRAY_SIZE:
    case CL_DEVICE_MAX_SAMPLERS:
    case CL_DEVICE_IMAGE_PITCH_ALIGNMENT:
    case CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT:
    case CL_DEVICE_SVM_CAPABILITIES:
    case CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES:
    case CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE:
    case CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE:
    case CL_DEVICE_MAX_ON_DEVICE_QUEUES:
    case CL_DEVICE_MAX_ON_DEVICE_EVENTS:
    case CL_DEVICE_MAX_PIPE_ARGS:
    case CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS:
    case CL_DEVICE_PIPE_MAX_PACKET_SIZE:
    case CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES:
    case CL_DEVICE_PIPE_SUPPORT:
      return true;
    default:
      return false;
  }
}

Bytes text(std::string_view value) {
  Bytes bytes(value.begin(), value.end());
  bytes.push_back(0);
  return bytes;
}

template <class Number>
Bytes number(Number value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
  return {bytes, bytes + sizeof value};
}

// One that counts compute units: without those that there are none of.
Bytes without_spare(const Bytes& bytes, uint32_t spare) {
  cl_uint units = 0;
  if (bytes.size() != sizeof units) return bytes;
  std::memcpy(&units, bytes.data(), sizeof units);
  return number<cl_uint>(units - std::min(units, spare));
}

std::string_view view_of(const Bytes& bytes) {
  const auto* value = reinterpret_cast<const char*>(bytes.data());
  return {value, bytes.empty() ? 0 : strnlen(value, bytes.size())};
}

// The smaller one of the driver's answer and `limit`; both are cl_ulong.
Bytes at_most(const Bytes& bytes, uint64_t limit) {
  cl_ulong value = 0;
  if (bytes.size() != sizeof value) return bytes;
  std::memcpy(&value, bytes.data(), sizeof value);
  return number<cl_ulong>(std::min<cl_ulong>(value, limit));
}

// Free memory as AMD's drivers tell it: KiB in all, and in the largest block.
constexpr cl_device_info kFreeMemoryAmd = 0x4039;

Bytes free_memory(Bytes bytes, uint64_t limit) {
  for (size_t at = 0; at + sizeof(size_t) <= bytes.size(); at += sizeof(size_t)) {
    size_t kibibytes = 0;
    std::memcpy(&kibibytes, bytes.data() + at, sizeof kibibytes);
    kibibytes = std::min<size_t>(kibibytes, limit / 1024);
    std::memcpy(bytes.data() + at, &kibibytes, sizeof kibibytes);
  }
  return bytes;
}

Bytes change_device_answer(cl_device_info parameter, Bytes bytes, const ReportLimits& limits) {
  if (is_missing_feature(parameter)) return Bytes(bytes.size(), 0);
  switch (parameter) {
    case CL_DEVICE_TYPE:
      return limits.device_type != 0 ? number<cl_device_type>(limits.device_type) : bytes;
    case CL_DEVICE_GLOBAL_MEM_SIZE:
      return number<cl_ulong>(limits.memory_limit);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
    case CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE:
      return at_most(bytes, limits.memory_limit);
    case kFreeMemoryAmd:
      return free_memory(bytes, limits.memory_limit);
    case CL_DEVICE_EXECUTION_CAPABILITIES:
      return number<cl_device_exec_capabilities>(CL_EXEC_KERNEL);
    case CL_DEVICE_EXTENSIONS:
      return text(filter_extensions(view_of(bytes)));
    case CL_DEVICE_EXTENSIONS_WITH_VERSION:
      return filter_names(bytes, extension_works);
    case CL_DEVICE_OPENCL_C_FEATURES:
      return filter_names(bytes, feature_works);
    case CL_DEVICE_BUILT_IN_KERNELS:
    case CL_DEVICE_IL_VERSION:
      return text("");
    case CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION:
    case CL_DEVICE_ILS_WITH_VERSION:
      return {};
    default:
      return bytes;
  }
}

void add_entry(ReplyBytes& out, uint32_t scope, uint32_t parameter, const Bytes& bytes) {
  out.add(scope);
  out.add(parameter);
  out.add(static_cast<uint32_t>(bytes.size()));
  out.add_bytes(bytes.data(), bytes.size());
  out.pad(4);
}

// The driver's answer, also where it is empty. False: the driver doesn't know the query.
bool ask(const cl_icd_dispatch& calls, cl_device_id device, cl_device_info parameter,
         Bytes& bytes) {
  constexpr size_t kLargest = 64 << 10;
  size_t size = 0;
  if (calls.clGetDeviceInfo(device, parameter, 0, nullptr, &size) != CL_SUCCESS) return false;
  if (size > kLargest) return false;
  bytes.assign(size, 0);
  return size == 0 ||
         calls.clGetDeviceInfo(device, parameter, size, bytes.data(), nullptr) == CL_SUCCESS;
}

}  // namespace

bool read_reports(std::span<const unsigned char> bytes, OtherReports& reports) {
  reports.clear();
  while (!bytes.empty()) {
    uint32_t size = 0;
    if (bytes.size() < sizeof size) return false;
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes = bytes.subspan(sizeof size);
    if (size > bytes.size()) return false;
    reports.emplace_back(bytes.begin(), bytes.begin() + size);
    bytes = bytes.subspan(size);
  }
  return true;
}

std::vector<unsigned char> common_device_report(const Driver& driver, cl_device_id device,
                                                const ReportLimits& limits,
                                                const OtherReports& others) {
  ReplyBytes own;
  write_device_report(driver, device, limits, own);
  std::vector<unsigned char> report(own.bytes().begin(), own.bytes().end());
  for (const auto& other : others) report = common_report(report, other);
  return report;
}

void write_device_report(const Driver& driver, cl_device_id device, const ReportLimits& limits,
                         ReplyBytes& out) {
  constexpr uint32_t kPlatform = 0;
  constexpr uint32_t kDevice = 1;
  const cl_icd_dispatch& calls = driver.calls;
  for (const cl_platform_info parameter : kPlatformQueries) {
    Bytes bytes = platform_information(calls, driver.platform, parameter);
    if (bytes.empty()) continue;
    if (parameter == CL_PLATFORM_EXTENSIONS) bytes = text(filter_extensions(view_of(bytes)));
    if (parameter == CL_PLATFORM_EXTENSIONS_WITH_VERSION) {
      bytes = filter_names(bytes, extension_works);
    }
    add_entry(out, kPlatform, parameter, bytes);
  }
  Bytes bytes;
  const uint32_t spare = device == driver.device ? driver.spare_units : 0;  // sub-devices have none
  for (cl_device_info parameter = kFirstQuery; parameter <= kLastQuery; ++parameter) {
    if (is_left_out(parameter) || !ask(calls, device, parameter, bytes)) continue;
    if (counts_units(parameter)) bytes = without_spare(bytes, spare);
    add_entry(out, kDevice, parameter, change_device_answer(parameter, bytes, limits));
  }
  const auto spaced = [](std::string_view name) { return std::string(" ").append(name).append(" "); };
  const std::string extensions = spaced(device_text(calls, device, CL_DEVICE_EXTENSIONS));
  for (const ExtensionQueries& queries : kExtensionQueries) {
    if (extensions.find(spaced(queries.extension)) == std::string::npos) continue;
    for (cl_device_info parameter = queries.first; parameter <= queries.last; ++parameter) {
      if (!ask(calls, device, parameter, bytes)) continue;
      add_entry(out, kDevice, parameter, change_device_answer(parameter, bytes, limits));
    }
  }
}

}  // namespace aliquot::worker
