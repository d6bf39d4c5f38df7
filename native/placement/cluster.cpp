#include "placement/cluster.h"

namespace aliquot::placement {

namespace {

/// The devices with enough.
DeviceSet roomy_devices(const Node& node, const Request& request) {
  DeviceSet roomy = 0;
  for (int device = 0; device < node.devices; ++device)
    roomy |= has_room(node, device, request) ? 1U << device : 0;
  return roomy;
}

/// Of these as many as are asked for, whose free share comes first by `before`, the first of equals.
template <typename Before>
DeviceSet chosen_devices(const Node& node, const Request& request, DeviceSet among, Before before) {
  DeviceSet chosen = 0;
  for (int count = 0; count < request.devices; ++count) {
    int best = -1;
    for_each_device(among & ~chosen, [&](int device) {
      if (best < 0 || before(node.share[static_cast<size_t>(device)],
                             node.share[static_cast<size_t>(best)]))
        best = device;
    });
    if (best < 0) return 0;
    chosen |= 1U << best;
  }
  return chosen;
}

/// Of these the ones of the island with the fewest that are still enough; all where none has.
DeviceSet of_one_island(const Node& node, const Request& request, DeviceSet among) {
  DeviceSet best = among;
  bool found = false;
  for_each_device(among, [&](int first) {
    DeviceSet island = 0;
    for_each_device(among, [&](int device) {
      const bool same = node.island[static_cast<size_t>(device)] ==
                        node.island[static_cast<size_t>(first)];
      island |= same ? 1U << device : 0;
    });
    const int count = __builtin_popcount(island);
    if (count < request.devices || (found && count >= __builtin_popcount(best))) return;
    best = island;
    found = true;
  });
  return best;
}

}  // namespace

int64_t Node::total_share() const {
  int64_t total = 0;
  for (int device = 0; device < devices; ++device) total += share[static_cast<size_t>(device)];
  return total;
}

int Node::whole_devices() const {
  int count = 0;
  for (int device = 0; device < devices; ++device)
    count += share[static_cast<size_t>(device)] == kWhole ? 1 : 0;
  return count;
}

int kind_of(const Request& request) { return request.is_part() ? 0 : request.devices; }

bool fits(const Node& node, const Request& request) {
  if (node.cpu < request.cpu || node.memory < request.memory) return false;
  if (request.devices == 0) return true;
  if ((request.models >> node.model & 1) == 0) return false;
  int enough = 0;
  for (int device = 0; device < node.devices; ++device)
    enough += has_room(node, device, request) ? 1 : 0;
  return enough >= request.devices;
}

DeviceSet near_devices(const Node& node, const Request& request) {
  const DeviceSet roomy = roomy_devices(node, request);
  return request.devices > 1 ? of_one_island(node, request, roomy) : roomy;
}

DeviceSet tightest_devices(const Node& node, const Request& request) {
  return chosen_devices(node, request, near_devices(node, request),
                        [](int32_t one, int32_t other) { return one < other; });
}

DeviceSet loosest_devices(const Node& node, const Request& request) {
  return chosen_devices(node, request, roomy_devices(node, request),
                        [](int32_t one, int32_t other) { return one > other; });
}

void take(Node& node, const Request& request, DeviceSet devices) {
  node.cpu -= request.cpu;
  node.memory -= request.memory;
  for_each_device(devices, [&](int device) {
    const auto at = static_cast<size_t>(device);
    node.share[at] -= request.share;
    node.device_memory[at] -= request.device_memory;
  });
  if (request.devices > 0) ++node.tenants_of[static_cast<size_t>(kind_of(request))];
}

void give_back(Node& node, const Request& request, DeviceSet devices) {
  node.cpu += request.cpu;
  node.memory += request.memory;
  for_each_device(devices, [&](int device) {
    const auto at = static_cast<size_t>(device);
    node.share[at] += request.share;
    node.device_memory[at] += request.device_memory;
  });
  if (request.devices > 0) --node.tenants_of[static_cast<size_t>(kind_of(request))];
}

void hold(Node& node, int device, int64_t share, int64_t memory) {
  const auto at = static_cast<size_t>(device);
  node.share[at] = static_cast<int32_t>(node.share[at] - share);
  node.device_memory[at] -= memory;
}

}  // namespace aliquot::placement
