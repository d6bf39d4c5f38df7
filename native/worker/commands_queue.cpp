// What all commands for a queue have in common, and those that only wait.
#include <type_traits>

#include "worker/connection.h"

namespace aliquot::worker {

using namespace opencl;

namespace {
// Launches under way at most; above that the decode thread waits while some of them end.
constexpr uint64_t kMostUnderWay = 4096;
constexpr uint64_t kResumeUnderWay = 3584;
constexpr uint64_t kRefuseUnderWay = 65'536;  // nothing ends, and the driver's memory has bounds
constexpr uint64_t kCheckpointEvery = 256;    // commands
// Commands shorter than this may be hidden behind later ones.
constexpr uint64_t kShortCommandNs = 500'000;
// In a turn, all of them together: its end is known no finer.
constexpr uint64_t kMostHiddenNs = 100'000;
// As many as the watchdog may see as one, since it can't tell them apart.
constexpr uint64_t kMostHidden = 32;
}  // namespace

cl_int Connection::begin_enqueue(Enqueue& enqueue, uint32_t queue, uint32_t event,
                                 std::span<const uint32_t> wait) {
  enqueue.queue_id = queue;
  enqueue.queue = queues_.find(queue);
  if (event != 0 && (event > layout::kEventSlots || events_.find(event) != nullptr)) {
    return CL_INVALID_EVENT;  // and the event that has this id stays what it is
  }
  enqueue.event_id = event;
  if (enqueue.queue == nullptr) return CL_INVALID_COMMAND_QUEUE;
  if (paced_.any()) await_paced(*enqueue.queue);
  if (!wait.empty()) {
    wait_list_.clear();
    bool failed = false;
    for (const uint32_t id : wait) {
      const EventObject* object = events_.find(id);
      if (object == nullptr) return CL_INVALID_EVENT_WAIT_LIST;
      failed = failed || object->event == nullptr;
      wait_list_.push_back(object->event);
      if (blocked_.any()) BlockedWork::gather(object->block, enqueue.blocks);
    }
    if (failed) return CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    enqueue.wait = wait_list_.data();
    enqueue.wait_count = static_cast<cl_uint>(wait_list_.size());
    cover_hidden(*enqueue.queue);  // else nobody could tell whether it runs or this one waits
  }
  if (blocked_.any()) {
    const QueueObject& its = *enqueue.queue;
    BlockedWork::gather(its.in_order ? its.block : its.barrier, enqueue.blocks);
  }
  QueueProgress& progress = *enqueue.queue->progress;
  const uint64_t commands = enqueue.queue->commands;
  if (commands - progress.completed() > kMostUnderWay) {
    calls_.clFlush(enqueue.queue->queue);
    progress.wait_below(commands, kResumeUnderWay, stop_);
    if (commands - progress.completed() > kRefuseUnderWay) return CL_OUT_OF_RESOURCES;
  }
  return CL_SUCCESS;
}

// Whoever waits for room in a queue must go on letting those begin that the limit of copies has held
// back. First of all: what the command then waits for may change by it.
void Connection::await_paced(QueueObject& queue) {
  constexpr uint64_t kLookNs = 2'000'000;
  constexpr uint64_t kPatienceNs = 100'000'000;
  QueueProgress& progress = *queue.progress;
  if (queue.commands - progress.completed() <= kMostUnderWay) return;
  calls_.clFlush(queue.queue);
  uint64_t seen = progress.completed();
  uint64_t begin = now_ns();
  while (paced_.any() && !stop_.load()) {
    release_paced(now_ns());
    if (progress.wait_below(queue.commands, kResumeUnderWay, stop_, kLookNs)) return;
    const uint64_t now = now_ns();
    if (progress.completed() != seen) begin = now;
    if (now - begin > kPatienceNs) return;
    seen = progress.completed();
  }
}

bool Connection::may_hide(const Enqueue& enqueue) {
  const QueueObject& queue = *enqueue.queue;
  const bool brief = enqueue.passed
                         ? queue.hidden_ns + enqueue.work.expected_ns < kMostHiddenNs
                         : queue.progress->average_ns() < kShortCommandNs;
  return brief && enqueue.blocks.empty() && queue.in_order && (queue.commands + 1) % kCheckpointEvery != 0 &&
         queue.commands - queue.evented < kMostHidden && ring_.launch_follows(enqueue.queue_id);
}

void Connection::record_event(Enqueue& enqueue, cl_int status) {
  if (enqueue.event_id == 0) return;
  EventObject* object = events_.insert(enqueue.event_id);
  if (object == nullptr) return;
  object->queue = enqueue.queue_id;
  if (enqueue.queue != nullptr) object->context_id = enqueue.queue->context_id;
  if (status != CL_SUCCESS || enqueue.event == nullptr) {
    object->error = status != CL_SUCCESS ? status : CL_OUT_OF_RESOURCES;
    return;
  }
  calls_.clRetainEvent(enqueue.event);
  object->event = enqueue.event;
  object->profiled = enqueue.queue->profiled;
  object->block = enqueue.block;
}

void Connection::finish_enqueue(Enqueue& enqueue, cl_int status,
                                const std::shared_ptr<const std::string>& kernel) {
  if (enqueue.queue != nullptr) enqueue.queue->last_status = status;
  settle(enqueue, status);
  record_event(enqueue, status);
  if (status != CL_SUCCESS) {
    publisher_->latch_queue_error(enqueue.queue_id, status);
    if (enqueue.queue != nullptr) enqueue.queue->progress->expect_command(enqueue.queue->commands);
    return;
  }
  QueueObject& queue = *enqueue.queue;
  if (enqueue.wait_count != 0) queue.waiting = queue.commands + 1;
  if (enqueue.event == nullptr) {
    queue.progress->begin_busy(++queue.commands);
    queue.hidden_kernel = kernel;
    hidden_ = &queue;
    hidden_number_ = queue.commands;
    return;
  }
  keep_event(queue, enqueue.event, kernel);
}

void Connection::keep_event(QueueObject& queue, cl_event event,
                            const std::shared_ptr<const std::string>& kernel) {
  const uint64_t number = ++queue.commands;
  queue.progress->begin_busy(number);
  OutstandingCommand command;
  command.event = event;
  command.number = number;
  command.hidden_before = static_cast<uint32_t>(number - queue.evented - 1);
  command.kernel = kernel;
  command.hidden_kernel = std::move(queue.hidden_kernel);
  queue.progress->add(std::move(command));
  queue.evented = number;
  if (queue.hidden_ns != 0) context_.gate->cover(*queue.lane, event);
  queue.hidden_ns = 0;
  if (hidden_ == &queue) hidden_ = nullptr;
  context_.watchdog.arm();
  if (number % kCheckpointEvery != 0) return;
  if (queue.in_order) {
    queue.progress->publish_after(number, 0);
  } else if (add_marker(queue)) {
    queue.progress->publish_after(queue.commands, 0);
  }
}

bool Connection::add_marker(QueueObject& queue) {
  cl_event event = nullptr;
  const cl_int status = calls_.clEnqueueMarkerWithWaitList(queue.queue, 0, nullptr, &event);
  if (status != CL_SUCCESS || event == nullptr) return false;
  keep_event(queue, event, nullptr);
  return true;
}

void Connection::cover_hidden(QueueObject& queue) {
  if (hidden_ != &queue) return;
  hidden_ = nullptr;
  if (queue.evented != queue.commands) add_marker(queue);
}

// What waits for a user event may fail, and with it all that comes after it.
bool Connection::can_publish_inside(const QueueObject& queue) const {
  return queue.in_order && context_.driver.native_kernels &&
         queue.waiting <= queue.progress->completed();
}

void Connection::on(const MarkerCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  if (status == CL_SUCCESS) {
    if (command.wait.empty()) BlockedWork::gather(enqueue.queue->block, enqueue.blocks);
    status = calls_.clEnqueueMarkerWithWaitList(enqueue.queue->queue, enqueue.wait_count,
                                                enqueue.wait, &enqueue.event);
  }
  finish_enqueue(enqueue, status);
}

void Connection::on(const BarrierCommand& command) {
  Enqueue enqueue;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  if (status == CL_SUCCESS) {
    if (command.wait.empty()) BlockedWork::gather(enqueue.queue->block, enqueue.blocks);
    status = calls_.clEnqueueBarrierWithWaitList(enqueue.queue->queue, enqueue.wait_count,
                                                 enqueue.wait, &enqueue.event);
  }
  finish_enqueue(enqueue, status);
  if (enqueue.block != nullptr) enqueue.queue->barrier = enqueue.block;
}

void Connection::on(const FlushCommand& command) {
  if (QueueObject* queue = queues_.find(command.queue)) calls_.clFlush(queue->queue);
}

void Connection::on(const SyncCommand& command) {
  if (!closing_queues_.empty()) release_ended_queues();
  if (QueueObject* queue = queues_.find(command.queue)) {
    cover_hidden(*queue);
    return sync(*queue, command.sequence);
  }
  const bool known = command.queue < queue_slots_.size();
  const auto released = known ? queue_slots_[command.queue] : nullptr;
  if (released == nullptr) {
    return publisher_->latch_queue_error(command.queue, CL_INVALID_COMMAND_QUEUE);
  }
  for (QueueObject& closing : closing_queues_) {
    if (closing.progress == released) return sync(closing, command.sequence);
  }
  released->reached(command.sequence, released->completed(), CL_COMPLETE);
}

void Connection::sync(QueueObject& queue, uint64_t sequence) {
  QueueProgress& progress = *queue.progress;
  if (queue.commands == progress.completed()) {
    progress.reached(sequence, queue.commands, CL_COMPLETE);
  } else if ((queue.in_order && queue.evented == queue.commands) || add_marker(queue)) {
    if (!can_publish_inside(queue) ||
        !progress.publish_inside(queue.queue, queue.commands, sequence)) {
      progress.publish_after(queue.commands, sequence);
      progress.expect(poll_, queue.commands, sequence);
    }
  } else {
    finish_aside(queue, sequence);
  }
  calls_.clFlush(queue.queue);
}

void Connection::finish_aside(QueueObject& queue, uint64_t sequence) {
  using Queue = std::remove_pointer_t<cl_command_queue>;
  const cl_icd_dispatch& calls = calls_;
  calls.clRetainCommandQueue(queue.queue);
  const std::shared_ptr<Queue> kept(
      queue.queue, [&calls](cl_command_queue handle) { calls.clReleaseCommandQueue(handle); });
  const auto finish = [&calls, kept, progress = queue.progress, number = queue.commands, sequence] {
    progress->reached(sequence, number, calls.clFinish(kept.get()));
  };
  if (builder_.add(finish)) return;
  queue.progress->reached(sequence, queue.commands, CL_OUT_OF_RESOURCES);
}

void Connection::on(const LastErrorCommand& command) {
  if (!check_reply(command.reply)) return;
  const QueueObject* queue = queues_.find(command.queue);
  replies_.answer(command.reply, queue != nullptr ? queue->last_status : CL_INVALID_COMMAND_QUEUE);
}

}  // namespace aliquot::worker
