// The sandbox plan of one vGPU's worker.
#pragma once

#include <string>

#include "device_host/arbiter/shares.h"
#include "device_host/options.h"
#include "device_host/worker_home.h"
#include "protocol/records.h"
#include "sandbox/plan.h"

namespace aliquot {

struct VgpuSettings {
  uint64_t id = 0;
  uint64_t memory_bytes = 0;
  uint32_t flags = 0;  // records::VgpuFlag
  uint32_t kernel_limit_ms = 0;
  uint64_t copy_limit = 0;  // bytes a second; 0: none
  uint64_t device_type = 0;
  arbiter::Shares shares;
  uid_t owner = 0;
  uint64_t control = 0;  // the control connection that asked for it, and the request
  uint32_t create_sequence = 0;
  uint64_t id_high = 0, id_low = 0;  // of a lasting one, given by its maker
  std::string name;
  bool moved = false;  // it came from another device host

  bool lasting() const { return (flags & records::kLasting) != 0; }
};

// A cache that is larger is emptied after its worker's end, or before the next worker has it; a worker
// that fills it to twice as much is ended.
constexpr uint64_t kMostCacheBytes = uint64_t{512} << 20;
constexpr uint64_t kMostCacheEntries = 100000;
constexpr uint64_t kMostWorkerProcesses = 1024;  // threads included

/// Everything but the descriptors, which are the caller's to add.
sandbox::Plan make_worker_plan(const Options& options, const VgpuSettings& settings,
                               const WorkerHome& home);

}  // namespace aliquot
