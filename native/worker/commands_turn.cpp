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
  enqueue.queue->progress->expect_command(enqueue.queue->commands + 1);
  enqueue.passed = asks && context_.gate->enter(enqueue.work, id_, stop_);
  if (!enqueue.passed && asks) return false;
  enqueue.queue->progress->begins(enqueue.queue->commands + 1);
  return true;
}

bool Connection::may_copy(Enqueue& enqueue, const std::shared_ptr<WorkCost>& cost,
                          uint64_t bytes) {
  enqueue.work.copied_bytes = bytes;
  return pace(enqueue, bytes) && may_begin(enqueue, cost, bytes);
}

// Holds back what would go beyond the limit, and what comes after something that did. False: it can't
// be.
bool Connection::pace(Enqueue& enqueue, uint64_t bytes) {
  if (enqueue.queue->lane == nullptr) return true;
  CopyPacer& pacer = context_.gate->pacer();
  if (!pacer.limited() && !paced_.any()) return true;
  if (!paced_.any() && enqueue.blocks.empty() && pacer.begin(bytes, now_ns())) return true;
  cl_int status = CL_SUCCESS;
  const cl_event event = calls_.clCreateUserEvent(enqueue.queue->context, &status);
  if (event == nullptr) return false;
  cover_hidden(*enqueue.queue);  // else nobody could tell whether it runs or this one waits
  if (enqueue.wait_count == 0) wait_list_.clear();
  wait_list_.push_back(event);
  enqueue.wait = wait_list_.data();
  enqueue.wait_count = static_cast<cl_uint>(wait_list_.size());
  const BlockedWork::Handle block = blocked_.add_user_event();
  paced_.add({event, block, enqueue.blocks, bytes});
  enqueue.blocks.push_back(block);
  ring_.call_at(paced_.look_at(pacer, now_ns()));
  return true;
}

void Connection::release_paced(uint64_t now) {
  if (!paced_.any()) return ring_.call_at(0);
  CopyPacer& pacer = context_.gate->pacer();
  while (const auto copy = paced_.take(pacer, now)) {
    open_block(copy->block, copy->event, CL_COMPLETE);
    calls_.clReleaseEvent(copy->event);
  }
  ring_.call_at(paced_.look_at(pacer, now));
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
  open_block(object.block, object.event, status);
  if (paced_.any()) release_paced(now_ns());
}

void Connection::open_block(const BlockedWork::Handle& block, cl_event event, cl_int status) {
  std::vector<BlockedWork::Command> begun;
  if (block != nullptr) begun = blocked_.open(block);
  Work all;
  for (BlockedWork::Command& command : begun) {
    command.work.expected_ns = context_.gate->expected_ns(command.work);
    all.expected_ns += command.work.expected_ns;
  }
  // What fails uses no device. What will run does so in a turn, also for a guest process that is gone.
  static const std::atomic<bool> never{false};
  const std::atomic<bool>& stop = status == CL_COMPLETE ? never : stop_;
  const bool passed = !begun.empty() && context_.gate->enter(all, id_, stop);
  calls_.clSetUserEventStatus(event, status);
  for (const BlockedWork::Command& command : begun) {
    context_.gate->begun(*command.lane, command.event, command.work);
    calls_.clReleaseEvent(command.event);
  }
  if (passed) context_.gate->passed(all);
  if (status == CL_COMPLETE) return;
  for_each_progress([](QueueProgress& progress) { progress.recheck(); });
}

void Connection::fail_paced() {
  while (const auto copy = paced_.take()) {
    open_block(copy->block, copy->event, context_.driver.given_up_status);
    calls_.clReleaseEvent(copy->event);
  }
}

void Connection::let_go(QueueObject& queue) {
  queue.progress->set_gone();
  if (queue.lane != nullptr) context_.gate->close(queue.lane);
  calls_.clReleaseCommandQueue(queue.queue);
}

}  // namespace aliquot::worker
