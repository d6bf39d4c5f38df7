// How much of a node's free shares the typical requests can't use: the measure of Weng et al., "Beware
// of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX ATC
// 2023, section 3.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "placement/cluster.h"

namespace aliquot::placement {

constexpr int32_t kThousandths = 1'000;  // of one device, in which fragmentation is told

/// A class of requests, and which part of all it makes up. Host memory doesn't matter to it.
struct Typical {
  Request request;
  double weight = 0;
};

class Fragmentation {
 public:
  /// `most_models`: how many models of devices there are.
  Fragmentation(const std::vector<Typical>& typical, int most_models);

  /// Free thousandths that a request drawn from the typical ones can't use, in the mean. A request
  /// that doesn't fit, or wants no device, can use none.
  double of(const Node& node) const;

  /// Which part of the typical requests doesn't fit, those without devices included, from 0 to 1.
  double refused(const Node& node) const;

  /// The first of one node as it would be with a part of one of its devices taken, for several devices
  /// in turn: most of the work is done once.
  class OfParts {
   public:
    OfParts(const Fragmentation& fragmentation, const Node& node);
    double before() const;
    /// With this much CPU left, and a device's share lowered.
    double with(int64_t cpu, int device, int32_t share) const;

   private:
    const Fragmentation& fragmentation_;
    const Node& node_;
  };

 private:
  /// By how much each group of typical requests weighs that fits: a group asks for as much of as many
  /// devices, and wants one of `cpu` at least, which are ascending.
  struct OfModel {
    std::vector<int32_t> share, devices;  // by group
    std::vector<int64_t> cpu;
    std::vector<double> weight;  // rows by cpu, a column a group: of those that want no more CPU
  };

  /// By group, how much those weigh that this much CPU is enough for; nullptr where it is for none.
  static const double* weights_with(const OfModel& model, int64_t cpu);
  static double useful(const OfModel& model, int64_t cpu, const int32_t* enough,
                       const int32_t* usable);

  std::vector<OfModel> models_;
  std::vector<std::pair<int64_t, double>> without_devices_;  // what CPU they want, and their weight
  double all_ = 0;
};

}  // namespace aliquot::placement
