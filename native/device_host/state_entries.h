// The entries of the state memory: what a device host can't find out again when it is reborn. What
// lies in descriptors and on pages isn't repeated here.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "device_host/arbiter/shares.h"
#include "device_host/kept_key.h"
#include "device_host/past_turns.h"
#include "device_host/time_ledger.h"
#include "protocol/records.h"

namespace aliquot {

struct HostEntry {
  static constexpr uint32_t kKind = 1;
  uint64_t last_control = 0, last_vgpu = 0;
};

struct ControlEntry {
  static constexpr uint32_t kKind = 2;
  uint64_t id = 0;
  uid_t user = 0;
  pid_t process = 0;
  bool greeted = false;
};

struct WorkerFacts {
  pid_t process = 0;  // 0: there is none
  uint32_t protections = 0;
  uint64_t cgroup_limit = 0;
  uid_t user = 0;
  uint32_t cache = 0;  // which of its owner's caches
  bool change_user = false, has_cache = false, reported = false, started = false;
};

struct VgpuEntry {
  static constexpr uint32_t kKind = 3;
  uint64_t id = 0, memory_bytes = 0, device_type = 0, copy_limit = 0, made_ns = 0;
  uint32_t flags = 0, kernel_limit_ms = 0;
  arbiter::Shares shares;
  uid_t owner = 0;
  uint32_t create_sequence = 0;  // the request that made it, of that control connection
  uint64_t control = 0;
  uint32_t last_connection = 0;
  uint32_t heartbeat = 0;  // the last question's number
  uint64_t id_high = 0, id_low = 0;  // of a lasting one
  uint64_t last_lease = 0;
  bool held_by_control = true, closing = false, told = false, ready = false;
  bool has_page = false;
  bool moved = false, arriving = false;
  bool suspended = false;  // its guest processes' objects are in their images, and nowhere else
  WorkerFacts worker;
  uint64_t baseline = 0, past_cpu_ns = 0;
  uint64_t kernels = 0;  // the worker's claim
  uint64_t witness_burst_ns = 0, witness_claims_ns = 0;
  char name[records::kNameSize] = {};
};

struct GuestEntry {
  static constexpr uint32_t kKind = 4;
  uint64_t vgpu = 0;
  uint32_t connection = 0;
  uint32_t state = 0;  // Guest::State
  uid_t user = 0;
  pid_t process = 0;
  uint32_t hello_sequence = 0;
  uint32_t last_arena = 0;
  uint64_t lent = 0;
  uint32_t credit_sequence = 0;  // of the last request that was granted
  uint64_t credit_granted = 0;
  uint64_t since_ns = 0;
  bool welcomed = false;
  bool incomplete = false;  // something of it couldn't be kept
};

struct LeaseEntry {
  static constexpr uint32_t kKind = 9;
  uint64_t vgpu = 0, number = 0;
  uint64_t control = 0;  // that asked for it
  uint32_t sequence = 0;
  pid_t process = 0;
  bool by_process = false, answered = false;
  uint64_t since_ns = 0;
};

/// A request that waits, or was being handled.
struct WaitingEntry {
  static constexpr uint32_t kKind = 5;
  KeptKey source;
  records::Record record;
  uint32_t deaths = 0;  // of device hosts that were handling it again
};

/// What a peer has not taken yet. The descriptors beside it follow from the record.
struct QueueEntry {
  static constexpr uint32_t kKind = 6;
  KeptKey channel;
  uint64_t order = 0;
  records::Record record;
};

/// Where the time of a vGPU's guest processes went that are gone.
struct TimesEntry {
  static constexpr uint32_t kKind = 7;
  uint64_t vgpu = 0;
  TimeLedger::Past past;
};

/// What a resting vGPU has had of its device.
struct PastTurnsEntry {
  static constexpr uint32_t kKind = 10;
  uint64_t vgpu = 0;
  PastTurns past;
};

/// A kernel that can't be launched in pieces: the worker tells of each but once.
struct KernelEntry {
  static constexpr uint32_t kKind = 8;
  uint64_t vgpu = 0;
  uint32_t place = 0;
  records::VgpuKernel kernel;
};

}  // namespace aliquot
