// The device host's log: one line an event, bounded in size.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/descriptor.h"

namespace aliquot {

class EventLog {
 public:
  /// A file that reaches this size becomes `<path>.1`, and a new one begins.
  static constexpr uint64_t kMostBytes = uint64_t{1} << 20;

  /// Opens the file for appending (mode 0600). False with errno set when that can't be done.
  bool open(const std::string& path);

  /// Writes to standard error instead, for running in the foreground.
  void use_standard_error();

  /// One line; line breaks and control characters in it are replaced, since parts of it may come
  /// from a tenant.
  void line(const char* format, ...) __attribute__((format(printf, 2, 3)));

 private:
  void begin_new_file_if_full();

  std::string path_;
  Descriptor file_;
  uint64_t size_ = 0;
};

}  // namespace aliquot
