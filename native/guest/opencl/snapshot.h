// Every information query of platform and device, fetched once and kept in private memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest/opencl/objects.h"

namespace aliquot::guest::opencl {

constexpr uint32_t kScopePlatform = 0;
constexpr uint32_t kScopeDevice = 1;

/// Walks the blob that the worker sent: (u32 scope, u32 parameter, u32 bytes, bytes padded to 4).
class SnapshotReader {
 public:
  SnapshotReader(const unsigned char* data, size_t bytes) : data_(data), bytes_(bytes) {}
  /// False at the end, or where the rest is malformed.
  bool next(uint32_t* scope, uint32_t* parameter, Answer* answer);

 private:
  const unsigned char* data_;
  size_t bytes_;
};

/// Files the answers for a device under Device::answers and decodes what checks need. `blob` must
/// live as long as the device. False: no memory.
bool file_device_answers(Device& device, const unsigned char* blob, size_t bytes);

}  // namespace aliquot::guest::opencl
