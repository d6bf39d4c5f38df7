// What tells a good place from a bad one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "placement/cluster.h"
#include "placement/fragmentation.h"

namespace aliquot::placement {

/// A sequence of numbers that look random: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  /// One of 0 … bound - 1.
  uint64_t below(uint64_t bound);

 private:
  uint64_t state_;
};

class Policy {
 public:
  virtual ~Policy() = default;
  /// How good a node is for a request that fits there, from 0 on. What it depends on are the node and
  /// the request alone, so that it can be kept until the node changes.
  virtual int32_t score(const Node& node, const Request& request) const = 0;
  /// Which devices of the node it gets.
  virtual DeviceSet devices(const Node& node, const Request& request, Random& random) const;
  /// Whether any of the best nodes will do; else it is the first.
  virtual bool any_of_best() const { return false; }
};

/// Laid out as src/aliquot/placement/engine/policy.py has it.
enum class PolicyKind : int32_t {
  kRandom = 0,
  kBestFit = 1,
  kWorstFit = 2,
  kDotProduct = 3,
  kPacking = 4,
  kClustering = 5,
  kFragmentationGradient = 6,
  kAliquot = 7,
  kPack = 8,
  kSpread = 9,
};

/// What the policy `aliquot` weighs beside fragmentation (policy_fragmentation.cpp), in fragmented
/// devices. Laid out as src/aliquot/placement/engine/native.py has it.
struct Prices {
  double cpu_of_device = 1;                 // thousandths of a core that go with a device, typically
  double stranded = 0;                      // of a device that is left without its CPU
  double cpu = 0;                           // of a device's CPU that typical requests can't use
  int32_t fullest_first = 0;                // among equals the node with the fewest devices left
  std::array<double, kMostModels> model{};  // of a device that pinned requests need
};

/// A policy; nullptr where there is no such.
std::unique_ptr<Policy> make_policy(PolicyKind kind, const Fragmentation& fragmentation,
                                    const Prices& prices);

}  // namespace aliquot::placement
