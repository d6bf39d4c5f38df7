// What the driver's callbacks publish in the connection memory. Callbacks run on threads of the
// driver, at any time, also after the connection has ended: they hold what they need by shared
// pointers, take no lock for long and never wait for a guest process.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>

#include "protocol/connection_layout.h"
#include "worker/driver.h"

namespace aliquot::worker {

class PrintCapture;

/// What the decode thread puts into `worker_sleeps`: whether a completion wakes it as well.
constexpr uint32_t kSleeps = 1;
constexpr uint32_t kSleepsUntilCompletion = 2;

/// The words of the connection memory that any thread of the worker may write. Positions that the
/// worker owns are kept in private memory; what the guest process wrote is checked.
class Publisher {
 public:
  /// `prints` may be null; it and `driver` must outlive the publisher.
  Publisher(std::shared_ptr<layout::ConnectionMemory> memory, const Driver& driver,
            PrintCapture* prints)
      : memory_(std::move(memory)), driver_(driver), prints_(prints) {}

  layout::ConnectionMemory& memory() { return *memory_; }
  const Driver& driver() const { return driver_; }

  /// A guest process that has seen a completion may build on it in its next command. That order
  /// runs through another process; these two keep it inside this one as well. `mark` comes before
  /// a completion is published, `observe` before a command is carried out.
  void mark() { published_.fetch_add(1, std::memory_order_release); }
  void observe() const { published_.load(std::memory_order_acquire); }

  /// A completion is awaited / has come and was published. `arrived` wakes the decode thread where
  /// it sleeps meanwhile, because the guest process's next command will follow at once.
  void await() { awaited_.fetch_add(1, std::memory_order_relaxed); }
  void arrived();
  const std::atomic<uint32_t>& awaited() const { return awaited_; }

  /// Delivers what kernels have printed up to now; called before a completion is published.
  void drain_prints();
  /// Puts printed bytes into the print ring; what finds no room is dropped and counted.
  void print(std::span<const unsigned char> bytes);
  /// Puts an entry into the notification ring, or marks the overflow.
  void notify(uint32_t event, cl_int status);
  /// Keeps the first error of a queue until the guest driver takes it.
  void latch_queue_error(uint32_t queue, cl_int error);
  /// Where the two rings to the guest process stand, and where those of another worker did.
  uint64_t notify_tail();
  uint64_t print_tail();
  void continue_from(uint64_t notify_tail, uint64_t print_tail);
  /// Tells the guest driver that nothing more will be answered, and wakes all that it may wait on.
  void close();

 private:
  std::shared_ptr<layout::ConnectionMemory> memory_;
  const Driver& driver_;
  PrintCapture* prints_;
  std::atomic<uint64_t> published_{0};
  std::atomic<uint32_t> awaited_{0};
  std::mutex mutex_;  // the producer sides of the two rings
  uint64_t notify_tail_ = 0;
  uint64_t print_tail_ = 0;
};

/// What is left of an event that ended in another worker.
struct PastEvent {
  cl_int status = CL_COMPLETE;
  bool has_times = false;
  uint64_t times[4] = {};  // queued, submitted, started, ended; ns on that worker's device
};

/// The times of one that has ended well.
PastEvent times_of(const Driver& driver, cl_event event);

/// An event that the guest driver watches, from `watch_event` until its final status.
class EventWatch : public std::enable_shared_from_this<EventWatch> {
 public:
  EventWatch(std::shared_ptr<Publisher> publisher, uint32_t id, bool profiled)
      : publisher_(std::move(publisher)), id_(id), profiled_(profiled) {}

  /// Publishes the event's status now and registers for what follows. May be called again, with
  /// more to notify. `notify` and `levels` as in commands.toml.
  void watch(cl_event event, uint32_t notify, uint32_t levels);
  /// The same for a command that failed before it had an event.
  void watch_failed(cl_int error, uint32_t notify, uint32_t levels);
  /// The same for one that ended in another worker.
  void watch_past(const PastEvent& past, uint32_t notify, uint32_t levels);
  /// What the guest driver wants notice of, as in commands.toml.
  uint32_t levels();
  /// It is that of command `number` of an in-order queue, which counts in `ended`.
  void belongs_to(std::shared_ptr<std::atomic<uint64_t>> ended, uint64_t number);
  /// The event was seen to have ended well.
  void completed(cl_event event);
  /// The event was seen to have ended with this error.
  void ended(cl_int error) { publish(nullptr, error); }
  /// After this returns nothing more is published.
  void retire();

 private:
  static void CL_CALLBACK called(cl_event event, cl_int status, void* data);
  void add_callback(cl_event event, cl_int level);
  void publish(cl_event event, cl_int status, const PastEvent* past = nullptr);
  void note_wishes(uint32_t notify, uint32_t levels);

  std::shared_ptr<Publisher> publisher_;
  const uint32_t id_;
  const bool profiled_;
  std::mutex mutex_;
  uint32_t levels_ = 0;      // of which the guest driver wants notice
  uint32_t notified_ = 0;    // of which it had notice
  uint32_t registered_ = 0;  // for which the driver will call us
  cl_int status_ = layout::kEventPending;
  std::shared_ptr<std::atomic<uint64_t>> ended_;
  uint64_t number_ = 0;
  bool retired_ = false;
};

}  // namespace aliquot::worker
