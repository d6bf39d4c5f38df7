// Nodes, what is placed there, and where the next request goes.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "placement/cluster.h"
#include "placement/policy.h"
#include "placement/score_cache.h"

namespace aliquot::placement {

/// Where a request is. Laid out as src/aliquot/placement/engine/native.py has it.
struct Place {
  int64_t id = -1;  // of what is placed; never used again
  int32_t shape = -1;
  int32_t node = -1;
  DeviceSet devices = 0;
  int32_t score = kDoesNotFit;
};

/// What makes room for a request: one that is placed goes elsewhere.
struct Move {
  int64_t moved = -1;  // the id of what goes
  int32_t from = -1;   // the request goes there
  int32_t to = -1;     // what goes, goes there
};

/// What makes room for a request as well: two that are placed exchange their devices, of which the one
/// of `larger` then has more left, and the request goes there.
struct Exchange {
  int64_t larger = -1, smaller = -1;  // ids
};

class Engine {
 public:
  /// A copy goes its own way from then on; policies don't change.
  Engine(std::vector<Node> nodes, std::shared_ptr<const Policy> policy, uint64_t seed);

  /// A number for all requests that ask for this, by a policy of their own or by the engine's.
  int32_t add_shape(const Request& request, std::shared_ptr<const Policy> policy = nullptr);
  /// Places a request; a Place without a node where it fits nowhere. Among equals the first node.
  /// `allowed`: a byte for each node, 0 where it may not go; nullptr: it may go anywhere.
  Place place(int32_t shape, const uint8_t* allowed = nullptr);
  /// Places it on a node and on devices that somebody else has chosen; refused where it doesn't fit.
  Place place_at(int32_t shape, int32_t node, DeviceSet devices);
  /// Where it would go.
  Place preview(int32_t shape, const uint8_t* allowed = nullptr);
  /// Sets a part of a device aside that no request has, or gives it back where it is less than nothing.
  void hold(int32_t node, int device, int64_t share, int64_t memory);
  /// Gives back what is placed; false where there is no such.
  bool give_back(int64_t id);
  /// The single move that makes room for a request: after it the two score best together, and among
  /// equals the least share is moved. False where none does.
  bool find_move(int32_t shape, Move& found);
  /// Moves, and places the request where room was made.
  Place place_by_move(int32_t shape, const Move& move);

  /// The exchange of two parts of devices that makes room for a request, and leaves the least free on
  /// both devices. False where none does, or the request isn't for one device.
  bool find_exchange(int32_t shape, Exchange& found) const;
  /// Exchanges, and places the request where room was made.
  Place place_by_exchange(int32_t shape, const Exchange& exchange);

  size_t node_count() const { return nodes_.size(); }
  const Node& node(int32_t at) const { return nodes_[static_cast<size_t>(at)]; }
  const Request& request(int32_t shape) const { return requests_[static_cast<size_t>(shape)]; }
  /// What is placed on a node.
  std::vector<Place> places(int32_t node) const;
  /// Scores of all nodes for a shape, kDoesNotFit where it doesn't fit.
  const std::vector<int32_t>& scores(int32_t shape);
  /// What the scores take, in bytes.
  size_t cache_bytes() const;

 private:
  int32_t best_node(int32_t shape, const uint8_t* allowed);
  Place record(int32_t shape, int32_t node, DeviceSet devices);
  void put(const Place& place);
  const Policy& policy(int32_t shape) const { return *policies_[static_cast<size_t>(shape)]; }
  bool can_exchange(const Request& wanted, const Place& larger, const Place& smaller) const;
  void changed(int32_t node) { log_.changed(node); }

  std::vector<Node> nodes_;
  std::vector<Request> requests_;  // by shape
  std::vector<Scores> scores_;     // by shape
  std::vector<std::shared_ptr<const Policy>> policies_;  // by shape
  std::unordered_map<int64_t, Place> places_;    // by id
  std::vector<std::vector<int64_t>> placed_on_;  // by node, ids
  std::shared_ptr<const Policy> policy_;
  ChangeLog log_;
  int64_t next_id_ = 0;
  Random random_;
};

}  // namespace aliquot::placement
