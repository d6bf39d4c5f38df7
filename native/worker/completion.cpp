#include "worker/completion.h"

#include <algorithm>
#include <cstring>

#include "worker/futex.h"
#include "worker/print_capture.h"
#include "worker/raise_to.h"

namespace aliquot::worker {

namespace {

constexpr uint32_t kLevelComplete = 1;
constexpr uint32_t kLevelRunning = 2;
constexpr uint32_t kLevelSubmitted = 4;

uint32_t level_of(cl_int status) {
  if (status <= CL_COMPLETE) return kLevelComplete;
  if (status == CL_RUNNING) return kLevelRunning;
  if (status == CL_SUBMITTED) return kLevelSubmitted;
  return 0;
}

}  // namespace

PastEvent times_of(const Driver& driver, cl_event event) {
  constexpr cl_profiling_info kTimes[] = {CL_PROFILING_COMMAND_QUEUED, CL_PROFILING_COMMAND_SUBMIT,
                                          CL_PROFILING_COMMAND_START, CL_PROFILING_COMMAND_END};
  PastEvent past;
  past.has_times = true;
  for (size_t i = 0; i < 4; ++i) {
    cl_ulong time = 0;
    past.has_times &= driver.calls.clGetEventProfilingInfo(event, kTimes[i], sizeof time, &time,
                                                           nullptr) == CL_SUCCESS;
    past.times[i] = time;
  }
  return past;
}

void Publisher::drain_prints() {
  if (prints_ != nullptr) prints_->drain();
}

void Publisher::arrived() {
  awaited_.fetch_sub(1, std::memory_order_relaxed);
  std::atomic<uint32_t>& sleeps = memory_->control.worker_sleeps;
  uint32_t how = kSleepsUntilCompletion;
  if (sleeps.load() == how && sleeps.compare_exchange_strong(how, 0)) futex_wake(sleeps);
}

void Publisher::print(std::span<const unsigned char> bytes) {
  const std::lock_guard guard(mutex_);
  layout::Control& control = memory_->control;
  const uint64_t used = print_tail_ - control.print_head.load(std::memory_order_acquire);
  const size_t room = used > layout::kPrintBytes ? 0 : layout::kPrintBytes - used;
  const size_t taken = std::min(room, bytes.size());
  const size_t start = print_tail_ % layout::kPrintBytes;
  const size_t first = std::min(taken, layout::kPrintBytes - start);
  if (first != 0) std::memcpy(memory_->print + start, bytes.data(), first);
  if (first < taken) std::memcpy(memory_->print, bytes.data() + first, taken - first);
  print_tail_ += taken;
  control.print_tail.store(print_tail_, std::memory_order_release);
  if (taken < bytes.size()) control.print_dropped.fetch_add(bytes.size() - taken);
}

void Publisher::notify(uint32_t event, cl_int status) {
  layout::Control& control = memory_->control;
  {
    const std::lock_guard guard(mutex_);
    const uint64_t used = notify_tail_ - control.notify_head.load(std::memory_order_acquire);
    if (used >= layout::kNotifyEntries) {
      control.notify_overflow.store(1);
    } else {
      const uint64_t entry = (uint64_t{static_cast<uint32_t>(status)} << 32) | event;
      memory_->notifications[notify_tail_ % layout::kNotifyEntries].store(
          entry, std::memory_order_relaxed);
      control.notify_tail.store(++notify_tail_, std::memory_order_release);
    }
    control.notify_count.fetch_add(1);
  }
  futex_wake(control.notify_count);
}

uint64_t Publisher::notify_tail() {
  const std::lock_guard guard(mutex_);
  return notify_tail_;
}

uint64_t Publisher::print_tail() {
  const std::lock_guard guard(mutex_);
  return print_tail_;
}

void Publisher::continue_from(uint64_t notify_tail, uint64_t print_tail) {
  const std::lock_guard guard(mutex_);
  notify_tail_ = notify_tail;
  print_tail_ = print_tail;
}

void Publisher::latch_queue_error(uint32_t queue, cl_int error) {
  if (queue == 0 || queue > layout::kQueueSlots || error >= 0) return;
  int32_t none = 0;
  memory_->queues[queue - 1].error.compare_exchange_strong(none, error);
}

void Publisher::close() {
  layout::Control& control = memory_->control;
  control.worker_closed.store(1);
  control.notify_count.fetch_add(1);
  futex_wake(control.notify_count);
  control.space_wanted.store(0);
  futex_wake(control.space_wanted);
}

void EventWatch::belongs_to(std::shared_ptr<std::atomic<uint64_t>> ended, uint64_t number) {
  const std::lock_guard guard(mutex_);
  ended_ = std::move(ended);
  number_ = number;
}

void EventWatch::note_wishes(uint32_t notify, uint32_t levels) {
  const std::lock_guard guard(mutex_);
  if (notify != 0) levels_ |= levels;
}

void EventWatch::watch(cl_event event, uint32_t notify, uint32_t levels) {
  note_wishes(notify, levels);
  cl_int status = CL_QUEUED;
  const Driver& driver = publisher_->driver();
  if (driver.calls.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status,
                                  nullptr) != CL_SUCCESS) {
    status = CL_INVALID_EVENT;
  }
  publish(event, status);
  if (status <= CL_COMPLETE) return;
  if (notify != 0 && (levels & kLevelSubmitted) != 0) add_callback(event, CL_SUBMITTED);
  if (notify != 0 && (levels & kLevelRunning) != 0) add_callback(event, CL_RUNNING);
  add_callback(event, CL_COMPLETE);
}

