// Messages on their way to the guest VM: a buffer of fixed size. Who fills it looks first whether there
// is room, and comes again when there is.
#pragma once

#include <sys/types.h>

#include <cstring>
#include <initializer_list>
#include <span>
#include <vector>

#include "vm_stream/plane.h"

namespace aliquot::vm_stream {

/// The bytes of a plain value, as part of a message.
template <class Value>
std::span<const unsigned char> bytes_of(const Value& value) {
  return {reinterpret_cast<const unsigned char*>(&value), sizeof value};
}

class OutBuffer {
 public:
  static constexpr size_t kBytes = size_t{512} << 10;

  OutBuffer() : buffer_(kBytes) {}

  /// Where bulk data goes first; null: nowhere.
  void use(PlaneWriter* plane) { plane_ = plane; }

  bool empty() const { return begin_ == end_; }
  /// Whether a message with so much payload can be put now.
  bool fits(size_t payload) {
    if (kBytes - end_ < sizeof(Header) + payload && begin_ != 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return kBytes - end_ >= sizeof(Header) + payload;
  }

  /// Puts a message that fits; `header.bytes` is set here.
  void put(Header header, std::initializer_list<std::span<const unsigned char>> parts) {
    header.bytes = 0;
    for (const auto& part : parts) header.bytes += static_cast<uint32_t>(part.size());
    append({reinterpret_cast<const unsigned char*>(&header), sizeof header});
    for (const auto& part : parts) append(part);
  }
  /// Puts as many of the first bytes as one message can tell of now, in the plane if there is one: how many.
  size_t put_bulk(Header header, const Bulk& bulk) {
    if (!fits(sizeof bulk.place)) return 0;
    if (const size_t piece = plane_ == nullptr ? 0 : plane_->put(bulk.data)) {
      header.argument = static_cast<uint32_t>(piece);
      put(header, {bytes_of(bulk.place)});
      return piece;
    }
    const size_t piece = std::min(bulk.data.size(), kPiece);
    if (!fits(sizeof bulk.place + piece)) return 0;
    put(header, {bytes_of(bulk.place), bulk.data.first(piece)});
    return piece;
  }
  /// Puts a run, which begins a stream; there must be room.
  void put_run(size_t bytes) {
    std::memset(buffer_.data() + end_, kRunByte, bytes);
    end_ += bytes;
  }

  std::span<const unsigned char> waiting() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void sent(size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }

 private:
  void append(std::span<const unsigned char> bytes) {
    if (bytes.empty()) return;
    std::memcpy(buffer_.data() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }

  std::vector<unsigned char> buffer_;
  PlaneWriter* plane_ = nullptr;
  size_t begin_ = 0, end_ = 0;
};

/// A message's whole payload as a plain value; false where its length is another one.
template <class Value>
bool value_of(std::span<const unsigned char> payload, Value& value) {
  if (payload.size() != sizeof value) return false;
  std::memcpy(static_cast<void*>(&value), payload.data(), sizeof value);
  return true;
}

}  // namespace aliquot::vm_stream
