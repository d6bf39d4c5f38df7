// The engine for Python's ctypes: plain functions over plain records. Whoever calls gives numbers of
// nodes and shapes that there are (src/aliquot/placement/engine/native.py does).
#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "placement/engine.h"

using namespace aliquot::placement;

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

struct Handle {
  Fragmentation fragmentation;
  Prices prices;
  Engine engine;
  std::map<int32_t, std::shared_ptr<const Policy>> policies{};  // that requests name, by their kinds
};

int models_of(const Node* nodes, int32_t count) {
  int most = 0;
  for (int32_t at = 0; at < count; ++at) most = std::max(most, nodes[at].model + 1);
  return most;
}

}  // namespace

EXPORTED Handle* aliquot_placement_new(const Node* nodes, int32_t node_count,
                                       const Typical* typical, int32_t typical_count, int32_t policy,
                                       const Prices* prices, uint64_t seed) {
  const Fragmentation fragmentation({typical, typical + typical_count}, models_of(nodes, node_count));
  auto chosen = make_policy(static_cast<PolicyKind>(policy), fragmentation, *prices);
  if (chosen == nullptr) return nullptr;
  return new Handle{fragmentation, *prices, Engine({nodes, nodes + node_count}, std::move(chosen), seed)};
}

/// The same cluster with all that is placed there, which goes its own way from now on.
EXPORTED Handle* aliquot_placement_copy(const Handle* handle) { return new Handle(*handle); }

EXPORTED void aliquot_placement_delete(Handle* handle) { delete handle; }

/// `policy` is of a kind of its own, or less than nothing: the engine's.
EXPORTED int32_t aliquot_placement_add_shape(Handle* handle, const Request* request, int32_t policy) {
  if (policy < 0) return handle->engine.add_shape(*request);
  std::shared_ptr<const Policy>& own = handle->policies[policy];
  if (own == nullptr)
    own = make_policy(static_cast<PolicyKind>(policy), handle->fragmentation, handle->prices);
  return handle->engine.add_shape(*request, own);
}

EXPORTED void aliquot_placement_place(Handle* handle, int32_t shape, const uint8_t* allowed,
                                      Place* place) {
  *place = handle->engine.place(shape, allowed);
}

EXPORTED void aliquot_placement_place_at(Handle* handle, int32_t shape, int32_t node,
                                         DeviceSet devices, Place* place) {
  *place = handle->engine.place_at(shape, node, devices);
}

EXPORTED void aliquot_placement_preview(Handle* handle, int32_t shape, const uint8_t* allowed,
                                        Place* place) {
  *place = handle->engine.preview(shape, allowed);
}

/// Sets a part of a device aside that no request has, or gives it back where it is less than nothing.
EXPORTED void aliquot_placement_hold(Handle* handle, int32_t node, int32_t device, int64_t share,
                                     int64_t memory) {
  handle->engine.hold(node, device, share, memory);
}

EXPORTED bool aliquot_placement_give_back(Handle* handle, int64_t id) {
  return handle->engine.give_back(id);
}

EXPORTED bool aliquot_placement_find_move(Handle* handle, int32_t shape, Move* move) {
  return handle->engine.find_move(shape, *move);
}

EXPORTED void aliquot_placement_place_by_move(Handle* handle, int32_t shape, const Move* move,
                                              Place* place) {
  *place = handle->engine.place_by_move(shape, *move);
}

EXPORTED bool aliquot_placement_find_exchange(const Handle* handle, int32_t shape,
                                              Exchange* exchange) {
  return handle->engine.find_exchange(shape, *exchange);
}

EXPORTED void aliquot_placement_place_by_exchange(Handle* handle, int32_t shape,
                                                  const Exchange* exchange, Place* place) {
  *place = handle->engine.place_by_exchange(shape, *exchange);
}

EXPORTED void aliquot_placement_node(const Handle* handle, int32_t node, Node* found) {
  *found = handle->engine.node(node);
}

/// Writes up to `room` places of what is on a node; returns how many there are.
EXPORTED int32_t aliquot_placement_places(const Handle* handle, int32_t node, Place* places,
                                          int32_t room) {
  const std::vector<Place> found = handle->engine.places(node);
  std::copy_n(found.begin(), std::min(found.size(), static_cast<size_t>(room)), places);
  return static_cast<int32_t>(found.size());
}

/// Writes the scores of all nodes for a shape.
EXPORTED void aliquot_placement_scores(Handle* handle, int32_t shape, int32_t* scores) {
  const std::vector<int32_t>& found = handle->engine.scores(shape);
  std::copy(found.begin(), found.end(), scores);
}

/// Free thousandths of devices that the typical requests can't use, of all nodes.
EXPORTED double aliquot_placement_fragmented(const Handle* handle) {
  double sum = 0;
  for (size_t node = 0; node < handle->engine.node_count(); ++node)
    sum += handle->fragmentation.of(handle->engine.node(static_cast<int32_t>(node)));
  return sum;
}

EXPORTED uint64_t aliquot_placement_cache_bytes(const Handle* handle) {
  return handle->engine.cache_bytes();
}
