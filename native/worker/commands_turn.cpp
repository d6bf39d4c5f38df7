// What device commands have to do with turns.
#include "worker/connection.h"

namespace aliquot::worker {

bool Connection::may_begin(Enqueue& enqueue, const std::shared_ptr<WorkCost>& cost,
                           uint64_t amount) {
  // One that is blocked begins when a user event gets its status.
  const bool asks = enqueue.queue->lane != nullptr && enqueue.blocks.empty();
  enqueue.work.cost = cost;
  enqueue.work.amount = amount;
  enqueue.work.waits = enqueue.wait_count != 0;
  enqueue.passed = asks && context_.gate->enter(enqueue.work, id_, stop_);
  if (!enqueue.passed && asks) return false;
  enqueue.queue->progress->begins(enqueue.queue->commands + 1);
  return true;
}

void Connection::settle(Enqueue& enqueue, cl_int status) {
  if (!enqueue.blocks.empty() && status == CL_SUCCESS) return note_block(enqueue);
  if (!enqueue.passed) return;
  if (status != CL_SUCCESS) return context_.gate->passed(enqueue.work);
  QueueObject& queue = *enqueue.queue;
  context_.gate->submitted(*queue.lane, enqueue.event, enqueue.work);
  queue.hidden_ns = enqueue.event == nullptr ? queue.hidden_ns + enqueue.work.expected_ns : 0;
}

void Connection::note_block(Enqueue& enqueue) {
  QueueObject& queue = *enqueue.queue;
  const bool computes = enqueue.work.cost != nullptr;
  if (queue.lane != nullptr) context_.gate->hold_up(*queue.lane);
  enqueue.block = blocked_.add(std::move(enqueue.blocks),
                               {computes ? queue.lane : nullptr, enqueue.event, enqueue.work});
  queue.block = queue.in_order ? enqueue.block : blocked_.join(queue.block, enqueue.block);
}

// What may begin with that needs a turn.
void Connection::set_user_event(EventObject& object, cl_int status) {
  if (object.resolved) return;
  object.resolved = true;
  std::vector<BlockedWork::Command> begun;
  if (object.block != nullptr) begun = blocked_.open(object.block);
  Work all;
  for (BlockedWork::Command& command : begun) {
    command.work.expected_ns = context_.gate->expected_ns(command.work);
    all.expected_ns += command.work.expected_ns;
  }
  const bool passed = !begun.empty() && context_.gate->enter(all, id_, stop_);
  calls_.clSetUserEventStatus(object.event, status);
  for (const BlockedWork::Command& command : begun) {
    context_.gate->begun(*command.lane, command.event, command.work);
    calls_.clReleaseEvent(command.event);
  }
  if (passed) context_.gate->passed(all);
  if (status == CL_COMPLETE) return;
  for_each_progress([](QueueProgress& progress) { progress.recheck(); });
}

void Connection::let_go(QueueObject& queue) {
  if (queue.lane != nullptr) context_.gate->close(queue.lane);
  calls_.clReleaseCommandQueue(queue.queue);
}

}  // namespace aliquot::worker
