// Writes one line of text into a caller's buffer: no allocation, no locale, no stdio, so that it
// works inside a stranger's process, with its locks held. A line that doesn't fit ends in "...".
// The line never holds a control character, whatever a peer sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aliquot::protocol {

class LineWriter {
 public:
  // `capacity` counts the terminating zero. With 0 nothing is ever written.
  LineWriter(char* out, size_t capacity) : out_(out), capacity_(capacity) {}

  void character(char value) {
    if (length_ + 1 < capacity_) {
      out_[length_++] = value;
    } else {
      truncated_ = true;
    }
  }

  void text(const char* value) {
    for (; *value != 0; ++value) character(*value);
  }

  void number(uint64_t value, unsigned base = 10) {
    char digits[20];
    size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    if (base == 16) text("0x");
    while (count > 0) character(digits[--count]);
  }

  void signed_number(int64_t value) {
    if (value < 0) character('-');
    number(value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
  }

  // `[1 2 3 +5]`: the first elements, and how many more there are.
  template <class Element>
  void array(std::span<const Element> elements, unsigned base = 10) {
    character('[');
    for (size_t i = 0; i < elements.size() && i < kShown; ++i) {
      if (i > 0) character(' ');
      number(elements[i], base);
    }
    more(elements.size(), kShown, " +");
    character(']');
  }

  // `<16: 00ff…>` in hexadecimal, shortened.
  void bytes(std::span<const uint8_t> values) {
    character('<');
    number(values.size());
    if (!values.empty()) text(": ");
    for (size_t i = 0; i < values.size() && i < kShownBytes; ++i) pair(values[i]);
    if (values.size() > kShownBytes) text("...");
    character('>');
  }

  // `"text"`; what isn't printable ASCII is escaped.
  void quoted(std::span<const uint8_t> values) {
    character('"');
    for (size_t i = 0; i < values.size() && i < kShownText; ++i) {
      const char value = static_cast<char>(values[i]);
      if (value == '"' || value == '\\') {
        character('\\');
        character(value);
      } else if (value >= ' ' && value <= '~') {
        character(value);
      } else {
        text("\\x");
        pair(values[i]);
      }
    }
    character('"');
    more(values.size(), kShownText, "+");
  }

  // Ends the line with a zero (no newline) and returns its length without it.
  size_t finish() {
    if (capacity_ == 0) return 0;
    for (size_t i = 0; truncated_ && i < 3 && i < length_; ++i) out_[length_ - 1 - i] = '.';
    out_[length_] = 0;
    return length_;
  }

 private:
  static constexpr size_t kShown = 16;
  static constexpr size_t kShownBytes = 32;
  static constexpr size_t kShownText = 256;

  void pair(uint8_t value) {
    character("0123456789abcdef"[value >> 4]);
    character("0123456789abcdef"[value & 15]);
  }

  void more(size_t size, size_t shown, const char* sign) {
    if (size <= shown) return;
    text(sign);
    number(size - shown);
  }

  char* out_;
  size_t capacity_;
  size_t length_ = 0;
  bool truncated_ = false;
};

}  // namespace aliquot::protocol
