// Nodes with what is free there, and what is asked for. Placement counts in whole numbers only, so that
// the same question has the same answer on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace aliquot::placement {

constexpr int kMostDevices = 16;   // of one node
constexpr int kMostModels = 64;    // of devices, in one cluster
constexpr int32_t kWhole = 10'000;  // shares are hundredths of a percent of one device

using DeviceSet = uint32_t;  // a bit each

/// What is asked for: host resources once, and of each of `devices` devices a share and memory.
/// Laid out as src/aliquot/placement/engine/native.py has it.
struct Request {
  int64_t cpu = 0;            // thousandths of a core
  int64_t memory = 0;         // bytes of the host
  int32_t devices = 0;
  int32_t share = 0;          // of each device, hundredths of a percent; 0: what is left over will do
  int64_t device_memory = 0;  // bytes of each device
  uint64_t models = ~0ULL;  // which models will do, a bit each

  /// Hundredths of a percent of devices, in all.
  int64_t total() const { return static_cast<int64_t>(devices) * share; }
  /// A part of one device.
  bool is_part() const { return devices == 1 && share < kWhole; }
};

/// A node, and what is free of it: small, as thousands are looked at for each request. Laid out as
/// src/aliquot/placement/engine/native.py has it.
struct Node {
  int64_t cpu = 0;     // free, thousandths of a core
  int64_t memory = 0;  // free, bytes of the host
  int32_t devices = 0;
  int32_t model = 0;
  int64_t device_size = 0;                             // of each device's memory, in bytes
  std::array<int64_t, kMostDevices> device_memory{};   // free, bytes
  std::array<int32_t, kMostDevices> share{};           // free, hundredths of a percent
  std::array<int16_t, kMostDevices + 1> tenants_of{};  // requests there by kind_of()
  std::array<uint8_t, kMostDevices> island{};  // devices with the same number are linked closely

  int64_t total_share() const;
  int whole_devices() const;
};

/// The kinds of requests that "GPU clustering" keeps together: 0 for parts of a device, else the
/// number of devices.
int kind_of(const Request& request);

/// Whether there is enough of everything.
bool fits(const Node& node, const Request& request);

/// The devices with enough. Where several are asked for, of one island that has them, if one has: of the
/// one with the fewest.
DeviceSet near_devices(const Node& node, const Request& request);
/// Of these the ones with the least share left, the first of equals; all `devices` of them.
DeviceSet tightest_devices(const Node& node, const Request& request);
/// The same with the most left, from any island.
DeviceSet loosest_devices(const Node& node, const Request& request);

void take(Node& node, const Request& request, DeviceSet devices);
void give_back(Node& node, const Request& request, DeviceSet devices);
/// Sets a part of a device aside, or gives it back where it is less than nothing. There may come to be
/// less than nothing free.
void hold(Node& node, int device, int64_t share, int64_t memory);

/// Calls what it is given with each device of a set.
template <typename Visitor>
void for_each_device(DeviceSet devices, Visitor&& visit) {
  for (; devices != 0; devices &= devices - 1) visit(__builtin_ctz(devices));
}

inline bool has_room(const Node& node, int device, const Request& request) {
  const auto at = static_cast<size_t>(device);
  return (request.share == 0 || node.share[at] >= request.share) &&
         node.device_memory[at] >= request.device_memory;
}

}  // namespace aliquot::placement
