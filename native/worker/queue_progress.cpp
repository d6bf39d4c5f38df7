#include "worker/queue_progress.h"

#include <algorithm>

#include "worker/completion_poll.h"
#include "worker/futex.h"
#include "worker/inside_calls.h"
#include "worker/raise_to.h"

namespace aliquot::worker {

QueueProgress::~QueueProgress() {
  for (const auto& command : outstanding_) drop(command.event);
}

void QueueProgress::drop(cl_event event) const {
  publisher_->driver().calls.clReleaseEvent(event);
}

cl_int QueueProgress::status_of(cl_event event) const {
  cl_int status = CL_QUEUED;
  publisher_->driver().calls.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                            sizeof status, &status, nullptr);
  return status;
}

void QueueProgress::add(OutstandingCommand command) {
  const std::lock_guard guard(outstanding_mutex_);
  const uint64_t completed = completed_number_.load(std::memory_order_acquire);
  while (!outstanding_.empty() && outstanding_.front().number <= completed) {
    drop(outstanding_.front().event);
    outstanding_.pop_front();
  }
  last_evented_.store(command.number, std::memory_order_relaxed);
  outstanding_.push_back(std::move(command));
}

void QueueProgress::begin_busy(uint64_t number) {
  last_number_.store(number, std::memory_order_relaxed);
  if (completed() + 1 != number) return;
  busy_number_.store(number, std::memory_order_relaxed);
  busy_since_ns_.store(now_ns(), std::memory_order_relaxed);
}

void QueueProgress::begins(uint64_t number) {
  const uint64_t ended = std::max(completed(), ended_number_->load(std::memory_order_relaxed));
  if (ended + 1 != number) return;
  publisher_->memory().queues[id_ - 1].began_ns.store(now_ns(), std::memory_order_relaxed);
}

bool QueueProgress::prune() {
  bool idle = true;
  visit_outstanding([&](OutstandingCommand&, cl_int) { idle = false; });
  return idle;
}

// Those that are not there any more were seen to have ended.
const OutstandingCommand* QueueProgress::last_until(uint64_t number) const {
  for (auto place = outstanding_.rbegin(); place != outstanding_.rend(); ++place) {
    if (place->number <= number) return &*place;
  }
  return nullptr;
}

void QueueProgress::publish_after(uint64_t number, uint64_t sequence) {
  cl_event event = nullptr;
  Promise promise{number, sequence, 0, 0};
  {
    const std::lock_guard guard(outstanding_mutex_);
    if (const OutstandingCommand* last = last_until(number)) {
      event = last->event;
      promise.awaited = last->number;
      publisher_->driver().calls.clRetainEvent(event);
    }
  }
  if (event == nullptr) return reached(sequence, number, CL_COMPLETE);
  {
    const std::lock_guard guard(publish_mutex_);
    promises_.push_back(promise);
  }
  await(promise, event);
}

namespace {
struct Ticket {
  std::shared_ptr<QueueProgress> progress;
  uint64_t number;
  uint64_t sequence;
  bool itself;  // the event is that of command `number`
};
}  // namespace

// Gives `event` back.
void QueueProgress::await(const Promise& promise, cl_event event) {
  auto* ticket = new Ticket{shared_from_this(), promise.number, promise.sequence,
                            promise.awaited == promise.number};
  publisher_->await();
  const cl_int error =
      publisher_->driver().calls.clSetEventCallback(event, CL_COMPLETE, called, ticket);
  drop(event);
  if (error == CL_SUCCESS) return;
  publisher_->arrived();
  delete ticket;
  reached(promise.sequence, promise.number, error);
}

