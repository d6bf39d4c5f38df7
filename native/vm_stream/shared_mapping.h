// Shared memory that is mapped as long as this object lives.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <cstddef>
#include <utility>

#include "protocol/descriptor.h"

namespace aliquot::vm_stream {

class SharedMapping {
 public:
  SharedMapping() = default;
  SharedMapping(SharedMapping&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  SharedMapping& operator=(SharedMapping&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  SharedMapping(const SharedMapping&) = delete;
  SharedMapping& operator=(const SharedMapping&) = delete;
  ~SharedMapping() {
    if (base_ != nullptr) ::munmap(base_, bytes_);
  }

  /// Maps all of a memory that has exactly so many bytes; empty where it hasn't. `where`: a wish.
  static SharedMapping of(const Descriptor& memory, size_t bytes, int protection,
                          void* where = nullptr) {
    SharedMapping mapping;
    struct stat facts {};
    if (bytes == 0 || ::fstat(memory.get(), &facts) != 0 || facts.st_size < 0 ||
        static_cast<size_t>(facts.st_size) != bytes) {
      return mapping;
    }
    void* base = ::mmap(where, bytes, protection, MAP_SHARED, memory.get(), 0);
    if (base == MAP_FAILED) return mapping;
    mapping.base_ = static_cast<unsigned char*>(base);
    mapping.bytes_ = bytes;
    return mapping;
  }

  explicit operator bool() const { return base_ != nullptr; }
  unsigned char* base() const { return base_; }
  size_t bytes() const { return bytes_; }

  /// The first of `bytes` at `offset`; nullptr where not all of them lie here.
  unsigned char* range(uint64_t offset, uint64_t bytes) const {
    if (base_ == nullptr || offset > bytes_ || bytes > bytes_ - offset) return nullptr;
    return base_ + offset;
  }

  template <class Type>
  Type* as() const {
    return reinterpret_cast<Type*>(base_);
  }

 private:
  unsigned char* base_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace aliquot::vm_stream
