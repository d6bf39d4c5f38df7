// How far a queue has come. Shared by the decode thread, the driver's callbacks and the watchdog.
//
// Commands are numbered as they are enqueued. Most have an event that is kept here until they have
// ended; in a burst of launches on an in-order queue only the last one has (events cost time), the
// others are hidden behind it.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/records.h"
#include "worker/alarm.h"
#include "worker/completion.h"

namespace aliquot::worker {

struct OutstandingCommand {
  cl_event event = nullptr;
  uint64_t number = 0;
  uint32_t hidden_before = 0;                 // commands without an event that came right before
  std::shared_ptr<const std::string> kernel;  // name; null for other commands
  std::shared_ptr<const std::string> hidden_kernel;  // of the last hidden one
  // As the watchdog saw it, ns; 0: it didn't.
  uint64_t seen_since = 0;
  uint64_t front_since = 0;         // no other of its queue was before it
  uint64_t running_since = 0;
  bool itself_runs = false;         // else it is the hidden ones that run
  std::weak_ptr<EventWatch> watch;  // who waits for the event
};

class CompletionPoll;

/// What stays true of a queue for as long as it is there.
struct QueueNature {
  bool in_order = true;
  std::shared_ptr<const std::atomic<uint64_t>> device_ns;  // its commands took; null: nobody knows
};

class QueueProgress : public std::enable_shared_from_this<QueueProgress> {
 public:
  /// `alarm` calls for a `recheck`.
  QueueProgress(std::shared_ptr<Publisher> publisher, std::shared_ptr<Alarm> alarm, uint32_t id,
                QueueNature nature = {})
      : publisher_(std::move(publisher)),
        alarm_(std::move(alarm)),
        id_(id),
        nature_(std::move(nature)) {}
  ~QueueProgress();

  // ---- decode thread
  /// Command `number` was enqueued; `event` is now owned here.
  void add(OutstandingCommand command);
  /// Command `number` is about to be handed to the driver, which may work on it at once: tells the
  /// guest driver when a queue that had nothing to do begins.
  void begins(uint64_t number);
  /// Command `number` will come, as soon as the device may be used. Only for being told of it.
  void expect_command(uint64_t number) { last_number_.store(number, std::memory_order_relaxed); }
  /// Command `number` is there. Notes when a queue that had nothing to do gets its first one.
  void begin_busy(uint64_t number);
  /// When everything up to `number` has ended, publishes `sequence` (0: none). The command with
  /// that number must have been added, and no other that succeeds ends after it: it is the last one
  /// of an in-order queue, or a marker. One that fails may do so long before those in front of it.
  void publish_after(uint64_t number, uint64_t sequence);
  /// The same, by a function that `queue`, which is in order, runs itself once it has come there:
  /// one thread less to wake than for a callback. For queues with nothing under way that is known to
  /// fail at times: then only the watchdog's next look publishes. False: the driver did not take it.
  bool publish_inside(cl_command_queue queue, uint64_t number, uint64_t sequence);
  /// Has `poll` look for the end of command `number`, which then publishes `sequence`.
  void expect(CompletionPoll& poll, uint64_t number, uint64_t sequence);
  /// Keeps `thing` until what is under way now has ended.
  void hold(const std::shared_ptr<const void>& thing);
  /// The same without an event: everything has ended already.
  void reached(uint64_t sequence, uint64_t number, cl_int status);
  /// Gives back the events of commands that are known to have ended. True when none is left.
  bool prune();
  /// The event of an outstanding command is watched.
  /// `in_order`: its end is that of all before it.
  void attach(cl_event event, const std::shared_ptr<EventWatch>& watch, bool in_order);
  /// Waits until no more than `most` of the commands up to `number` are under way, as long as
  /// some of them end within `patience_ns`. True when that came about.
  bool wait_below(uint64_t number, uint64_t most, const std::atomic<bool>& stop,
                  uint64_t patience_ns = 100'000'000);
  /// After this returns nothing more is published: the id may be used for another queue. Returns
  /// the last published sequence, where that one goes on.
  uint64_t retire();
  /// It is not there any more.
  void set_gone() { gone_.store(true, std::memory_order_relaxed); }
  /// Where an earlier queue of this id left off; before anything is published.
  void continue_from(uint64_t sequence) { completed_sequence_ = sequence; }

