// Reading and writing one frame of the command ring. A frame is
//   u32 size (with this header, a multiple of 8), u16 opcode, u16 flags (0)
// then a fixed part and the arrays, all padded to 8 with zeros, little-endian.
//
// The reader trusts nothing: it works on a private copy of the frame (never on the ring itself,
// where a hostile peer could change a word between check and use), every length is compared with
// what is left, and what it doesn't understand byte for byte it refuses.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "protocol/connection_layout.h"

namespace aliquot::protocol {

static_assert(std::endian::native == std::endian::little, "frames are little-endian");

// What a dispatcher did with a frame.
enum class Outcome {
  kHandled,
  kMalformed,      // a violation: the connection must end
  kUnknownOpcode,  // likewise; told apart for the log line
};

struct FrameHeader {
  uint32_t size = 0;  // bytes, with this header
  uint16_t opcode = 0;
  uint16_t flags = 0;
};
constexpr size_t kFrameHeaderBytes = sizeof(FrameHeader);
static_assert(kFrameHeaderBytes == 8);

// The next multiple of 8. `size` must be at most SIZE_MAX - 7.
constexpr size_t padded(size_t size) { return (size + 7) & ~size_t{7}; }

// Reads the header of a frame. False when it can't be the header of any frame: the caller then
// must not trust `size` either. Doesn't look at the opcode.
inline bool read_header(std::span<const unsigned char> bytes, FrameHeader& header) {
  if (bytes.size() < kFrameHeaderBytes) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header.size >= kFrameHeaderBytes && header.size % 8 == 0 &&
         header.size <= layout::kLargestFrame && header.flags == 0;
}

// Takes one frame apart. Any failure is final: `finished` then is false.
class FrameReader {
 public:
  // `frame` must be a whole frame of this opcode with at least `fixed` bytes, header included.
  // Its memory must stay unchanged, and is 8-aligned, so that arrays can be used where they lie.
  template <class Opcode>
  FrameReader(std::span<const unsigned char> frame, Opcode opcode, size_t fixed)
      : data_(frame.data()), size_(frame.size()), position_(fixed) {
    FrameHeader header;
    sound_ = read_header(frame, header) && header.size == size_ &&
             header.opcode == static_cast<uint16_t>(opcode) && size_ >= fixed &&
             reinterpret_cast<uintptr_t>(data_) % 8 == 0;
  }

  // True while nothing was refused; values may be loaded from the fixed part only then.
  bool sound() const { return sound_; }

  // One value of the fixed part.
  template <class Value>
  Value load(size_t offset) const {
    Value value;
    std::memcpy(&value, data_ + offset, sizeof value);
    return value;
  }

  // The next array: `count` elements, of which the table allows `most`. The span points into the
  // frame. Its padding must be zero.
  template <class Element>
  bool array(uint32_t count, uint32_t most, std::span<const Element>& out) {
    if (!sound_) return false;
    const size_t bytes = size_t{count} * sizeof(Element);
    if (count > most || padded(bytes) > size_ - position_) return refuse();
    for (size_t at = position_ + bytes; at < position_ + padded(bytes); ++at) {
      if (data_[at] != 0) return refuse();
    }
    out = {reinterpret_cast<const Element*>(data_ + position_), count};
    position_ += padded(bytes);
    return true;
  }

  // True when all went well and no byte is left over.
  bool finished() const { return sound_ && position_ == size_; }

 private:
  bool refuse() {
    sound_ = false;
    return false;
  }

  const unsigned char* data_;
  size_t size_;
  size_t position_;
  bool sound_;
};

// Puts one frame together in memory that the caller measured with `encoded_size`.
class FrameWriter {
 public:
  // `out`: 8-aligned, as large as the whole frame; `fixed` bytes of it are the fixed part.
  FrameWriter(unsigned char* out, size_t fixed) : out_(out), position_(fixed) {}

  template <class Opcode>
  void header(size_t size, Opcode opcode) {
    const FrameHeader header{static_cast<uint32_t>(size), static_cast<uint16_t>(opcode), 0};
    std::memcpy(out_, &header, sizeof header);
  }

  template <class Value>
  void store(size_t offset, Value value) {
    std::memcpy(out_ + offset, &value, sizeof value);
  }

  template <class Element>
  void array(std::span<const Element> elements) {
    const size_t bytes = elements.size_bytes();
    if (bytes == 0) return;
    const size_t whole = padded(bytes);
    std::memset(out_ + position_ + whole - 8, 0, 8);  // the padding; data goes over the rest
    std::memcpy(out_ + position_, elements.data(), bytes);
    position_ += whole;
  }

 private:
  unsigned char* out_;
  size_t position_;
};

}  // namespace aliquot::protocol
