#include "worker/queue_progress.h"

#include <algorithm>

#include "worker/futex.h"

namespace aliquot::worker {

namespace {
struct Ticket {
  std::shared_ptr<QueueProgress> progress;
  uint64_t number;
  uint64_t sequence;
};
}  // namespace

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
  outstanding_.push_back(std::move(command));
}

void QueueProgress::begin_busy(uint64_t number) {
  if (completed() + 1 == number) busy_since_ns_.store(now_ns(), std::memory_order_relaxed);
}

bool QueueProgress::prune() {
  bool idle = true;
  visit_outstanding([&](OutstandingCommand&, cl_int) { idle = false; });
  return idle;
}

void QueueProgress::publish_after(uint64_t number, uint64_t sequence) {
  cl_event event = nullptr;
  {
    const std::lock_guard guard(outstanding_mutex_);
    if (!outstanding_.empty() && outstanding_.back().number == number) {
      event = outstanding_.back().event;
      publisher_->driver().calls.clRetainEvent(event);
    }
  }
  // One that is not there any more was seen to have ended.
  if (event == nullptr) return reached(sequence, number, CL_COMPLETE);
  {
    const std::lock_guard guard(publish_mutex_);
    promises_.push_back({number, sequence});
  }
  auto* ticket = new Ticket{shared_from_this(), number, sequence};
  publisher_->await();
  const cl_int error =
      publisher_->driver().calls.clSetEventCallback(event, CL_COMPLETE, called, ticket);
  drop(event);
  if (error == CL_SUCCESS) return;
  publisher_->arrived();
  delete ticket;
  reached(sequence, number, error);
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

void QueueProgress::attach(cl_event event, const std::shared_ptr<EventWatch>& watch) {
  const std::lock_guard guard(outstanding_mutex_);
  for (auto place = outstanding_.rbegin(); place != outstanding_.rend(); ++place) {
    if (place->event != event) continue;
    place->watch = watch;
    return;
  }
}

void QueueProgress::recheck() {
  uint64_t first = ~uint64_t{0};  // that has not ended
  visit_outstanding(
      [&](OutstandingCommand& command, cl_int) { first = std::min(first, command.number); });
  Promise best{0, 0};
  {
    const std::lock_guard guard(publish_mutex_);
    for (const Promise& promise : promises_) {
      if (promise.number >= first) continue;
      best.number = std::max(best.number, promise.number);
      best.sequence = std::max(best.sequence, promise.sequence);
    }
  }
  if (best.number != 0) reached(best.sequence, best.number, CL_COMPLETE);
}

void CL_CALLBACK QueueProgress::called(cl_event, cl_int, void* data) {
  auto* ticket = static_cast<Ticket*>(data);
  // A command that failed after it was enqueued says so by its event only, as it does natively.
  ticket->progress->reached(ticket->sequence, ticket->number, CL_COMPLETE);
  ticket->progress->publisher_->arrived();
  delete ticket;
}

void QueueProgress::reached(uint64_t sequence, uint64_t number, cl_int status) {
  publisher_->drain_prints();
  publisher_->mark();
  const std::lock_guard guard(publish_mutex_);
  const uint64_t before = completed_number_.load(std::memory_order_relaxed);
  if (number > before) {
    const uint64_t now = now_ns();
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
  std::erase_if(promises_, [&](const Promise& promise) { return promise.number <= number; });
  if (retired_) return;
  if (status < 0) publisher_->latch_queue_error(id_, status);
  if (sequence <= completed_sequence_) return;
  completed_sequence_ = sequence;
  layout::QueueSlot& slot = publisher_->memory().queues[id_ - 1];
  // Never back: the guest driver raises it, too, for what it learns from an event.
  uint64_t seen = slot.completed.load();
  while (seen < sequence && !slot.completed.compare_exchange_weak(seen, sequence)) {
  }
  slot.changed.fetch_add(1);
  if (slot.waiters.load() != 0) {
    slot.waiters.store(0);
    futex_wake(slot.changed);
  }
}

bool QueueProgress::wait_below(uint64_t number, uint64_t most, const std::atomic<bool>& stop) {
  constexpr uint64_t kPatienceNs = 100'000'000;
  constexpr uint64_t kSliceNs = 10'000'000;
  if (number - completed() <= most) return true;
  uint64_t seen = completed();
  uint64_t begin = now_ns();
  bool reached_it = false;
  waiters_.fetch_add(1);
  for (;;) {
    const uint32_t changes = changes_.load();
    reached_it = number - completed() <= most;
    if (reached_it || stop.load() || now_ns() - begin > kPatienceNs) break;
    futex_wait(changes_, changes, kSliceNs);
    if (completed() != seen) {
      seen = completed();
      begin = now_ns();
    }
  }
  waiters_.fetch_sub(1);
  return reached_it;
}

uint64_t QueueProgress::retire() {
  const std::lock_guard guard(publish_mutex_);
  retired_ = true;
  return completed_sequence_;
}

}  // namespace aliquot::worker
