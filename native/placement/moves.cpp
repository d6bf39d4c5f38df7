// Room by moving one request that is placed: whoever comes fits in its place, and it fits elsewhere.
#include <algorithm>
#include <utility>

#include "placement/engine.h"

namespace aliquot::placement {

namespace {

/// The best node for a shape and the best but for that one, -1 where there is none.
struct BestTwo {
  bool known = false;
  int32_t first = -1, second = -1;
};

BestTwo best_two(const std::vector<int32_t>& scores) {
  BestTwo best;
  best.known = true;
  for (size_t at = 0; at < scores.size(); ++at) {
    if (scores[at] == kDoesNotFit) continue;
    if (best.first < 0 || scores[at] > scores[static_cast<size_t>(best.first)]) {
      best.second = std::exchange(best.first, static_cast<int32_t>(at));
    } else if (best.second < 0 || scores[at] > scores[static_cast<size_t>(best.second)]) {
      best.second = static_cast<int32_t>(at);
    }
  }
  return best;
}

}  // namespace

bool Engine::find_move(int32_t shape, Move& found) {
  const Request wanted = request(shape);
  std::vector<BestTwo> targets(requests_.size());
  std::pair<int64_t, int64_t> best{-1, 0};  // score, less share moved
  for (size_t from = 0; from < nodes_.size(); ++from) {
    if (wanted.devices > 0 && (wanted.models >> nodes_[from].model & 1) == 0) continue;
    for (const int64_t id : placed_on_[from]) {
      const Place& moved = places_.at(id);
      Node after = nodes_[from];
      placement::give_back(after, request(moved.shape), moved.devices);
      if (!fits(after, wanted)) continue;
      BestTwo& target = targets[static_cast<size_t>(moved.shape)];
      if (!target.known) target = best_two(scores(moved.shape));
      const int32_t to = target.first == static_cast<int32_t>(from) ? target.second : target.first;
      if (to < 0) continue;
      const int64_t score = static_cast<int64_t>(policy(shape).score(after, wanted)) +
                            scores_[static_cast<size_t>(moved.shape)].all()[static_cast<size_t>(to)];
      const std::pair<int64_t, int64_t> worth{score, -request(moved.shape).total()};
      if (found.moved >= 0 && worth <= best) continue;
      best = worth;
      found = {id, static_cast<int32_t>(from), to};
    }
  }
  return found.moved >= 0;
}

Place Engine::place_by_move(int32_t shape, const Move& move) {
  Place goes = places_.at(move.moved);
  give_back(move.moved);
  goes.node = move.to;
  goes.devices = policy(goes.shape).devices(node(move.to), request(goes.shape), random_);
  put(goes);
  return record(shape, move.from, policy(shape).devices(node(move.from), request(shape), random_));
}

}  // namespace aliquot::placement
