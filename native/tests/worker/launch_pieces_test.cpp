// Launches in pieces: together they are the whole, each work-item once.
#include <map>

#include "check.h"
#include "worker/launch_pieces.h"

namespace aliquot::worker {

namespace {

// How often each work-item is in the pieces, or nothing where that isn't once each.
bool covers(const LaunchRange& whole, const std::vector<LaunchRange>& pieces) {
  std::map<std::array<size_t, 3>, int> seen;
  uint64_t items = 0;
  for (const LaunchRange& piece : pieces) {
    items += piece.items();
    std::array<size_t, 3> id;
    for (id[0] = 0; id[0] < piece.size[0]; ++id[0])
      for (id[1] = 0; id[1] < piece.size[1]; ++id[1])
        for (id[2] = 0; id[2] < piece.size[2]; ++id[2]) {
          std::array<size_t, 3> global;
          for (size_t i = 0; i < 3; ++i) {
            global[i] = id[i] + piece.offset[i];
            if (global[i] < whole.offset[i] || global[i] >= whole.offset[i] + whole.size[i])
              return false;
          }
          ++seen[global];
        }
  }
  return items == whole.items() && seen.size() == items;
}

}  // namespace

void test_launch_pieces() {
  const size_t local[] = {4, 2, 1};
  LaunchRange line;
  line.size = {400, 1, 1};
  line.offset = {8, 0, 0};
  for (const uint64_t wanted : {1, 2, 3, 7, 100, 5000}) {
    const auto pieces = divide_launch(line, local, wanted);
    CHECK(covers(line, pieces));
    CHECK(pieces.size() <= wanted && pieces.size() <= 100 && (wanted == 1 || pieces.size() > 1));
    for (const LaunchRange& piece : pieces) CHECK(piece.size[0] % local[0] == 0);
  }
  CHECK_SAME(divide_launch(line, local, 5000).size(), 100u);

  // Rows too few: in two dimensions.
  LaunchRange plane;
  plane.dimensions = 2;
  plane.size = {64, 6, 1};
  const auto pieces = divide_launch(plane, local, 12);
  CHECK(covers(plane, pieces));
  CHECK_SAME(pieces.size(), 12u);

  LaunchRange block;
  block.dimensions = 3;
  block.size = {8, 4, 5};
  for (const uint64_t wanted : {1, 4, 5, 6, 20, 100})
    CHECK(covers(block, divide_launch(block, local, wanted)));

  line.size = {401, 1, 1};  // the last group is smaller: kernels could tell
  CHECK_SAME(divide_launch(line, local, 8).size(), 1u);
}

}  // namespace aliquot::worker
