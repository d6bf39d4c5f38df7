// Room by an exchange: a request takes what is left on one device beside something smaller than was there,
// and what was there takes what is left on another, where that smaller thing was.
#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "placement/engine.h"

namespace aliquot::placement {

namespace {

/// A part of a device that is placed, and what is left there.
struct Part {
  Place place;
  int32_t share = 0;
  int32_t left = 0;
};

}  // namespace

bool Engine::find_exchange(int32_t shape, Exchange& found) const {
  const Request& wanted = request(shape);
  if (wanted.devices != 1) return false;
  std::vector<Part> parts;
  for (size_t node = 0; node < nodes_.size(); ++node)
    for (const int64_t id : placed_on_[node]) {
      const Place& place = places_.at(id);
      const Request& placed = request(place.shape);
      if (!placed.is_part()) continue;
      const int device = __builtin_ctz(place.devices);
      parts.push_back({place, placed.share, nodes_[node].share[static_cast<size_t>(device)]});
    }
  // Those of a share together, where the least is left first.
  std::sort(parts.begin(), parts.end(), [](const Part& one, const Part& other) {
    return std::tie(one.share, one.left, one.place.id) <
           std::tie(other.share, other.left, other.place.id);
  });
  int32_t least_left = std::numeric_limits<int32_t>::max();
  for (const Part& larger : parts) {
    const int32_t lacking = wanted.share - larger.left;
    if ((wanted.models >> node(larger.place.node).model & 1) == 0) continue;
    for (size_t at = 0; at < parts.size() && parts[at].share + lacking <= larger.share;) {
      const int32_t share = parts[at].share;
      for (; at < parts.size() && parts[at].share == share; ++at) {
        const Part& smaller = parts[at];
        if (larger.left + smaller.left >= least_left) break;
        if (share >= larger.share || larger.share - share > smaller.left ||
            !can_exchange(wanted, larger.place, smaller.place))
          continue;
        least_left = larger.left + smaller.left;
        found = {larger.place.id, smaller.place.id};
      }
      while (at < parts.size() && parts[at].share == share) ++at;
    }
  }
  return found.larger >= 0;
}

bool Engine::can_exchange(const Request& wanted, const Place& larger, const Place& smaller) const {
  if (larger.node == smaller.node && larger.devices == smaller.devices) return false;
  Node there = node(larger.node);
  Node other = node(smaller.node);
  Node& others = larger.node == smaller.node ? there : other;
  const Request& large = request(larger.shape);
  const Request& small = request(smaller.shape);
  placement::give_back(there, large, larger.devices);
  placement::give_back(others, small, smaller.devices);
  const auto put_if_fits = [](Node& node, const Request& request, DeviceSet devices) {
    if (!fits(node, request) || !has_room(node, __builtin_ctz(devices), request)) return false;
    take(node, request, devices);
    return true;
  };
  return put_if_fits(others, large, smaller.devices) && put_if_fits(there, small, larger.devices) &&
         put_if_fits(there, wanted, larger.devices);
}

Place Engine::place_by_exchange(int32_t shape, const Exchange& exchange) {
  Place larger = places_.at(exchange.larger);
  Place smaller = places_.at(exchange.smaller);
  give_back(exchange.larger);
  give_back(exchange.smaller);
  std::swap(larger.node, smaller.node);
  std::swap(larger.devices, smaller.devices);
  put(larger);
  put(smaller);
  return record(shape, smaller.node, smaller.devices);
}

}  // namespace aliquot::placement
