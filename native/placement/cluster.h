// Nodes with what is free there, and what is asked for. Placement counts in whole numbers only, so that
// the same question has the same answer on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace aliquot::placement {

constexpr int kMostDevices = 16;   // of one node
constexpr int kMostModels = 64;    // of devices, in one cluster
constexpr int32_t kWhole = 1'000;  // shares are thousandths of one device

using DeviceSet = uint32_t;  // a bit each

/// What is asked for: host resources once, and of each of `devices` devices a share and memory.
/// Laid out as src/aliquot/placement/engine/native.py has it.
struct Request {
  int64_t cpu = 0;            // thousandths of a core
  int64_t memory = 0;         // MiB of the host
  int32_t devices = 0;
  int32_t share = 0;          // thousandths of each device
  int32_t device_memory = 0;  // MiB of each device
  uint64_t models = ~0ULL;  // which models will do, a bit each

  /// Thousandths of devices, in all.
  int64_t total() const { return static_cast<int64_t>(devices) * share; }
  /// A part of one device.
  bool is_part() const { return devices == 1 && share < kWhole; }
};

/// A node, and what is free of it: small, as thousands are looked at for each request. Laid out as src/aliquot/placement/engine/native.py has it.
struct Node {
  int64_t cpu = 0;     // free, thousandths of a core
  int64_t memory = 0;  // free, MiB of the host
  int32_t devices = 0;
  int32_t model = 0;
  std::array<int16_t, kMostDevices> share{};           // free, thousandths
  std::array<int32_t, kMostDevices> device_memory{};   // free, MiB
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

/// Of the devices with enough, those with the least left, the first of equals; all `devices` of them.
/// Several come from one island where one has room: from the one with the fewest that have.
DeviceSet tightest_devices(const Node& node, const Request& request);
/// The same with the most left, from any island.
DeviceSet loosest_devices(const Node& node, const Request& request);

void take(Node& node, const Request& request, DeviceSet devices);
void give_back(Node& node, const Request& request, DeviceSet devices);

/// Calls what it is given with each device of a set.
template <typename Visitor>
void for_each_device(DeviceSet devices, Visitor&& visit) {
  for (; devices != 0; devices &= devices - 1) visit(__builtin_ctz(devices));
}

inline bool has_room(const Node& node, int device, const Request& request) {
  const auto at = static_cast<size_t>(device);
  return node.share[at] >= request.share && node.device_memory[at] >= request.device_memory;
}

}  // namespace aliquot::placement
