// What a descriptor is called that outlives the device host in its supervisor's keeping.
#pragma once

#include <compare>
#include <cstdint>

namespace aliquot {

enum class KeptKind : uint32_t {
  kNone = 0,
  kControlListener = 1,
  kControl = 2,  // number: the control connection's
  kVgpuListener = 3,
  kWorkerProcess = 4,  // a pidfd; note: the process
  kWorkerChannel = 5,
  kWorkerReport = 6,
  kWorkerOutput = 7,
  kWorkerUser = 8,   // the lock on its user; note: the user
  kWorkerCache = 9,  // the lock on its cache; note: which of its owner's caches
  kTurnPage = 10,    // mapped, too
  kGuest = 11,
  kConnectionMemory = 12,
  kAccountPage = 13,
  kStagingArena = 14,  // number: the arena's; note: the request's sequence
  kBufferArena = 15,   // likewise
  kKeptMemory = 16,    // what a worker may still have though it shouldn't; number: any
  kVgpuPage = 17,      // mapped, too
  kLeaseHolder = 18,   // a pidfd; number: the lease's
  kReports = 20,       // of the devices to which a vGPU may move
  kImage = 19,         // of a guest process's objects, where its worker stands still
};

struct KeptKey {
  KeptKind kind = KeptKind::kNone;
  uint32_t connection = 0;
  uint64_t vgpu = 0;
  uint64_t number = 0;

  auto operator<=>(const KeptKey&) const = default;
};

}  // namespace aliquot
