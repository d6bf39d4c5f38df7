#include "guest/opencl/rectangle.h"

#include <initializer_list>

namespace aliquot::guest::opencl {

namespace {

/// `sum += a * b`; false on overflow.
bool add_product(size_t a, size_t b, size_t* sum) {
  size_t product;
  return !__builtin_mul_overflow(a, b, &product) && !__builtin_add_overflow(*sum, product, sum);
}

}  // namespace

bool Rectangle::complete(const size_t* region, size_t size) {
  if (region[0] == 0 || region[1] == 0 || region[2] == 0) return false;
  if (row == 0) row = region[0];
  size_t least = 0;
  if (row < region[0] || !add_product(region[1], row, &least)) return false;
  if (slice == 0) slice = least;
  if (slice < least || slice % row != 0) return false;
  first = origin[0];
  if (!add_product(origin[1], row, &first) || !add_product(origin[2], slice, &first)) return false;
  end = first;
  return add_product(region[2] - 1, slice, &end) && add_product(region[1] - 1, row, &end) &&
         add_product(region[0], 1, &end) && end <= size;
}

bool overlap(const Rectangle& one, const Rectangle& other, const size_t* region) {
  if (one.end <= other.first || other.end <= one.first) return false;
  if (one.row != other.row || one.slice != other.slice) return true;
  const size_t row = one.row;
  const size_t slice = one.slice;
  const size_t a[3] = {one.first % slice % row, one.first % slice / row, one.first / slice};
  const size_t b[3] = {other.first % slice % row, other.first % slice / row, other.first / slice};
  // One whose rows run across the pitch is no box of this grid; the spans have the last word.
  for (const size_t* start : {&a[0], &b[0]}) {
    if (start[0] + region[0] > row || (start[1] + region[1]) * row > slice) return true;
  }
  for (int i = 0; i < 3; i++) {
    if (a[i] + region[i] <= b[i] || b[i] + region[i] <= a[i]) return false;
  }
  return true;
}

}  // namespace aliquot::guest::opencl
