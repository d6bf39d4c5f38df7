// A lock for what a process does once, and a child process perhaps again.
#pragma once

#include <unistd.h>

#include "guest/wait.h"

namespace aliquot::guest {

/// Names the process that holds it: where a thread of the parent did at fork(), which the child does
/// not have, the child takes it over. Fork handlers could not do that, because the lock is in use
/// before there are any. Costs a system call; not recursive.
class ProcessLock {
 public:
  constexpr ProcessLock() = default;

  void lock() {
    const int32_t own = static_cast<int32_t>(getpid());
    for (;;) {
      int32_t holder = 0;
      if (holder_.compare_exchange_strong(holder, own, std::memory_order_acquire)) return;
      if (holder != own &&
          holder_.compare_exchange_strong(holder, own, std::memory_order_acquire)) {
        return;
      }
      if (holder == own) futex_wait(holder_, own, kSliceMs);
    }
  }
  void unlock() {
    holder_.store(0, std::memory_order_release);
    futex_wake(holder_, INT32_MAX);
  }

 private:
  std::atomic<int32_t> holder_{0};
};

class ProcessLockGuard {
 public:
  explicit ProcessLockGuard(ProcessLock& lock) : lock_(lock) { lock_.lock(); }
  ~ProcessLockGuard() { lock_.unlock(); }
  ProcessLockGuard(const ProcessLockGuard&) = delete;
  ProcessLockGuard& operator=(const ProcessLockGuard&) = delete;

 private:
  ProcessLock& lock_;
};

}  // namespace aliquot::guest