bool QueueProgress::publish_inside(cl_command_queue queue, uint64_t number, uint64_t sequence) {
  publisher_->await();
  const uint64_t call = note_call([self = shared_from_this(), number, sequence] {
    self->reached(sequence, number, CL_COMPLETE);
    self->publisher_->arrived();
  });
  {
    // Where the queue fails before it comes to the call, the watchdog finds the promise.
    const std::lock_guard guard(publish_mutex_);
    promises_.push_back({number, sequence, number, call});
  }
  if (publisher_->driver().calls.clEnqueueNativeKernel(
          queue, make_call, const_cast<uint64_t*>(&call), sizeof call, 0, nullptr, nullptr, 0,
          nullptr, nullptr) == CL_SUCCESS) {
    return true;
  }
  {
    const std::lock_guard guard(publish_mutex_);
    std::erase_if(promises_, [&](const Promise& promise) { return promise.call == call; });
  }
  if (drop_call(call)) publisher_->arrived();
  return false;
}

void QueueProgress::expect(CompletionPoll& poll, uint64_t number, uint64_t sequence) {
  const std::lock_guard guard(outstanding_mutex_);
  if (outstanding_.empty() || outstanding_.back().number != number) return;
  poll.expect(outstanding_.back().event, shared_from_this(), number, sequence);
}

void QueueProgress::hold(const std::shared_ptr<const void>& thing) {
  using Holder = std::shared_ptr<const void>;
  const std::lock_guard guard(outstanding_mutex_);
  for (const auto& command : outstanding_) {
    auto* holder = new Holder(thing);
    const auto let_go = [](cl_event, cl_int, void* data) { delete static_cast<Holder*>(data); };
    if (publisher_->driver().calls.clSetEventCallback(command.event, CL_COMPLETE, let_go,
                                                      holder) != CL_SUCCESS) {
      delete holder;
    }
  }
}

void QueueProgress::attach(cl_event event, const std::shared_ptr<EventWatch>& watch,
                           bool in_order) {
  const std::lock_guard guard(outstanding_mutex_);
  for (auto place = outstanding_.rbegin(); place != outstanding_.rend(); ++place) {
    if (place->event != event) continue;
    place->watch = watch;
    if (in_order) watch->belongs_to(ended_number_, place->number);
    return;
  }
}

void QueueProgress::recheck() {
  prune();
  std::vector<Promise> promises;
  {
    const std::lock_guard guard(publish_mutex_);
    promises = promises_;
  }
  // No driver is called with the publish lock held: callbacks take it.
  Promise kept{0, 0, 0, 0};
  std::vector<std::pair<Promise, cl_event>> waits;
  {
    const std::lock_guard guard(outstanding_mutex_);
    for (Promise& promise : promises) {
      const OutstandingCommand* last = last_until(promise.number);
      if (last == nullptr) {
        kept.number = std::max(kept.number, promise.number);
        kept.sequence = std::max(kept.sequence, promise.sequence);
      } else if (last->number != promise.awaited) {
        promise.awaited = last->number;
        publisher_->driver().calls.clRetainEvent(last->event);
        waits.emplace_back(promise, last->event);
      }
    }
  }
  {
    const std::lock_guard guard(publish_mutex_);
    for (const auto& [wait, event] : waits) {
      for (Promise& promise : promises_) {
        if (promise.number == wait.number) promise.awaited = wait.awaited;
      }
    }
  }
  for (const auto& [wait, event] : waits) await(wait, event);
  if (kept.number != 0) reached(kept.sequence, kept.number, CL_COMPLETE);
}

// A command that failed after it was enqueued says so by its event only, as it does natively. Those
// before it may still run; to look is the watchdog's part, since the driver may hold locks here.
void CL_CALLBACK QueueProgress::called(cl_event, cl_int status, void* data) {
  auto* ticket = static_cast<Ticket*>(data);
  QueueProgress& progress = *ticket->progress;
  if (status == CL_COMPLETE && ticket->itself) {
    progress.reached(ticket->sequence, ticket->number, CL_COMPLETE);
  } else {
    progress.alarm_->raise();
  }
  progress.publisher_->arrived();
  delete ticket;
}

