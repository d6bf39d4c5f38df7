// The kernels that took longest of those that can't be launched in pieces: who has to wait for a turn
// may want to know. Guarded by the turn gate.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/records.h"

namespace aliquot::worker {

class UnsplitKernels {
 public:
  /// Shorter ones are launched whole in any case: two usual turns.
  static constexpr uint64_t kLongNs = 4'000'000;

  /// A launch of the kernel took so long, and could not be made in pieces.
  void note(std::string_view name, uint64_t nanoseconds, records::UnsplitReason reason);
  /// What has changed since the last call.
  std::vector<records::UnsplitKernel> take_changed();

 private:
  struct Entry {
    std::string name;
    uint64_t longest_ns = 0;  // 0: free
    records::UnsplitReason reason = records::UnsplitReason::kNone;
    bool changed = false;
  };
  std::array<Entry, records::kMostUnsplitKernels> entries_;
};

}  // namespace aliquot::worker
