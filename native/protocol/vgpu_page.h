// The page that tells what one vGPU has and has had of its device. The device host writes it, nobody
// else can; its guest processes and the command line map it for reading, and look as often as they
// like: that costs the device host nothing. It holds nothing of other vGPUs.
//
// A reader may come while the page is written, so the writer counts `sequence` up before and after: an
// even number that is the same before and after reading vouches for what was read in between.
// The Python mirror is src/aliquot/client/pages.py; a unit test compares both layouts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace aliquot::vgpu_page {

constexpr uint32_t kPageVersion = 1;
constexpr size_t kPageSize = 4096;

enum State : uint32_t {
  kAway = 0,     // wants nothing of the device
  kWaiting = 1,  // wants it, and others have it
  kLimited = 2,  // wants it, and must rest because of its own limit
  kHolding = 3,  // has it
};

struct Page {
  std::atomic<uint32_t> version;
  std::atomic<uint32_t> sequence;
  // Its turns, written whenever they change. The sums are as of `at_ns`, by CLOCK_MONOTONIC; since
  // then the one that `state` names has grown with time.
  std::atomic<uint32_t> state;
  std::atomic<uint32_t> gone;  // 1: nothing is written here any more
  std::atomic<uint64_t> at_ns;
  std::atomic<uint64_t> held_ns;
  std::atomic<uint64_t> spared_ns;   // of it: handing the device over, not charged
  std::atomic<uint64_t> withheld_ns;  // of it: the system withheld processors, not charged
  std::atomic<uint64_t> waited_ns;   // it wanted the device and had it not
  std::atomic<uint64_t> limited_ns;  // of it: because of its own limit
  std::atomic<uint64_t> outside_ns;  // witnessed outside its turns, charged
  std::atomic<uint64_t> turns;
  std::atomic<int64_t> balance_ns;  // negative: its debt
  // What it was promised, and how it went lately; written with every look at the worker.
  std::atomic<uint64_t> looked_ns;
  std::atomic<uint32_t> guarantee, limit, weight, priority;
  std::atomic<uint32_t> share_1s, share_10s, share_60s;  // hundredths of a percent
  std::atomic<uint32_t> wait_p50_us, wait_p99_us;
  std::atomic<uint32_t> guest_processes;
  std::atomic<uint64_t> busy_ns;       // a claim of the worker
  std::atomic<uint64_t> kernels;       // a claim
  std::atomic<uint64_t> copied_bytes;  // a claim
  std::atomic<uint64_t> memory_limit;
  std::atomic<uint64_t> memory_used;
};
static_assert(sizeof(Page) <= kPageSize && std::atomic<uint64_t>::is_always_lock_free);

/// How long the vGPU has waited for its device in all, and how much of that for its own limit.
struct Waits {
  uint64_t waited_ns = 0;
  uint64_t limited_ns = 0;
};

/// The waits up to `now_ns`. False: the page is being written all the time; `waits` is unchanged.
inline bool read_waits(const Page& page, uint64_t now_ns, Waits& waits) {
  for (int attempt = 0; attempt < 64; ++attempt) {
    const uint32_t before = page.sequence.load(std::memory_order_acquire);
    const uint32_t state = page.state.load(std::memory_order_relaxed);
    const uint64_t at_ns = page.at_ns.load(std::memory_order_relaxed);
    Waits found{page.waited_ns.load(std::memory_order_relaxed),
                page.limited_ns.load(std::memory_order_relaxed)};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 != 0 || page.sequence.load(std::memory_order_relaxed) != before) continue;
    const uint64_t since = now_ns > at_ns ? now_ns - at_ns : 0;
    if (state == kWaiting || state == kLimited) found.waited_ns += since;
    if (state == kLimited) found.limited_ns += since;
    waits = found;
    return true;
  }
  return false;
}

}  // namespace aliquot::vgpu_page
