#include "placement/engine.h"

#include <algorithm>
#include <utility>

namespace aliquot::placement {

namespace {

/// Entries that are kept. Whoever asks more seldom looks at all nodes again, which costs no more.
constexpr size_t kLongestLog = 1 << 20;

}  // namespace

void ChangeLog::changed(int32_t node) {
  if (log_.size() >= kLongestLog) {
    dropped_ += static_cast<int64_t>(log_.size());
    log_.clear();
  }
  latest_[static_cast<size_t>(node)] = now();
  log_.push_back(node);
}

Engine::Engine(std::vector<Node> nodes, std::shared_ptr<const Policy> policy, uint64_t seed)
    : nodes_(std::move(nodes)),
      placed_on_(nodes_.size()),
      policy_(std::move(policy)),
      log_(nodes_.size()),
      random_(seed) {}

int32_t Engine::add_shape(const Request& request, std::shared_ptr<const Policy> policy) {
  requests_.push_back(request);
  policies_.push_back(policy != nullptr ? std::move(policy) : policy_);
  scores_.emplace_back();
  return static_cast<int32_t>(requests_.size() - 1);
}

const std::vector<int32_t>& Engine::scores(int32_t shape) {
  const Request& request = requests_[static_cast<size_t>(shape)];
  const Policy& of = policy(shape);
  Scores& scores = scores_[static_cast<size_t>(shape)];
  scores.refresh(log_, nodes_.size(), [&](int32_t at) {
    const Node& node = nodes_[static_cast<size_t>(at)];
    return fits(node, request) ? of.score(node, request) : kDoesNotFit;
  });
  return scores.all();
}

int32_t Engine::best_node(int32_t shape, const uint8_t* allowed) {
  const std::vector<int32_t>* all = &scores(shape);
  std::vector<int32_t> some;
  if (allowed != nullptr) {
    some = *all;
    for (size_t at = 0; at < some.size(); ++at) some[at] = allowed[at] != 0 ? some[at] : kDoesNotFit;
    all = &some;
  }
  int32_t best = kDoesNotFit;
  for (const int32_t score : *all) best = std::max(best, score);
  if (best == kDoesNotFit) return -1;
  uint64_t skip = 0;
  if (policy(shape).any_of_best())
    skip = random_.below(static_cast<uint64_t>(std::count(all->begin(), all->end(), best)));
  auto found = std::find(all->begin(), all->end(), best);
  for (; skip > 0; --skip) found = std::find(found + 1, all->end(), best);
  return static_cast<int32_t>(found - all->begin());
}

Place Engine::preview(int32_t shape, const uint8_t* allowed) {
  Place place;
  place.shape = shape;
  place.node = best_node(shape, allowed);
  if (place.node < 0) return place;
  place.score = scores_[static_cast<size_t>(shape)].all()[static_cast<size_t>(place.node)];
  place.devices = policy(shape).devices(node(place.node), request(shape), random_);
  return place;
}

Place Engine::place(int32_t shape, const uint8_t* allowed) {
  Place place = preview(shape, allowed);
  if (place.node < 0) return place;
  const int32_t score = place.score;
  place = record(shape, place.node, place.devices);
  place.score = score;
  return place;
}

Place Engine::place_at(int32_t shape, int32_t node, DeviceSet devices) {
  Place refused;
  refused.shape = shape;
  const Request& request = requests_[static_cast<size_t>(shape)];
  const Node& there = nodes_[static_cast<size_t>(node)];
  if (!fits(there, request) || __builtin_popcount(devices) != request.devices ||
      devices >> there.devices != 0)
    return refused;
  bool room = true;
  for_each_device(devices, [&](int device) { room = room && has_room(there, device, request); });
  return room ? record(shape, node, devices) : refused;
}

Place Engine::record(int32_t shape, int32_t node, DeviceSet devices) {
  Place place;
  place.id = next_id_++;
  place.shape = shape;
  place.node = node;
  place.devices = devices;
  put(place);
  return place;
}

void Engine::put(const Place& place) {
  take(nodes_[static_cast<size_t>(place.node)], request(place.shape), place.devices);
  places_[place.id] = place;
  placed_on_[static_cast<size_t>(place.node)].push_back(place.id);
  changed(place.node);
}

void Engine::hold(int32_t node, int device, int64_t share, int64_t memory) {
  placement::hold(nodes_[static_cast<size_t>(node)], device, share, memory);
  changed(node);
}

bool Engine::give_back(int64_t id) {
  const auto known = places_.find(id);
  if (known == places_.end()) return false;
  const Place place = known->second;
  places_.erase(known);
  auto& there = placed_on_[static_cast<size_t>(place.node)];
  there.erase(std::find(there.begin(), there.end(), id));
  placement::give_back(nodes_[static_cast<size_t>(place.node)], request(place.shape), place.devices);
  changed(place.node);
  return true;
}

std::vector<Place> Engine::places(int32_t node) const {
  std::vector<Place> found;
  for (const int64_t id : placed_on_[static_cast<size_t>(node)])
    found.push_back(places_.at(id));
  return found;
}

size_t Engine::cache_bytes() const {
  size_t bytes = 0;
  for (const Scores& scores : scores_) bytes += scores.bytes();
  return bytes;
}

}  // namespace aliquot::placement