void QueueProgress::reached(uint64_t sequence, uint64_t number, cl_int status) {
  publisher_->drain_prints();
  publisher_->mark();
  const std::lock_guard guard(publish_mutex_);
  const uint64_t before = completed_number_.load(std::memory_order_relaxed);
  const uint64_t now = now_ns();
  if (number > before) {
    const uint64_t begin =
        std::max(last_reached_ns_, busy_since_ns_.load(std::memory_order_relaxed));
    if (begin != 0 && now >= begin) {
      average_ns_.store((now - begin) / (number - before), std::memory_order_relaxed);
    }
    last_reached_ns_ = now;
    completed_number_.store(number, std::memory_order_release);
    changes_.fetch_add(1);
    if (waiters_.load() != 0) futex_wake(changes_);
  }
  std::erase_if(promises_, [&](const Promise& promise) {
    if (promise.number > number) return false;
    sequence = std::max(sequence, promise.sequence);  // this one is due as well
    if (promise.call != 0 && drop_call(promise.call)) publisher_->arrived();
    return true;
  });
  if (retired_) return;
  if (status < 0) publisher_->latch_queue_error(id_, status);
  if (sequence <= completed_sequence_) return;
  completed_sequence_ = sequence;
  layout::QueueSlot& slot = publisher_->memory().queues[id_ - 1];
  slot.ended_ns.store(now, std::memory_order_relaxed);
  raise_to(slot.completed, sequence);
  slot.changed.fetch_add(1);
  if (slot.waiters.load() != 0) {
    slot.waiters.store(0);
    futex_wake(slot.changed);
  }
}

// A launch without an event counts as outstanding until one behind it has ended. Whatever changes
// meanwhile, nothing is told that can't be.
std::optional<records::QueueClaim> QueueProgress::tell(uint64_t now) {
  if (gone_.load(std::memory_order_relaxed)) return std::nullopt;
  uint64_t oldest = 0;
  uint64_t since = now;
  uint64_t seen = 0;
  visit_outstanding([&](OutstandingCommand& command, cl_int) {
    seen += 1 + command.hidden_before;
    if (oldest != 0) return;
    oldest = command.number - command.hidden_before;
    if (command.seen_since != 0) since = std::min(since, command.seen_since);
  });
  const uint64_t known = std::max(last_evented_.load(std::memory_order_relaxed), completed());
  const uint64_t last = std::max(last_number_.load(std::memory_order_relaxed), known);
  records::QueueClaim claim;
  claim.queue = id_;
  claim.flags = nature_.in_order ? uint32_t{records::kInOrder} : 0;
  claim.outstanding = std::min(seen + (last - known), last);
  claim.completed = last - claim.outstanding;
  if (nature_.device_ns != nullptr) {
    claim.device_ns = nature_.device_ns->load(std::memory_order_relaxed);
  }
  if (claim.outstanding == 0) return claim;
  if (oldest == 0) oldest = known + 1;
  if (oldest == told_oldest_) since = std::min(since, told_since_ns_);
  if (oldest == busy_number_.load(std::memory_order_relaxed)) {
    since = std::min(since, busy_since_ns_.load(std::memory_order_relaxed));
  }
  told_oldest_ = oldest;
  told_since_ns_ = since;
  claim.oldest_ns = now - since;
  return claim;
}

bool QueueProgress::wait_below(uint64_t number, uint64_t most, const std::atomic<bool>& stop,
                               uint64_t patience_ns) {
  const uint64_t slice_ns = std::min<uint64_t>(patience_ns, 10'000'000);
  if (number - completed() <= most) return true;
  uint64_t seen = completed();
  uint64_t begin = now_ns();
  bool reached_it = false;
  waiters_.fetch_add(1);
  for (;;) {
    const uint32_t changes = changes_.load();
    reached_it = number - completed() <= most;
    if (reached_it || stop.load() || now_ns() - begin > patience_ns) break;
    futex_wait(changes_, changes, slice_ns);
    if (completed() != seen) {
      seen = completed();
      begin = now_ns();
    }
  }
  waiters_.fetch_sub(1);
  return reached_it;
}

uint64_t QueueProgress::published() {
  const std::lock_guard guard(publish_mutex_);
  return completed_sequence_;
}

uint64_t QueueProgress::retire() {
  set_gone();
  const std::lock_guard guard(publish_mutex_);
  retired_ = true;
  return completed_sequence_;
}

}  // namespace aliquot::worker
