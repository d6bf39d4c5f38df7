// Short files of the kernel's: attributes of devices.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "protocol/descriptor.h"

namespace aliquot::vm_stream {

/// What the file holds, without its newline; empty where it can't be read.
inline std::string text_of(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[256];
  const ssize_t bytes = file ? ::read(file.get(), text, sizeof text) : -1;
  std::string read(text, bytes > 0 ? static_cast<size_t>(bytes) : 0);
  while (!read.empty() && read.back() == '\n') read.pop_back();
  return read;
}

}  // namespace aliquot::vm_stream
