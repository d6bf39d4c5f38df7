// A long launch as several shorter ones, so that others need not wait for the end of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace aliquot::worker {

struct LaunchRange {
  uint32_t dimensions = 1;
  std::array<size_t, 3> offset{};
  std::array<size_t, 3> size{1, 1, 1};

  uint64_t items() const { return uint64_t{size[0]} * size[1] * size[2]; }
};

/// Divides a range into about `wanted` ranges of whole work-groups of `local` items: slabs of the
/// last dimension that has several groups, or, where those are too few, rows of the one before it in
/// each. At most kMostPieces; one where the groups don't divide the range.
std::vector<LaunchRange> divide_launch(const LaunchRange& whole, const size_t* local,
                                       uint64_t wanted);

constexpr uint64_t kMostPieces = 1024;

}  // namespace aliquot::worker
