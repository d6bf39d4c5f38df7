// Makes frames from a fuzzer's bytes. Random bytes alone would hardly pass the header's checks;
// frames made from the grammar mostly decode, and their ids are so small that they meet objects
// that earlier frames made. One frame in eight is then damaged, so the refusals are tried as well.
// Used by fuzzers and tests only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "protocol/connection_layout.h"
#include "protocol/frame.h"

namespace aliquot::protocol {

enum class Shape : uint8_t { kByte, kNumber32, kNumber64, kId, kNewId };

struct ScalarShape {
  uint16_t offset;
  Shape shape;
};

struct ArrayShape {
  uint16_t count_offset;
  Shape shape;
  uint32_t max;
};

struct CommandShape {
  uint16_t opcode;
  uint16_t fixed;  // bytes, header included
  std::span<const ScalarShape> scalars;
  std::span<const ArrayShape> arrays;
};

// A fuzzer's bytes, used up from the front; zeros after the end.
class ByteSource {
 public:
  explicit ByteSource(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }

  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }

  template <class Value>
  Value value() {
    Value result = 0;
    for (size_t i = 0; i < sizeof result; ++i) {
      result = static_cast<Value>(result | static_cast<Value>(byte()) << (8 * i));
    }
    return result;
  }

 private:
  std::span<const uint8_t> bytes_;
};

class FrameBuilder {
 public:
  // `words` are texts that mean something to the worker (a kernel's name, build options); byte
  // arrays are sometimes filled with them. All arguments must outlive the builder.
  FrameBuilder(std::span<const CommandShape> commands, std::span<const std::string_view> words,
               ByteSource& source)
      : commands_(commands), words_(words), source_(source) {}

  // Writes the next frame to `out`, which is 8-aligned and has layout::kLargestFrame bytes, and
  // returns its size (which a damaged header may contradict); 0 when the source is used up.
  size_t next(unsigned char* out) {
    if (source_.empty()) return 0;
    const CommandShape& command = commands_[source_.byte() % commands_.size()];
    std::memset(out, 0, command.fixed);
    for (const ScalarShape& scalar : command.scalars) {
      store(out + scalar.offset, scalar.shape);
    }
    size_t size = command.fixed;
    for (const ArrayShape& array : command.arrays) size += fill(out, size, array);
    write_header(out, size, command.opcode);
    if (source_.byte() % 8 == 7) size = damage(out, size);
    return size;
  }

 private:
  static constexpr size_t width(Shape shape) {
    return shape == Shape::kByte ? 1 : shape == Shape::kNumber64 ? 8 : 4;
  }

  static void write_header(unsigned char* out, size_t size, uint16_t opcode) {
    const FrameHeader header{static_cast<uint32_t>(size), opcode, 0};
    std::memcpy(out, &header, sizeof header);
  }

  uint64_t number(bool wide) {
    static constexpr uint64_t kEdges[] = {
        0, 1, 255, 4095, 4096, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
        uint64_t{1} << 40, uint64_t{1} << 62, ~uint64_t{0} >> 1, ~uint64_t{0} - 7, ~uint64_t{0}};
    const uint8_t choice = source_.byte();
    switch (choice % 8) {
      case 5:
        return kEdges[(choice >> 3) % (sizeof kEdges / sizeof kEdges[0])];
      case 6:
        return uint64_t{source_.byte()} * (wide ? 64 : 1);
      case 7:
        return wide ? source_.value<uint64_t>() : source_.value<uint32_t>();
      case 3:
      case 4:
        return choice >> 3;  // 0 to 31
      default:
        return (choice >> 3) % 4;
    }
  }

  uint32_t id() {
    static constexpr uint32_t kEdges[] = {0,
                                          layout::kQueueSlots,
                                          layout::kQueueSlots + 1,
                                          layout::kEventSlots,
                                          layout::kEventSlots + 1,
                                          1u << 20,
                                          (1u << 20) + 1,
                                          0xffffffff};
    const uint8_t choice = source_.byte();
    if (choice % 16 == 15) return kEdges[(choice >> 4) % (sizeof kEdges / sizeof kEdges[0])];
    return choice % 16 < 12 ? 1 + (choice >> 4) % 4 : choice >> 4;
  }

  void store(unsigned char* at, Shape shape) {
    if (shape == Shape::kByte) {
      *at = source_.byte();
    } else if (shape == Shape::kNumber64) {
      const uint64_t value = number(true);
      std::memcpy(at, &value, sizeof value);
    } else {
      const uint32_t value =
          shape == Shape::kNumber32 ? static_cast<uint32_t>(number(false)) : id();
      std::memcpy(at, &value, sizeof value);
    }
  }

  size_t count_of(const ArrayShape& array) {
    const uint8_t choice = source_.byte();
    if (choice == 255) return array.max;
    const size_t count = choice % 4 == 3 ? source_.byte() : (choice >> 2) % 10;
    return count < array.max ? count : array.max;
  }

  // Appends one array at `position` and returns its bytes with padding.
  size_t fill(unsigned char* out, size_t position, const ArrayShape& array) {
    size_t count = count_of(array);
    std::string_view word;
    bool as_words = false;  // bytes that hold numbers of 32 bits, like a launch's arguments
    if (array.shape == Shape::kByte) {
      const uint8_t choice = source_.byte();
      if (choice % 2 == 0 && !words_.empty()) {
        word = words_[(choice >> 1) % words_.size()];
        count = word.size() < array.max ? word.size() : array.max;
      } else if (choice % 4 == 1) {
        as_words = true;
        count &= ~size_t{3};
      }
    }
    const size_t bytes = count * width(array.shape);
    std::memset(out + position, 0, padded(bytes));
    if (!word.empty()) {
      std::memcpy(out + position, word.data(), count);
    } else if (as_words) {
      for (size_t i = 0; i < bytes; i += 4) store(out + position + i, Shape::kNumber32);
    } else {
      // A full array costs the fuzzer no more bytes than a short one.
      for (size_t i = 0; i < count && !source_.empty(); ++i) {
        store(out + position + i * width(array.shape), array.shape);
      }
    }
    const uint32_t stored = static_cast<uint32_t>(count);
    std::memcpy(out + array.count_offset, &stored, sizeof stored);
    return padded(bytes);
  }

  size_t damage(unsigned char* out, size_t size) {
    const uint8_t choice = source_.byte();
    const size_t at = source_.value<uint16_t>() % size;
    FrameHeader header;
    std::memcpy(&header, out, sizeof header);
    switch (choice % 5) {
      case 0:  // a byte, anywhere
        out[at] = static_cast<unsigned char>(out[at] ^ source_.byte());
        return size;
      case 1:  // cut off, with a header that agrees
        size = at & ~size_t{7};
        if (size < kFrameHeaderBytes) size = kFrameHeaderBytes;
        write_header(out, size, header.opcode);
        return size;
      case 2:  // longer, with a header that agrees
        if (size + 8 > layout::kLargestFrame) return size;
        std::memset(out + size, source_.byte(), 8);
        write_header(out, size + 8, header.opcode);
        return size + 8;
      case 3:  // a header that lies about the size
        write_header(out, source_.value<uint32_t>(), header.opcode);
        return size;
      default:  // another command's content
        write_header(out, size, source_.value<uint16_t>());
        return size;
    }
  }

  std::span<const CommandShape> commands_;
  std::span<const std::string_view> words_;
  ByteSource& source_;
};

}  // namespace aliquot::protocol
