#include "placement/policy_fragmentation.h"

#include <algorithm>
#include <cmath>

namespace aliquot::placement {

namespace {

constexpr int32_t kFullness = kMostDevices + 1;  // how full a node is, in free devices

/// Whether an earlier device has as much left: to take either comes to the same.
bool as_an_earlier_one(const Node& node, const Request& request, int device) {
  for (int other = 0; other < device; ++other)
    if (node.share[static_cast<size_t>(other)] == node.share[static_cast<size_t>(device)] &&
        has_room(node, other, request))
      return true;
  return false;
}

}  // namespace

/// What the devices cost that are left without the CPU that typically goes with them, with as much CPU
/// and as many thousandths of devices free.
double FragmentationPolicy::stranded(int64_t cpu, int64_t share) const {
  const double served = static_cast<double>(cpu) / prices_.cpu_of_device;
  return prices_.stranded * std::max(0.0, static_cast<double>(share) / kWhole - served);
}

/// What the CPU costs that typical requests can't use.
double FragmentationPolicy::unusable_cpu(const Node& node) const {
  if (prices_.cpu <= 0) return 0;
  return prices_.cpu * static_cast<double>(node.cpu) / prices_.cpu_of_device *
         fragmentation_.refused(node);
}

FragmentationPolicy::Offer FragmentationPolicy::best_offer(const Node& node,
                                                           const Request& request) const {
  const int64_t share = node.total_share();
  const int64_t share_after = share - request.total();
  const int64_t cpu_after = node.cpu - request.cpu;
  const double fixed = stranded(node.cpu, share) - stranded(cpu_after, share_after) +
                       unusable_cpu(node) -
                       prices_.model[static_cast<size_t>(node.model)] *
                           static_cast<double>(request.total()) / kWhole;
  Offer best;
  const auto offer = [&](DeviceSet devices, double less_fragmented) {
    double gain = less_fragmented / kThousandths + fixed;
    if (prices_.cpu > 0) {
      Node after = node;
      take(after, request, devices);
      gain -= unusable_cpu(after);
    }
    const auto score = static_cast<int32_t>(100 / (1 + std::exp(-gain)));
    if (score > best.score) best = {score, devices};
  };
  if (!request.is_part()) {
    Node after = node;
    const DeviceSet devices = tightest_devices(node, request);
    take(after, request, devices);
    offer(devices, fragmentation_.of(node) - fragmentation_.of(after));
  } else {
    const Fragmentation::OfParts fragmented(fragmentation_, node);
    const double before = fragmented.before();
    for (int device = 0; device < node.devices; ++device) {
      if (!has_room(node, device, request) || as_an_earlier_one(node, request, device)) continue;
      const int32_t left = node.share[static_cast<size_t>(device)] - request.share;
      offer(1U << device, before - fragmented.with(cpu_after, device, left));
    }
  }
  if (prices_.fullest_first)
    best.score = best.score * kFullness + kFullness - 1 - static_cast<int32_t>(share_after / kWhole);
  return best;
}

int32_t FragmentationPolicy::score(const Node& node, const Request& request) const {
  return best_offer(node, request).score;
}

DeviceSet FragmentationPolicy::devices(const Node& node, const Request& request, Random&) const {
  return best_offer(node, request).devices;
}

}  // namespace aliquot::placement
