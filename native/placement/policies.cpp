// The policies that others have published. Scores are theirs to the last integer, from 0 to 100, as
// coarse as they are: how many nodes are equally good decides as much as the score does. Sources:
// Weng et al., USENIX ATC 2023, section 6, and the simulator that was published with it.
#include "placement/policy.h"

#include <algorithm>

#include "placement/policy_fragmentation.h"
#include "placement/policy_fullness.h"

namespace aliquot::placement {

namespace {

constexpr int32_t kBest = 100;
constexpr double kMostCpu = 128'000;  // of a node
constexpr int64_t kMostShare = 8 * kWhole;

/// Any node, any device.
class RandomPolicy : public Policy {
 public:
  int32_t score(const Node&, const Request&) const override { return kBest; }
  DeviceSet devices(const Node& node, const Request& request, Random& random) const override {
    if (!request.is_part()) return tightest_devices(node, request);
    DeviceSet room = 0;
    for (int device = 0; device < node.devices; ++device)
      room |= has_room(node, device, request) ? 1U << device : 0;
    uint64_t skip = random.below(static_cast<uint64_t>(__builtin_popcount(room)));
    for (; skip > 0; --skip) room &= room - 1;
    return room & ~(room - 1);
  }
  bool any_of_best() const override { return true; }
};

/// What is left of CPU and devices, each in parts of the largest node's.
double left_over(const Node& node, const Request& request) {
  return static_cast<double>(node.cpu - request.cpu) / kMostCpu * 0.5 +
         static_cast<double>(node.total_share() - request.total()) / kMostShare * 0.5;
}

class BestFit : public Policy {
 public:
  int32_t score(const Node& node, const Request& request) const override {
    return static_cast<int32_t>(std::max(0.0, 1 - left_over(node, request)) * kBest);
  }
};

class WorstFit : public Policy {
 public:
  int32_t score(const Node& node, const Request& request) const override {
    return static_cast<int32_t>(left_over(node, request) * kBest);
  }
  DeviceSet devices(const Node& node, const Request& request, Random&) const override {
    return loosest_devices(node, request);
  }
};

/// The least product of what is free and what is asked for.
class DotProduct : public Policy {
 public:
  int32_t score(const Node& node, const Request& request) const override {
    const double product = static_cast<double>(node.cpu) / kMostCpu *
                               (static_cast<double>(request.cpu) / kMostCpu) +
                           static_cast<double>(node.total_share()) / kMostShare *
                               (static_cast<double>(request.total()) / kMostShare);
    return static_cast<int32_t>(std::max(0.0, 1 - product / 2) * kBest);
  }
};

/// Shared devices first, then unused devices of used nodes, then unused nodes.
class Packing : public Policy {
 public:
  int32_t score(const Node& node, const Request& request) const override {
    if (request.devices == 0) return 0;
    const int32_t whole = node.whole_devices();
    if (whole == node.devices) return std::max(kBest / 3 - whole, whole);
    int32_t whole_taken = 0;
    int32_t free_of_used = 0;
    for_each_device(tightest_devices(node, request), [&](int device) {
      const int32_t share = node.share[static_cast<size_t>(device)];
      whole_taken += share == kWhole ? 1 : 0;
      free_of_used += share * 100 / kWhole;
    });
    if (whole_taken > 0) return std::max(kBest / 2 - whole_taken, kBest / 3);
    return std::max(kBest - free_of_used / 10, kBest / 2);
  }
};

/// Requests for as many devices together.
class Clustering : public Policy {
 public:
  int32_t score(const Node& node, const Request& request) const override {
    if (request.devices == 0) return 0;
    const int64_t taken = std::max<int64_t>(0, kMostShare - node.total_share());
    const auto used = static_cast<int32_t>(kBest / 4 * taken / kMostShare);
    const auto kinds = std::count_if(node.tenants_of.begin(), node.tenants_of.end(),
                                     [](int32_t count) { return count > 0; });
    if (node.tenants_of[static_cast<size_t>(kind_of(request))] > 0)
      return used + (kinds == 1 ? kBest * 3 / 4 : kBest * 2 / 4);
    return used + (kinds == 0 ? kBest / 4 : 0);
  }
};

}  // namespace

uint64_t Random::below(uint64_t bound) {
  state_ += 0x9E3779B97F4A7C15ULL;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  mixed ^= mixed >> 31;
  return mixed % bound;  // bounds are small: no number comes noticeably more often
}

DeviceSet Policy::devices(const Node& node, const Request& request, Random&) const {
  return tightest_devices(node, request);
}

std::unique_ptr<Policy> make_policy(PolicyKind kind, const Fragmentation& fragmentation,
                                    const Prices& prices) {
  switch (kind) {
    case PolicyKind::kRandom: return std::make_unique<RandomPolicy>();
    case PolicyKind::kBestFit: return std::make_unique<BestFit>();
    case PolicyKind::kWorstFit: return std::make_unique<WorstFit>();
    case PolicyKind::kDotProduct: return std::make_unique<DotProduct>();
    case PolicyKind::kPacking: return std::make_unique<Packing>();
    case PolicyKind::kClustering: return std::make_unique<Clustering>();
    case PolicyKind::kFragmentationGradient:
      return std::make_unique<FragmentationPolicy>(fragmentation, Prices{});
    case PolicyKind::kAliquot: return std::make_unique<FragmentationPolicy>(fragmentation, prices);
    case PolicyKind::kPack: return std::make_unique<FullnessPolicy>(true);
    case PolicyKind::kSpread: return std::make_unique<FullnessPolicy>(false);
  }
  return nullptr;
}

}  // namespace aliquot::placement
