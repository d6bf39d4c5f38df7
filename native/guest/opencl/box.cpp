// Copying plain and rectangular pieces of memory.
#include <cstring>

#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

struct Side {
  size_t first;  // byte offset of the region's first byte
  size_t row, slice;
};

Side buffer_side(const Box& box) {
  return {box.buffer_origin[2] * box.buffer_slice + box.buffer_origin[1] * box.buffer_row +
              box.buffer_origin[0],
          box.buffer_row, box.buffer_slice};
}

Side host_side(const Box& box) {
  return {box.host_origin[2] * box.host_slice + box.host_origin[1] * box.host_row +
              box.host_origin[0],
          box.host_row, box.host_slice};
}

Side packed_side(const Box& box) { return {0, box.region[0], box.region[0] * box.region[1]}; }

void copy_rows(const Box& box, unsigned char* to, const Side& to_side, const unsigned char* from,
               const Side& from_side) {
  to += to_side.first;
  from += from_side.first;
  for (size_t z = 0; z < box.region[2]; z++) {
    for (size_t y = 0; y < box.region[1]; y++) {
      memcpy(to + z * to_side.slice + y * to_side.row,
             from + z * from_side.slice + y * from_side.row, box.region[0]);
    }
  }
}

}  // namespace

const unsigned char* Box::host_begin() const {
  return rect ? host + host_side(*this).first : host;
}

size_t Box::host_extent() const {
  if (!rect) return bytes;
  return (region[2] - 1) * host_slice + (region[1] - 1) * host_row + region[0];
}

namespace {

/// Whether some row of `box` has a byte in [begin, end).
bool has_byte_between(const Box& box, const unsigned char* begin, const unsigned char* end) {
  const unsigned char* first = box.host_begin();
  if (end <= first) return false;
  if (!box.rect) return begin < first + box.bytes;
  // Rows follow one another without overlap: the last that begins below `end` decides.
  const size_t below = static_cast<size_t>(end - 1 - first);
  size_t z = below / box.host_slice;
  if (z >= box.region[2]) z = box.region[2] - 1;
  size_t y = (below - z * box.host_slice) / box.host_row;
  if (y >= box.region[1]) y = box.region[1] - 1;
  return begin < first + z * box.host_slice + y * box.host_row + box.region[0];
}

}  // namespace

bool Box::shares_host_bytes(const Box& other) const {
  const unsigned char* begin = host_begin();
  const unsigned char* theirs = other.host_begin();
  if (begin >= theirs + other.host_extent() || theirs >= begin + host_extent()) return false;
  if (!rect) return has_byte_between(other, begin, begin + bytes);
  for (size_t z = 0; z < region[2]; z++) {
    for (size_t y = 0; y < region[1]; y++) {
      const unsigned char* row = begin + z * host_slice + y * host_row;
      if (has_byte_between(other, row, row + region[0])) return true;
    }
  }
  return false;
}

void copy_to_buffer(Connection& connection, const Box& box, unsigned char* buffer) {
  const CountedCopy counted(connection.times, box.bytes);
  if (!box.rect) {
    memcpy(buffer + box.offset, box.host, box.bytes);
  } else {
    copy_rows(box, buffer, buffer_side(box), box.host, host_side(box));
  }
}

void copy_from_buffer(Connection& connection, const Box& box, const unsigned char* buffer) {
  const CountedCopy counted(connection.times, box.bytes);
  if (!box.rect) {
    memcpy(box.host, buffer + box.offset, box.bytes);
  } else {
    copy_rows(box, box.host, host_side(box), buffer, buffer_side(box));
  }
}

void pack(Connection& connection, const Box& box, unsigned char* staging) {
  const CountedCopy counted(connection.times, box.bytes);
  if (!box.rect) memcpy(staging, box.host, box.bytes);
  else copy_rows(box, staging, packed_side(box), box.host, host_side(box));
}

void unpack(Connection& connection, const Box& box, const unsigned char* staging) {
  const CountedCopy counted(connection.times, box.bytes);
  if (!box.rect) memcpy(box.host, staging, box.bytes);
  else copy_rows(box, box.host, host_side(box), staging, packed_side(box));
}

}  // namespace aliquot::guest::opencl
