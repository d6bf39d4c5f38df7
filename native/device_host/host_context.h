// What every part of a device host works with.
#pragma once

#include "device_host/child_processes.h"
#include "device_host/device_turns.h"
#include "device_host/event_log.h"
#include "device_host/event_loop.h"
#include "device_host/ledger.h"
#include "device_host/options.h"
#include "device_host/state_memory.h"
#include "device_host/supervisor_link.h"
#include "device_host/worker.h"

namespace aliquot {

struct HostContext {
  EventLoop& loop;
  EventLog& log;
  Ledger& ledger;
  ChildProcesses& children;
  DeviceTurns& turns;
  SupervisorLink& link;
  StateMemory& state;
  const Options& options;
  WorkerFactory make_worker;
};

// Bounds, so that no tenant can fill the device host.
constexpr size_t kMostVgpus = 2500;
constexpr size_t kMostControlConnections = 64;
constexpr size_t kMostGuests = 256;                          // connections of one vGPU
constexpr size_t kMostArenas = 256;                          // of one connection
constexpr size_t kMostRequestsWaiting = 64;                  // of one connection
// Memory of a vGPU that its worker keeps though it said that it had dropped it.
constexpr size_t kMostKept = 512;
constexpr size_t kMostQueuedToGuest = 64;                    // records
constexpr size_t kMostQueuedToWorker = 4096;                 // records
constexpr uint64_t kMostStagingBytes = uint64_t{256} << 20;  // of one connection
constexpr uint64_t kMostVgpuStaging = uint64_t{1} << 30;     // of one vGPU, beyond its limit
constexpr uint64_t kBufferArenaSlack = uint64_t{64} << 20;   // of one vGPU, beyond its limit

// What a driver may take for itself beyond its vGPU's limit: what it took while loading, but no
// more than the first, and the second on top for its compiler and bookkeeping.
constexpr uint64_t kMostDriverBaseline = uint64_t{128} << 20;
constexpr uint64_t kDriverAllowance = uint64_t{256} << 20;

}  // namespace aliquot
