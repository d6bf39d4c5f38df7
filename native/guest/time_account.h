// Where a guest process's time goes: how long it was in the driver, and what for. What lies between is
// the program's own.
//
// Clocks are read only where a thread waits or calls the kernel anyway, or copies much. While several threads are in the
// driver each moment counts once, for the one whose reason comes first in the list below; so the sums
// and what is left for the program add up to the time that has passed.
//
// A wait for the device's work is divided by what others bear witness to: the vGPU's page (others had
// the device), and when the worker saw the work begin and end. What is left is the cost of telling.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest/wait.h"
#include "protocol/time_claims.h"
#include "protocol/vgpu_page.h"

namespace aliquot::guest {

/// Why a thread is in the driver.
enum class Reason : uint32_t {
  kWork,      // waits for the end of commands
  kTransfer,  // the same, that only copy
  kRing,      // waits for room: the device is behind
  kCompiler,  // waits for a build
  kAnswer,    // waits for another answer
  kWaking,    // wakes the worker: a call into the kernel
  kCopy,      // copies
};
constexpr size_t kReasons = 7;

/// Of awaited commands, by the worker's word.
struct WorkSpan {
  uint64_t began_ns = 0;
  uint64_t ended_ns = 0;  // 0: not known
  uint64_t copy_ns = 0;   // of it, copying
};

class TimeAccount {
 public:
  /// Counts into `claims`. Before that nothing is counted.
  void open(const vgpu_page::Page& page, layout::TimeClaims& claims);
  /// Nothing is counted any more; for a child process, which shares its parent's memory.
  void close() { claims_ = nullptr; }
  /// The connection took so long to come about.
  void started(uint64_t ns) { add(layout::Spent::kStart, ns); }

  void begin(Reason reason, uint64_t now);
  /// It goes on; so that long waits are seen while they last.
  void look(uint64_t now);
  void end(Reason reason, uint64_t now) { end(reason, now, {}); }
  void end(Reason reason, uint64_t now, const WorkSpan& span);

  /// Of copies too short for two clock reads, whether this one shall be taken for all: one in so many.
  bool samples_copy() {
    const uint32_t copies = copies_.load(std::memory_order_relaxed);
    copies_.store(copies + 1, std::memory_order_relaxed);  // some may be lost to races
    return copies % kCopiesASample == 0;
  }
  void sampled_copy(uint64_t ns) { add(layout::Spent::kCopies, ns * kCopiesASample); }

  static constexpr size_t kTinyCopy = size_t{1} << 10;  // costs less than to count it
  static constexpr size_t kShortCopy = size_t{32} << 10;

 private:
  static constexpr uint32_t kCopiesASample = 64;
  void settle(uint64_t now, const WorkSpan* ended);
  void divide(Reason reason, uint64_t from, uint64_t waited, const WorkSpan* ended);
  void count(Reason reason);
  void add(layout::Spent spent, uint64_t ns);

  Lock lock_;
  const vgpu_page::Page* page_ = nullptr;
  layout::TimeClaims* claims_ = nullptr;
  uint32_t inside_[kReasons] = {};  // threads
  uint64_t settled_ns_ = 0;
  uint64_t waking_ns_ = 0;  // that no line has yet
  vgpu_page::Waits seen_;  // at settled_ns_
  std::atomic<uint32_t> copies_{0};
};

/// Nothing is counted, by whoever waits for something else than the vGPU.
struct Uncounted {
  void begin(uint64_t) {}
  void look(uint64_t) {}
  void end(uint64_t) {}
};

/// One wait for a reason of its own; see wait_until.
struct Counted {
  TimeAccount& account;
  Reason reason;
  void begin(uint64_t now) { account.begin(reason, now); }
  void look(uint64_t now) { account.look(now); }
  void end(uint64_t now) { account.end(reason, now); }
};

/// A scope in which bytes are copied.
class CountedCopy {
 public:
  CountedCopy(TimeAccount& account, size_t bytes)
      : account_(account),
        long_(bytes >= TimeAccount::kShortCopy),
        begin_(long_ || (bytes >= TimeAccount::kTinyCopy && account.samples_copy()) ? now_ns() : 0) {
    if (long_) account_.begin(Reason::kCopy, begin_);
  }
  ~CountedCopy() {
    if (long_) account_.end(Reason::kCopy, now_ns());
    else if (begin_ != 0) account_.sampled_copy(now_ns() - begin_);
  }
  CountedCopy(const CountedCopy&) = delete;
  CountedCopy& operator=(const CountedCopy&) = delete;

 private:
  TimeAccount& account_;
  const bool long_;
  const uint64_t begin_;
};

}  // namespace aliquot::guest
