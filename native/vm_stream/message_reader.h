// Takes a stream of bytes apart into messages. Whatever comes is one of four things, and none of them
// makes it read beyond its buffer or keep more than that.
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "vm_stream/messages.h"

namespace aliquot::vm_stream {

class MessageReader {
 public:
  enum class Next {
    kMore,       // nothing whole is there
    kMessage,
    kBeginning,  // a run: what comes next is the first message of a stream that begins
    kMalformed,  // until the next beginning nothing more comes
  };

  MessageReader() : buffer_(2 * (kMostPayload + sizeof(Header))) {}

  /// Where the next bytes go; never empty.
  std::span<unsigned char> room() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (buffer_.size() - end_ < buffer_.size() / 4 && begin_ != 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return {buffer_.data() + end_, buffer_.size() - end_};
  }
  void filled(size_t bytes) { end_ += bytes; }

  /// The payload lies in the buffer until `room` is called.
  Next next(Header& header, std::span<const unsigned char>& payload) {
    if (seeking_) {
      if (!skip_to_beginning()) return Next::kMore;
      return Next::kBeginning;
    }
    if (end_ - begin_ < sizeof header) return Next::kMore;
    std::memcpy(&header, buffer_.data() + begin_, sizeof header);
    if (header.bytes == kRunWord) {
      seeking_ = true;
      return next(header, payload);
    }
    if (header.bytes > kMostPayload || header.reserved != 0) {
      seek();
      return Next::kMalformed;
    }
    if (end_ - begin_ < sizeof header + header.bytes) return Next::kMore;
    payload = {buffer_.data() + begin_ + sizeof header, header.bytes};
    begin_ += sizeof header + header.bytes;
    return Next::kMessage;
  }

  /// Skips all up to the next beginning.
  void seek() {
    seeking_ = true;
    run_ = 0;
  }

 private:
  // True when a byte stands there that ends a run.
  bool skip_to_beginning() {
    while (begin_ < end_) {
      if (buffer_[begin_] == kRunByte) {
        ++run_;
      } else if (run_ >= kShortestRun) {
        seeking_ = false;
        run_ = 0;
        return true;
      } else {
        run_ = 0;
      }
      ++begin_;
    }
    return false;
  }

  std::vector<unsigned char> buffer_;
  size_t begin_ = 0, end_ = 0;
  size_t run_ = 0;
  bool seeking_ = true;
};

}  // namespace aliquot::vm_stream
