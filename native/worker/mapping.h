// Shared memory mapped from a descriptor; unmapped by the destructor.
#pragma once

#include <cstddef>

namespace aliquot::worker {

class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  /// Maps `bytes` of `descriptor` for reading and writing. False when it is smaller than that, not
  /// sealed against shrinking (a peer that truncates it could kill us) or can't be mapped. The
  /// descriptor stays the caller's.
  /// `ahead`: all its pages are brought in now, which takes most of the time that is needed to write
  /// them for the first time.
  bool map(int descriptor, size_t bytes, bool ahead = false);

  unsigned char* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  unsigned char* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace aliquot::worker
