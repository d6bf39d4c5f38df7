// The scores of all nodes for each shape of request, kept until a node changes.
#pragma once

#include <cstdint>
#include <vector>

namespace aliquot::placement {

constexpr int32_t kDoesNotFit = -1;

/// Which nodes have changed since when. A node that changed twice counts once.
class ChangeLog {
 public:
  explicit ChangeLog(size_t nodes) : latest_(nodes, -1) {}
  void changed(int32_t node);
  /// A place in time, for visit_since().
  int64_t now() const { return dropped_ + static_cast<int64_t>(log_.size()); }
  /// Calls `visit` with each node that changed since then; false where so much has changed that to look
  /// at all nodes is no more work.
  template <typename Visitor>
  bool visit_since(int64_t then, Visitor&& visit) const {
    if (then < dropped_ || now() - then > static_cast<int64_t>(latest_.size())) return false;
    for (int64_t at = then; at < now(); ++at) {
      const int32_t node = log_[static_cast<size_t>(at - dropped_)];
      if (latest_[static_cast<size_t>(node)] == at) visit(node);
    }
    return true;
  }

 private:
  std::vector<int32_t> log_;
  std::vector<int64_t> latest_;  // by node, when it changed last
  int64_t dropped_ = 0;
};

/// The scores for one shape, in the order of the nodes.
class Scores {
 public:
  /// Brings up to date what has changed; `score` tells a node's, kDoesNotFit included.
  template <typename Scorer>
  void refresh(const ChangeLog& log, size_t nodes, Scorer&& score) {
    const bool known = then_ >= 0 && log.visit_since(then_, [&](int32_t node) {
      scores_[static_cast<size_t>(node)] = score(node);
    });
    if (!known) {
      scores_.resize(nodes);
      for (size_t node = 0; node < nodes; ++node) scores_[node] = score(static_cast<int32_t>(node));
    }
    then_ = log.now();
  }
  const std::vector<int32_t>& all() const { return scores_; }
  size_t bytes() const { return scores_.capacity() * sizeof(int32_t); }

 private:
  std::vector<int32_t> scores_;
  int64_t then_ = -1;
};

}  // namespace aliquot::placement
