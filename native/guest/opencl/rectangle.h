// Rectangles in buffers and in the program's memory: pitches, bounds, overlap.
#pragma once

#include <cstddef>

namespace aliquot::guest::opencl {

struct Rectangle {
  size_t origin[3];
  size_t row, slice;          // pitches; 0: the specification's default
  size_t first = 0, end = 0;  // the bytes that it spans, set by complete()

  /// Fills in default pitches and the span. False: an empty region, pitches that the specification
  /// forbids, or an end beyond `size` bytes.
  bool complete(const size_t* region, size_t size);
};

/// Whether two rectangles with equal regions in the same memory share a byte. Exact where both
/// have the same pitches; otherwise their spans are compared.
bool overlap(const Rectangle& one, const Rectangle& other, const size_t* region);

}  // namespace aliquot::guest::opencl
