// Looks now and then at what runs, while anything runs: a kernel that runs longer than the vGPU's
// limit is reported, and the device host ends the worker. Also gives back events that nobody will
// ask about, and reports the worker's counts. Sleeps for good while all queues are idle.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/alarm.h"
#include "worker/host_link.h"
#include "worker/queue_progress.h"
#include "worker/thread.h"

namespace aliquot::worker {

class Watchdog {
 public:
  /// `limit_ms` 0: no limit.
  Watchdog(uint32_t limit_ms, HostLink& host) : limit_ms_(limit_ms), host_(host) {}
  ~Watchdog() { stop(); }

  /// `after_look` runs in the watchdog's thread after each look. False: no thread to be had.
  bool start(std::function<void()> after_look);
  void stop();
  void add(uint32_t connection, std::weak_ptr<QueueProgress> queue);

  /// Calls `visit(connection, QueueProgress&)` for every queue that is there. The watchdog's thread.
  template <class Visit>
  void for_each(Visit visit) {
    for (const Watched& watched : all()) {
      if (const auto queue = watched.queue.lock()) visit(watched.connection, *queue);
    }
  }
  /// Calls the function that `start` was given, soon.
  void raise() { alarm_->raise(); }

  /// Something was enqueued. One load while the watchdog is awake.
  void arm() { alarm_->arm(); }
  /// For who may call when the watchdog is gone.
  const std::shared_ptr<Alarm>& alarm() const { return alarm_; }

  /// One look at all queues at time `now`; returns whether anything is under way. Called by the
  /// thread, and by tests.
  bool look(uint64_t now);

 private:
  struct Watched {
    uint32_t connection;
    std::weak_ptr<QueueProgress> queue;
  };
  static void* run(void* self);
  std::vector<Watched> all();
  uint64_t period_ns() const;
  uint64_t unseen_ns(uint64_t now);
  void check(const Watched& watched, OutstandingCommand& command, bool runs, bool hidden_run,
             uint64_t now);

  const uint32_t limit_ms_;
  HostLink& host_;
  std::function<void()> after_look_;
  std::mutex mutex_;
  std::vector<Watched> queues_;
  const std::shared_ptr<Alarm> alarm_ = std::make_shared<Alarm>();
  std::atomic<bool> stop_{false};
  std::atomic<bool> reported_{false};
  std::atomic<uint64_t> looked_at_{0};  // at the last look, where something was under way; else 0
  Thread thread_;
};

}  // namespace aliquot::worker
