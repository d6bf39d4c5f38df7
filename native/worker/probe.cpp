#include "worker/probe.h"

#include <CL/cl_ext.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "worker/driver.h"
#include "worker/json_writer.h"

namespace aliquot::worker {

namespace {

constexpr cl_device_info kDeviceUuid = 0x106A;  // cl_khr_device_uuid
constexpr size_t kUuidBytes = 16;
constexpr cl_device_info kPciBusInfo = 0x410F;  // cl_khr_pci_bus_info
constexpr cl_device_info kTopology = 0x4037;    // cl_amd_device_attribute_query

void write_types(JsonWriter& json, cl_device_type type) {
  constexpr struct {
    cl_device_type bit;
    const char* name;
  } kTypes[] = {{CL_DEVICE_TYPE_CPU, "cpu"},
                {CL_DEVICE_TYPE_GPU, "gpu"},
                {CL_DEVICE_TYPE_ACCELERATOR, "accelerator"},
                {CL_DEVICE_TYPE_CUSTOM, "custom"}};
  json.key("type");
  json.begin_array();
  for (const auto& each : kTypes) {
    if ((type & each.bit) != 0) json.text(each.name);
  }
  json.end_array();
}

void write_uuid(JsonWriter& json, const cl_icd_dispatch& calls, cl_device_id device,
                const std::string& extensions) {
  json.key("uuid");
  const auto bytes = device_information(calls, device, kDeviceUuid);
  if (extensions.find("cl_khr_device_uuid") == std::string::npos || bytes.size() != kUuidBytes) {
    return json.null();
  }
  std::string digits;
  for (const unsigned char byte : bytes) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", byte);
    digits += pair;
  }
  json.text(digits);
}

// Where a device is on the PCI bus, as sysfs writes it. AMD's own query knows no domain: 0 it is on
// all machines but very large ones.
void write_pci_address(JsonWriter& json, const cl_icd_dispatch& calls, cl_device_id device,
                       const std::string& extensions) {
  struct BusInfo {
    cl_uint domain, bus, device, function;
  };
  struct Topology {
    cl_uint type;
    unsigned char unused[17];
    unsigned char bus, device, function;
  };
  constexpr cl_uint kPcie = 1;
  json.key("pci_address");
  BusInfo place{};
  bool known = false;
  if (extensions.find("cl_khr_pci_bus_info") != std::string::npos) {
    const auto bytes = device_information(calls, device, kPciBusInfo);
    known = bytes.size() == sizeof place;
    if (known) std::memcpy(&place, bytes.data(), sizeof place);
  } else if (extensions.find("cl_amd_device_attribute_query") != std::string::npos) {
    const auto bytes = device_information(calls, device, kTopology);
    Topology topology{};
    if (bytes.size() == sizeof topology) std::memcpy(&topology, bytes.data(), sizeof topology);
    known = topology.type == kPcie;
    place = {0, topology.bus, topology.device, topology.function};
  }
  if (!known || place.bus > 0xFF || place.device > 31 || place.function > 7) return json.null();
  char address[24];
  std::snprintf(address, sizeof address, "%04x:%02x:%02x.%x", place.domain, place.bus,
                place.device, place.function);
  json.text(address);
}

void write_extensions(JsonWriter& json, const std::string& extensions) {
  json.key("extensions");
  json.begin_array();
  for (size_t at = 0; at < extensions.size();) {
    const size_t end = std::min(extensions.find(' ', at), extensions.size());
    if (end > at) json.text(std::string_view(extensions).substr(at, end - at));
    at = end + 1;
  }
  json.end_array();
}

void write_device(JsonWriter& json, const cl_icd_dispatch& calls, cl_device_id device,
                  size_t index) {
  const auto add_text = [&](const char* key, cl_device_info parameter) {
    json.key(key);
    json.text(device_text(calls, device, parameter));
  };
  const auto add_number = [&](const char* key, uint64_t value) {
    json.key(key);
    json.number(value);
  };
  json.begin_object();
  add_number("index", index);
  add_text("name", CL_DEVICE_NAME);
  add_text("vendor", CL_DEVICE_VENDOR);
  add_text("version", CL_DEVICE_VERSION);
  add_text("driver_version", CL_DRIVER_VERSION);
  write_types(json, device_number<cl_device_type>(calls, device, CL_DEVICE_TYPE, 0));
  add_number("compute_units",
             device_number<cl_uint>(calls, device, CL_DEVICE_MAX_COMPUTE_UNITS, 0));
  add_number("clock_mhz",
             device_number<cl_uint>(calls, device, CL_DEVICE_MAX_CLOCK_FREQUENCY, 0));
  add_number("global_memory",
             device_number<cl_ulong>(calls, device, CL_DEVICE_GLOBAL_MEM_SIZE, 0));
  add_number("max_allocation",
             device_number<cl_ulong>(calls, device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 0));
  json.key("unified_memory");
  json.boolean(device_number<cl_bool>(calls, device, CL_DEVICE_HOST_UNIFIED_MEMORY, CL_FALSE) ==
               CL_TRUE);
  const std::string extensions = device_text(calls, device, CL_DEVICE_EXTENSIONS);
  write_uuid(json, calls, device, extensions);
  write_pci_address(json, calls, device, extensions);
  write_extensions(json, extensions);
  json.end_object();
}

}  // namespace

std::string probe_driver(const char* library) {
  std::string path = library;
  std::vector<Platform> platforms;
  const std::string error = load_platforms(library, platforms, &path);
  if (!error.empty()) platforms.clear();
  JsonWriter json;
  json.begin_object();
  json.key("library");
  json.text(path);
  json.key("platforms");
  json.begin_array();
  for (const Platform& platform : platforms) {
    json.begin_object();
    json.key("name");
    json.text(platform_text(platform.calls, platform.id, CL_PLATFORM_NAME));
    json.key("vendor");
    json.text(platform_text(platform.calls, platform.id, CL_PLATFORM_VENDOR));
    json.key("version");
    json.text(platform_text(platform.calls, platform.id, CL_PLATFORM_VERSION));
    json.key("devices");
    json.begin_array();
    size_t index = 0;
    for (const cl_device_id device : list_devices(platform)) {
      write_device(json, platform.calls, device, index++);
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.key("error");
  if (error.empty()) {
    json.null();
  } else {
    json.text(error);
  }
  json.end_object();
  return json.result();
}

}  // namespace aliquot::worker
