#include "placement/policy_fullness.h"

#include <algorithm>

namespace aliquot::placement {

namespace {

/// How full a device is once it has a request, from 0 to 1.
double fullness(const Node& node, int device, const Request& request) {
  const auto at = static_cast<size_t>(device);
  const double promised = static_cast<double>(kWhole - node.share[at] + request.share) / kWhole;
  if (node.device_size <= 0) return std::clamp(promised, 0.0, 1.0);
  const double taken =
      static_cast<double>(node.device_size - node.device_memory[at] + request.device_memory) /
      static_cast<double>(node.device_size);
  return std::clamp(std::max(promised, taken), 0.0, 1.0);
}

}  // namespace

DeviceSet FullnessPolicy::chosen(const Node& node, const Request& request) const {
  const DeviceSet among = near_devices(node, request);
  DeviceSet chosen = 0;
  for (int count = 0; count < request.devices; ++count) {
    int best = -1;
    double fullest = 0;
    for_each_device(among & ~chosen, [&](int device) {
      const double full = fullness(node, device, request);
      if (best >= 0 && (pack_ ? full <= fullest : full >= fullest)) return;
      best = device;
      fullest = full;
    });
    if (best < 0) return 0;
    chosen |= 1U << best;
  }
  return chosen;
}

int32_t FullnessPolicy::score(const Node& node, const Request& request) const {
  double sum = 0;
  for_each_device(chosen(node, request),
                  [&](int device) { sum += fullness(node, device, request); });
  const auto full = static_cast<int32_t>(sum / std::max(1, request.devices) * kFull);
  return pack_ ? full : kFull - full;
}

DeviceSet FullnessPolicy::devices(const Node& node, const Request& request, Random&) const {
  return chosen(node, request);
}

}  // namespace aliquot::placement
