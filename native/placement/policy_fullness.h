// The policies of a machine's owner: devices are filled one after the other, or all alike.
#pragma once

#include "placement/policy.h"

namespace aliquot::placement {

/// How full a device is, is the larger of its shares of compute and of memory that are taken: the dominant
/// share of Ghodsi et al., NSDI 2011. `pack` takes the fullest, else the emptiest; what is asked for counts.
class FullnessPolicy : public Policy {
 public:
  explicit FullnessPolicy(bool pack) : pack_(pack) {}
  /// From 0 to kFull; of several devices the mean.
  int32_t score(const Node& node, const Request& request) const override;
  DeviceSet devices(const Node& node, const Request& request, Random& random) const override;

 private:
  DeviceSet chosen(const Node& node, const Request& request) const;

  bool pack_;
};

/// The score of a device that is full. Laid out as src/aliquot/placement/engine/policy.py has it.
constexpr int32_t kFull = 1 << 30;

}  // namespace aliquot::placement
