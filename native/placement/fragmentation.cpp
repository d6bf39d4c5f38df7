#include "placement/fragmentation.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace aliquot::placement {

namespace {

/// Thousandths of devices, in which the measure was published: how sums are rounded decides among nodes
/// that are as good.
double in_thousandths(int64_t share) { return static_cast<double>(share) / (kWhole / kThousandths); }

/// By group, how many devices have enough, and what is free of these. Kept between calls, as there are
/// millions of them.
struct Counts {
  std::vector<int32_t> enough, usable;
};
thread_local Counts counts;
thread_local Counts changed_counts;

/// Adds a device with a share, or takes it away, with `sign` -1. One loop over all groups, without
/// branches, so that several are done at once.
void add_device(Counts& to, const std::vector<int32_t>& wanted, int32_t share, int32_t sign) {
  const size_t groups = wanted.size();
  int32_t* enough = to.enough.data();
  int32_t* usable = to.usable.data();
  const int32_t* least = wanted.data();
  const int32_t gained = sign * share;
  for (size_t group = 0; group < groups; ++group) {
    enough[group] += share >= least[group] ? sign : 0;
    usable[group] += share >= least[group] ? gained : 0;
  }
}

void count(Counts& to, const Node& node, const std::vector<int32_t>& wanted) {
  to.enough.assign(wanted.size(), 0);
  to.usable.assign(wanted.size(), 0);
  for (int device = 0; device < node.devices; ++device)
    add_device(to, wanted, node.share[static_cast<size_t>(device)], 1);
}

}  // namespace

Fragmentation::Fragmentation(const std::vector<Typical>& typical, int most_models)
    : models_(static_cast<size_t>(most_models)) {
  for (const Typical& one : typical) {
    all_ += one.weight;
    if (one.request.devices == 0) without_devices_.emplace_back(one.request.cpu, one.weight);
  }
  for (size_t number = 0; number < models_.size(); ++number) {
    OfModel& model = models_[number];
    std::set<std::pair<int32_t, int32_t>> sizes;
    std::set<int64_t> cpu;
    const auto counts_here = [&](const Request& request) {
      return request.devices > 0 && (request.models >> number & 1) != 0;
    };
    for (const Typical& one : typical) {
      if (!counts_here(one.request)) continue;
      sizes.emplace(one.request.devices, one.request.share);
      cpu.insert(one.request.cpu);
    }
    model.cpu.assign(cpu.begin(), cpu.end());
    model.weight.assign(cpu.size() * sizes.size(), 0);
    for (const auto& [devices, share] : sizes) {
      model.devices.push_back(devices);
      model.share.push_back(share);
    }
    for (const Typical& one : typical) {
      if (!counts_here(one.request)) continue;
      const auto size = sizes.find({one.request.devices, one.request.share});
      const auto group = static_cast<size_t>(std::distance(sizes.begin(), size));
      for (size_t row = 0; row < model.cpu.size(); ++row)
        if (one.request.cpu <= model.cpu[row]) model.weight[row * sizes.size() + group] += one.weight;
    }
  }
}

const double* Fragmentation::weights_with(const OfModel& model, int64_t cpu) {
  const auto above = std::upper_bound(model.cpu.begin(), model.cpu.end(), cpu);
  if (above == model.cpu.begin()) return nullptr;
  const auto row = static_cast<size_t>(std::distance(model.cpu.begin(), above)) - 1;
  return model.weight.data() + row * model.share.size();
}

double Fragmentation::useful(const OfModel& model, int64_t cpu, const int32_t* enough,
                             const int32_t* usable) {
  const double* weight = weights_with(model, cpu);
  if (weight == nullptr) return 0;
  double sum = 0;
  for (size_t group = 0; group < model.share.size(); ++group)
    sum += enough[group] >= model.devices[group] ? weight[group] * in_thousandths(usable[group]) : 0;
  return sum;
}

double Fragmentation::of(const Node& node) const {
  const OfModel& model = models_[static_cast<size_t>(node.model)];
  count(counts, node, model.share);
  return all_ * in_thousandths(node.total_share()) -
         useful(model, node.cpu, counts.enough.data(), counts.usable.data());
}

double Fragmentation::refused(const Node& node) const {
  double fitting = 0;
  for (const auto& [cpu, weight] : without_devices_) fitting += cpu <= node.cpu ? weight : 0;
  const OfModel& model = models_[static_cast<size_t>(node.model)];
  count(counts, node, model.share);
  if (const double* weight = weights_with(model, node.cpu)) {
    for (size_t group = 0; group < model.share.size(); ++group)
      fitting += counts.enough[group] >= model.devices[group] ? weight[group] : 0;
  }
  return all_ > 0 ? 1 - fitting / all_ : 0;
}

Fragmentation::OfParts::OfParts(const Fragmentation& fragmentation, const Node& node)
    : fragmentation_(fragmentation), node_(node) {
  count(counts, node, fragmentation.models_[static_cast<size_t>(node.model)].share);
}

double Fragmentation::OfParts::before() const {
  return fragmentation_.all_ * in_thousandths(node_.total_share()) -
         useful(fragmentation_.models_[static_cast<size_t>(node_.model)], node_.cpu,
                               counts.enough.data(), counts.usable.data());
}

double Fragmentation::OfParts::with(int64_t cpu, int device, int32_t share) const {
  const OfModel& model = fragmentation_.models_[static_cast<size_t>(node_.model)];
  const int32_t before = node_.share[static_cast<size_t>(device)];
  changed_counts = counts;
  add_device(changed_counts, model.share, before, -1);
  add_device(changed_counts, model.share, share, 1);
  return fragmentation_.all_ * in_thousandths(node_.total_share() - before + share) -
         useful(model, cpu, changed_counts.enough.data(),
                               changed_counts.usable.data());
}

}  // namespace aliquot::placement