void EventWatch::watch_failed(cl_int error, uint32_t notify, uint32_t levels) {
  note_wishes(notify, levels);
  publish(nullptr, error);
}

void EventWatch::watch_past(const PastEvent& past, uint32_t notify, uint32_t levels) {
  note_wishes(notify, levels);
  publish(nullptr, past.status, &past);
}

uint32_t EventWatch::levels() {
  const std::lock_guard guard(mutex_);
  return levels_;
}

void EventWatch::add_callback(cl_event event, cl_int level) {
  {
    const std::lock_guard guard(mutex_);
    if ((registered_ & level_of(level)) != 0) return;
    registered_ |= level_of(level);
  }
  auto* self = new std::shared_ptr<EventWatch>(shared_from_this());
  publisher_->await();
  const cl_int error = publisher_->driver().calls.clSetEventCallback(event, level, called, self);
  if (error == CL_SUCCESS) return;
  publisher_->arrived();
  delete self;
  if (level == CL_COMPLETE) publish(nullptr, error);  // better a failed event than a silent one
}

void CL_CALLBACK EventWatch::called(cl_event event, cl_int status, void* data) {
  auto* self = static_cast<std::shared_ptr<EventWatch>*>(data);
  if (status <= CL_COMPLETE) (*self)->publisher_->drain_prints();
  (*self)->publish(event, status);
  (*self)->publisher_->arrived();
  delete self;
}

void EventWatch::completed(cl_event event) {
  publisher_->drain_prints();
  publish(event, CL_COMPLETE);
}

void EventWatch::publish(cl_event event, cl_int status, const PastEvent* past) {
  const std::lock_guard guard(mutex_);
  if (retired_) return;
  publisher_->mark();
  if (status < status_) {
    layout::EventSlot& slot = publisher_->memory().events[id_ - 1];
    if (status <= CL_COMPLETE) {
      const bool all = profiled_ && event != nullptr && status == CL_COMPLETE;
      PastEvent now;
      if (all) now = times_of(publisher_->driver(), event);
      if (past == nullptr) past = &now;
      if (past->has_times) {
        slot.queued = past->times[0];
        slot.submitted = past->times[1];
        slot.started = past->times[2];
        slot.ended = past->times[3];
      }
      slot.has_times = past->has_times ? 1 : 0;
      slot.told_ns.store(now_ns(), std::memory_order_relaxed);
      if (ended_ != nullptr && status == CL_COMPLETE) raise_to(*ended_, number_);
    }
    status_ = status;
    slot.status.store(status);
    if (slot.waiters.load() != 0) {
      slot.waiters.store(0);
      futex_wake(slot.status);
    }
  }
  const uint32_t level = level_of(status_);
  if ((levels_ & level & ~notified_) != 0) {
    notified_ |= level;
    publisher_->notify(id_, status_);
  }
}

void EventWatch::retire() {
  const std::lock_guard guard(mutex_);
  retired_ = true;
}

}  // namespace aliquot::worker
