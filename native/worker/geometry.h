// Ranges and rectangles inside buffers, with numbers that a hostile peer may have chosen.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aliquot::worker {

inline bool range_inside(uint64_t size, uint64_t offset, uint64_t bytes) {
  return offset <= size && bytes <= size - offset;
}

/// A rectangle as OpenCL gives it: three origins, three extents, and pitches of which 0 stands for
/// "without gaps".
struct Rectangle {
  const uint64_t* origin = nullptr;
  const uint64_t* region = nullptr;
  uint64_t row_pitch = 0;
  uint64_t slice_pitch = 0;
};

/// Bytes that the region holds; 0 when it is empty or the number too large.
inline uint64_t region_bytes(const uint64_t* region) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(region[0], region[1], &bytes) ||
      __builtin_mul_overflow(bytes, region[2], &bytes)) {
    return 0;
  }
  return bytes;
}

/// Whether the rectangle is well-formed and lies inside a buffer of `size` bytes.
inline bool rectangle_inside(uint64_t size, const Rectangle& rectangle) {
  const uint64_t* origin = rectangle.origin;
  const uint64_t* region = rectangle.region;
  if (region_bytes(region) == 0) return false;
  const uint64_t row = rectangle.row_pitch != 0 ? rectangle.row_pitch : region[0];
  uint64_t least_slice = 0;
  if (row < region[0] || __builtin_mul_overflow(region[1], row, &least_slice)) return false;
  const uint64_t slice = rectangle.slice_pitch != 0 ? rectangle.slice_pitch : least_slice;
  if (slice < least_slice || slice % row != 0) return false;
  uint64_t last[3] = {};
  for (int i = 0; i < 3; ++i) {
    if (__builtin_add_overflow(origin[i], region[i], &last[i])) return false;
  }
  uint64_t slices = 0;
  uint64_t rows = 0;
  uint64_t end = 0;
  return !__builtin_mul_overflow(last[2] - 1, slice, &slices) &&
         !__builtin_mul_overflow(last[1] - 1, row, &rows) &&
         !__builtin_add_overflow(slices, rows, &end) &&
         !__builtin_add_overflow(end, last[0], &end) && end <= size;
}

}  // namespace aliquot::worker