  /// The last sequence that was published.
  uint64_t published();

  uint64_t completed() const { return completed_number_.load(std::memory_order_acquire); }
  /// Mean time of one of the last commands, ns; large while nothing is known.
  uint64_t average_ns() const { return average_ns_.load(std::memory_order_relaxed); }

  // ---- the watchdog's thread
  /// What is to be told of it; nothing where it is gone.
  std::optional<records::QueueClaim> tell(uint64_t now);

  // ---- any thread
  /// Looks whether commands have ended of which the driver said nothing, for some never call back
  /// for one that failed because of its wait list; and what those that failed leave to wait for.
  void recheck();
  /// Calls `visit(OutstandingCommand&, status)` for those that have not ended, oldest first, after
  /// giving back the others. `visit` must not call back into this object.
  template <class Visit>
  void visit_outstanding(Visit visit) {
    const std::lock_guard guard(outstanding_mutex_);
    for (auto place = outstanding_.begin(); place != outstanding_.end();) {
      const cl_int status = status_of(place->event);
      if (status <= CL_COMPLETE) {
        const auto watch = status < 0 ? place->watch.lock() : nullptr;
        if (watch != nullptr) watch->ended(status);
        drop(place->event);
        place = outstanding_.erase(place);
      } else {
        visit(*place, status);
        ++place;
      }
    }
  }

  static constexpr uint64_t kUnknownNs = ~uint64_t{0};

 private:
  cl_int status_of(cl_event event) const;
  void drop(cl_event event) const;
  // What `publish_after` has still to publish.
  struct Promise {
    uint64_t number;
    uint64_t sequence;
    uint64_t awaited;  // the command whose end is awaited: this one or an earlier one
    uint64_t call;     // that the queue will make (inside_calls.h); 0: none
  };
  const OutstandingCommand* last_until(uint64_t number) const;
  void await(const Promise& promise, cl_event event);
  static void CL_CALLBACK called(cl_event event, cl_int status, void* data);

  std::shared_ptr<Publisher> publisher_;
  std::shared_ptr<Alarm> alarm_;
  const uint32_t id_;
  const QueueNature nature_;
  std::mutex outstanding_mutex_;
  std::deque<OutstandingCommand> outstanding_;

  std::mutex publish_mutex_;
  bool retired_ = false;
  uint64_t completed_sequence_ = 0;
  std::vector<Promise> promises_;
  uint64_t last_reached_ns_ = 0;
  std::atomic<uint64_t> busy_since_ns_{0};
  std::atomic<uint64_t> completed_number_{0};
  // For being told of it; nothing else relies on these.
  std::atomic<uint64_t> last_number_{0};   // of all commands
  std::atomic<uint64_t> last_evented_{0};  // of those that were added
  std::atomic<uint64_t> busy_number_{0};   // of the one that came at busy_since_ns_
  std::atomic<bool> gone_{false};
  uint64_t told_oldest_ = 0;    // the number of the oldest outstanding one, as it was last told
  uint64_t told_since_ns_ = 0;  // and since when it has been so
  // The same by what watched events told, for knowing whether the queue is idle.
  const std::shared_ptr<std::atomic<uint64_t>> ended_number_ =
      std::make_shared<std::atomic<uint64_t>>(0);
  std::atomic<uint32_t> changes_{0};  // futex word of wait_below
  std::atomic<uint32_t> waiters_{0};  // threads in wait_below
  std::atomic<uint64_t> average_ns_{kUnknownNs};
};

}  // namespace aliquot::worker
