// The page by which the device host tells one worker when it may use the device. Only the device
// host can write it; the worker maps it for reading (its tenant may see it too: it says nothing of
// others). A worker that computes without a turn is found by its processor time (turn_witness.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace aliquot::turns {

constexpr uint64_t kNoDeadline = ~uint64_t{0};

struct TurnPage {
  // Number of the last turn that was granted, from 1; a futex word. The worker has a turn while this
  // differs from the number of the last one that it gave back.
  alignas(64) std::atomic<uint32_t> turn;
  // Others wait for the device: a turn that is not used is to be given back after `patience_ns`.
  std::atomic<uint32_t> contended;
  // Of the turn, ns of CLOCK_MONOTONIC. It may be brought forward while the turn goes on.
  std::atomic<uint64_t> deadline_ns;
  // How much work, by its expected time, may lie submitted at once.
  std::atomic<uint64_t> window_ns;
  std::atomic<uint64_t> patience_ns;
  // How much may be copied, bytes a second; 0: as much as turns allow. It may change at any time.
  std::atomic<uint64_t> copy_rate;
  // How many bytes the worker may hold for all its connections; 0: as many as it was started with. It
  // may change at any time; credit beyond it is lent only after it has.
  std::atomic<uint64_t> memory_limit;
  // Number of the last turn that the device host took back, for the next device host where that
  // dies: a turn is held where this differs from `turn`.
  std::atomic<uint32_t> taken_back;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);
constexpr size_t kTurnPageSize = 4096;

}  // namespace aliquot::turns
