#include "worker/launch_pieces.h"

#include <algorithm>

namespace aliquot::worker {

namespace {

// Cuts one dimension of each range into about `parts`.
std::vector<LaunchRange> cut(const std::vector<LaunchRange>& ranges, uint32_t dimension,
                             size_t local, uint64_t parts) {
  std::vector<LaunchRange> pieces;
  for (const LaunchRange& range : ranges) {
    const size_t groups = range.size[dimension] / local;
    const size_t a_piece = (groups + parts - 1) / parts;
    for (size_t first = 0; first < groups; first += a_piece) {
      LaunchRange piece = range;
      piece.offset[dimension] += first * local;
      piece.size[dimension] = std::min(a_piece, groups - first) * local;
      pieces.push_back(piece);
    }
  }
  return pieces;
}

}  // namespace

std::vector<LaunchRange> divide_launch(const LaunchRange& whole, const size_t* local,
                                       uint64_t wanted) {
  std::vector<LaunchRange> pieces{whole};
  for (uint32_t i = 0; i < whole.dimensions; ++i) {
    if (local[i] == 0 || whole.size[i] == 0 || whole.size[i] % local[i] != 0) return pieces;
  }
  wanted = std::min(wanted, kMostPieces);
  for (uint32_t i = whole.dimensions; i-- > 0 && pieces.size() < wanted;) {
    const size_t groups = whole.size[i] / local[i];
    if (groups > 1) {
      const uint64_t parts = (wanted + pieces.size() - 1) / pieces.size();
      pieces = cut(pieces, i, local[i], std::min<uint64_t>(parts, groups));
    }
  }
  return pieces;
}

}  // namespace aliquot::worker
