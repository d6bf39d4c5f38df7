// Whether a folder is worth being counted: walking through thousands of files takes a processor for
// a while, and what is free on its disk tells at once when nothing was written.
#pragma once

#include <sys/statvfs.h>

#include <cstdint>

namespace aliquot {

class DiskRoom {
 public:
  static constexpr uint64_t kLeastBytes = uint64_t{64} << 20;
  static constexpr uint64_t kLeastFiles = 4096;
  /// Others may free what the folder takes, so it is counted now and then all the same.
  static constexpr uint64_t kLongestMilliseconds = 60'000;

  struct Free {
    uint64_t bytes = 0, files = 0;
  };

  /// At first, and when since the last time that this was so so much less is free on the folder's
  /// disk, or so much time has passed.
  bool shrank(const char* folder, uint64_t now_milliseconds) {
    struct statvfs disk;
    if (::statvfs(folder, &disk) != 0) return true;
    return shrank({uint64_t{disk.f_bfree} * disk.f_frsize, disk.f_ffree}, now_milliseconds);
  }

  bool shrank(const Free& now, uint64_t now_milliseconds) {
    const bool due = !known_ || now.bytes + kLeastBytes <= free_.bytes ||
                     now.files + kLeastFiles <= free_.files ||
                     now_milliseconds - since_ >= kLongestMilliseconds;
    known_ = true;
    if (due) since_ = now_milliseconds;
    // Room that others made would hide as much that is taken.
    if (due || now.bytes > free_.bytes) free_.bytes = now.bytes;
    if (due || now.files > free_.files) free_.files = now.files;
    return due;
  }

 private:
  bool known_ = false;
  Free free_;
  uint64_t since_ = 0;
};

}  // namespace aliquot
