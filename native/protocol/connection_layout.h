// The shared memory of one guest process and its worker: made and sealed by the device host,
// mapped by both ends. Everything here can be written by a hostile peer at any moment; each end
// reads a word once, checks it, and copies commands out before it decodes them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "protocol/time_claims.h"

namespace aliquot::layout {

constexpr size_t kCacheLine = 64;

// Commands: a byte ring, guest -> worker. Frames are 8-byte aligned and may wrap.
constexpr size_t kCommandRingBytes = size_t{1} << 20;
constexpr size_t kLargestFrame = size_t{64} << 10;  // larger data goes through an arena

// Replies: slots chosen by the guest driver, each filled once by the worker.
constexpr size_t kReplySlots = 64;
constexpr size_t kReplySlotBytes = size_t{16} << 10;

// Status of queues and events, written by the worker (see below for what the guest driver writes).
constexpr size_t kQueueSlots = 4096;
constexpr size_t kEventSlots = size_t{1} << 18;

// What watched events came to, worker -> guest: event id in the low 32 bits, the status reached
// (3 to 0, or negative) in the high 32. When the guest process doesn't read, entries are dropped and
// `notify_overflow` is set; the worker never waits. The guest then looks at the slots.
constexpr size_t kNotifyEntries = size_t{1} << 14;

// Kernel printf output, worker -> guest, a byte ring; what doesn't fit is dropped and counted.
constexpr size_t kPrintBytes = size_t{1} << 20;

struct Control {
  // Guest side writes.
  alignas(kCacheLine) std::atomic<uint64_t> command_tail;  // bytes ever written
  alignas(kCacheLine) std::atomic<uint64_t> notify_head;
  std::atomic<uint64_t> print_head;
  alignas(kCacheLine) std::atomic<uint32_t> guest_closed;
  // Worker side writes.
  alignas(kCacheLine) std::atomic<uint64_t> command_head;  // bytes ever consumed
  alignas(kCacheLine) std::atomic<uint32_t> worker_sleeps;  // futex word: not 0 while it sleeps
  alignas(kCacheLine) std::atomic<uint32_t> space_wanted;  // futex word: 1 while the guest waits for space
  alignas(kCacheLine) std::atomic<uint64_t> notify_tail;
  std::atomic<uint64_t> print_tail;
  std::atomic<uint64_t> print_dropped;
  std::atomic<uint32_t> notify_overflow;
  std::atomic<uint32_t> notify_count;  // futex word: changes with every notification
  alignas(kCacheLine) std::atomic<uint32_t> worker_closed;  // 1: nothing more will be answered
};

enum ReplyState : uint32_t { kReplyEmpty = 0, kReplyReady = 1, kReplyWaited = 2 };

struct ReplySlot {
  std::atomic<uint32_t> state;  // futex word: ReplyState
  int32_t status;               // an error code of the API
  uint32_t inline_bytes;        // bytes in data
  uint32_t total_bytes;         // bytes that the whole answer has, wherever it lies
  unsigned char data[kReplySlotBytes - 16];
};
static_assert(sizeof(ReplySlot) == kReplySlotBytes);

// All commands with a sequence up to `completed` have ended (see the `sync` command). Both ends raise
// it, the guest driver where an event of an in-order queue told it; it never goes back.
struct QueueSlot {
  std::atomic<uint64_t> completed;
  std::atomic<uint32_t> changed;  // futex word: counts completions
  std::atomic<uint32_t> waiters;  // guest side sets to 1 before it sleeps
  std::atomic<int32_t> error;     // first error that no return code could carry, 0 if none
  uint32_t reserved;
  // When the queue last got something to do after it had nothing, and when `completed` was last
  // raised; ns of CLOCK_MONOTONIC, for the guest driver's account of its time.
  std::atomic<uint64_t> began_ns;
  std::atomic<uint64_t> ended_ns;
  uint32_t more_reserved[6];
};
static_assert(sizeof(QueueSlot) == kCacheLine);

// One event that the guest driver asked to watch. `status` holds the API's execution status:
// positive while under way, 0 complete, negative an error.
// Who writes when: the guest driver stores kEventPending before it sends `watch_event`; from then on
// only the worker writes, its last write is the final status (0 or negative), and it writes nothing
// for an event that was not watched, nor after it has decoded the event's `release`. So an id that
// was watched may be used again only after its final status was seen; any other at once.
constexpr int32_t kEventPending = 0x7fff'ffff;
struct EventSlot {
  std::atomic<int32_t> status;  // futex word
  std::atomic<uint32_t> waiters;
  uint64_t queued, submitted, started, ended;  // ns on the driver's clock, valid when complete
  uint32_t has_times;
  uint32_t reserved;
  std::atomic<uint64_t> told_ns;  // when the final status was written, ns of CLOCK_MONOTONIC
  uint32_t more_reserved[2];
};
static_assert(sizeof(EventSlot) == kCacheLine);

struct ConnectionMemory {
  Control control;
  alignas(4096) unsigned char commands[kCommandRingBytes];
  alignas(4096) ReplySlot replies[kReplySlots];
  alignas(4096) QueueSlot queues[kQueueSlots];
  alignas(4096) std::atomic<uint64_t> notifications[kNotifyEntries];
  alignas(4096) unsigned char print[kPrintBytes];
  alignas(4096) EventSlot events[kEventSlots];
  alignas(4096) TimeClaims times;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

constexpr size_t kConnectionBytes = (sizeof(ConnectionMemory) + 4095) & ~size_t{4095};

}  // namespace aliquot::layout
