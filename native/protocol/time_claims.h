// Where the time of one guest process went, as its guest driver counts it: a claim of the tenant about
// itself, that nobody else is shown as true. It lies in the connection memory, where only the guest
// driver writes it; the device host reads it, and bounds it by what it has seen itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace aliquot::layout {

/// Stretches of time that the program spent in the driver. What lies between them is its own.
enum class Spent : uint32_t {
  kStart = 0,        // until the vGPU had answered
  kKernels = 1,      // waited while its own work was on the device
  kCopies = 2,       // copied, or waited while the device did
  kOthers = 3,       // waited while others had the device
  kLimit = 4,        // waited because of the vGPU's own limit
  kSyncs = 5,        // waited for the end of work; what telling of it took
  kRoundTrips = 6,   // awaited an answer
  kCompiling = 7,    // awaited a compiler
};
constexpr size_t kSpentKinds = 8;

struct TimeClaims {
  std::atomic<uint64_t> spent_ns[kSpentKinds];  // by Spent
  // How often.
  std::atomic<uint64_t> syncs;
  std::atomic<uint64_t> round_trips;
  std::atomic<uint64_t> builds;
};

}  // namespace aliquot::layout
