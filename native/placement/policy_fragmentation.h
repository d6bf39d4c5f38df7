// FGD, and what the policy `aliquot` adds to it.
#pragma once

#include "placement/policy.h"

namespace aliquot::placement {

/// Fragmentation gradient descent (Weng et al., USENIX ATC 2023, algorithm 1): where the least comes to
/// be fragmented by it. With prices, what it strands, what CPU it leaves that is of no use, and what it
/// takes from pinned requests count too.
class FragmentationPolicy : public Policy {
 public:
  FragmentationPolicy(Fragmentation fragmentation, const Prices& prices)
      : fragmentation_(std::move(fragmentation)), prices_(prices) {}
  int32_t score(const Node& node, const Request& request) const override;
  DeviceSet devices(const Node& node, const Request& request, Random&) const override;

 private:
  struct Offer {
    int32_t score = -1;
    DeviceSet devices = 0;
  };
  Offer best_offer(const Node& node, const Request& request) const;
  double stranded(int64_t cpu, int64_t share) const;
  double unusable_cpu(const Node& node) const;

  Fragmentation fragmentation_;
  Prices prices_;
};

}  // namespace aliquot::placement
