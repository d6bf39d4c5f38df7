// How long commands of one kind take on the device, learned from those that have ended: launches of
// one kernel, by their work-items; copies in one direction, by their bytes. Guarded by the turn
// gate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "protocol/records.h"

namespace aliquot::worker {

class WorkCost {
 public:
  /// Nothing is known of a kernel: long enough that few are submitted until one has ended.
  static WorkCost of_kernel(std::shared_ptr<const std::string> name = nullptr) {
    WorkCost cost{1'000'000, 0};
    cost.kernel_ = std::move(name);
    return cost;
  }
  /// 5 GB/s, until measured.
  static WorkCost of_copies() { return {0, 5}; }

  /// The time that a command of this size is expected to take; never 0.
  uint64_t expected_ns(uint64_t amount) const;
  /// One of this size took so long.
  void measured(uint64_t amount, uint64_t nanoseconds);
  /// The kernel's name; null: it is none, or nobody said.
  const std::string* kernel() const { return kernel_.get(); }

 private:
  // Sizes of one power of two are taken to cost in proportion; others are remembered apart, since a
  // launch of one work-item tells nothing about one of a million.
  struct Measured {
    uint64_t amount = 0;  // 0: none yet
    uint64_t nanoseconds = 0;
    uint64_t scaled(uint64_t to) const;
  };
  WorkCost(uint64_t flat_ns, uint64_t amount_per_ns)
      : flat_ns_(flat_ns), amount_per_ns_(amount_per_ns) {}

  std::shared_ptr<const std::string> kernel_;
  uint64_t flat_ns_;
  uint64_t amount_per_ns_;  // 0: without bound
  std::array<Measured, 4> sizes_{};
  size_t next_size_ = 0;
};

/// What a command asks of the device.
struct Work {
  std::shared_ptr<WorkCost> cost;  // null: `expected_ns` is all that is known
  uint64_t amount = 0;             // work-items or bytes
  uint64_t expected_ns = 0;        // as it was when the command passed the gate
  bool waits = false;              // it has a wait list: time passes before it starts
  bool kernel = false;
  uint64_t copied_bytes = 0;
  records::UnsplitReason unsplit = records::UnsplitReason::kNone;  // why it isn't in pieces
};

}  // namespace aliquot::worker
