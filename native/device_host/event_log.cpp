#include "device_host/event_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>

namespace aliquot {

bool EventLog::open(const std::string& path) {
  path_ = path;
  file_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_) return false;
  struct stat status;
  size_ = ::fstat(file_.get(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
  return true;
}

void EventLog::use_standard_error() {
  path_.clear();
  file_.reset(::fcntl(2, F_DUPFD_CLOEXEC, 3));
}

void EventLog::begin_new_file_if_full() {
  if (path_.empty() || size_ < kMostBytes) return;
  ::rename(path_.c_str(), (path_ + ".1").c_str());
  const std::string path = path_;
  open(path);
}

void EventLog::line(const char* format, ...) {
  if (!file_) return;
  char text[640];
  const time_t now = ::time(nullptr);
  tm parts{};
  ::gmtime_r(&now, &parts);
  const size_t start = ::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ ", &parts);
  std::va_list arguments;
  va_start(arguments, format);
  const int written = std::vsnprintf(text + start, sizeof(text) - start - 1, format, arguments);
  va_end(arguments);
  size_t length = start + (written < 0 ? 0 : static_cast<size_t>(written));
  if (length > sizeof(text) - 2) length = sizeof(text) - 2;
  for (size_t index = 0; index < length; ++index) {
    const auto character = static_cast<unsigned char>(text[index]);
    // Above 0x7f, too, there are some: U+0080 to U+009F.
    const bool high = (character & 0xe0) == 0x80 && index > 0 && text[index - 1] == '\xc2';
    if (character < 0x20 || character == 0x7f || high) text[index] = '?';
  }
  text[length++] = '\n';
  begin_new_file_if_full();
  [[maybe_unused]] const ssize_t out = ::write(file_.get(), text, length);
  size_ += length;
}

}  // namespace aliquot
