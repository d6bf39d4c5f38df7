// How long a peer is given, beside the usual, to copy what a read brought: both ends spin through it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace aliquot::protocol {

/// ns for `bytes` at 16 GB/s; no more than a spin may last, since longer copies are slept through.
constexpr uint64_t copy_time_ns(uint64_t bytes) {
  constexpr uint64_t kBytesPerNs = 16;
  constexpr uint64_t kLongestNs = 80'000;
  return std::min(bytes / kBytesPerNs, kLongestNs);
}

}  // namespace aliquot::protocol
