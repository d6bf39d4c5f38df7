// What device commands have to do with turns.
#include "worker/connection.h"

namespace aliquot::worker {

bool Connection::may_begin(Enqueue& enqueue, const std::shared_ptr<WorkCost>& cost,
                           uint64_t amount) {
  if (enqueue.queue->lane == nullptr) return true;
  enqueue.work.cost = cost;
  enqueue.work.amount = amount;
  enqueue.work.waits = enqueue.wait_count != 0;
  enqueue.passed = context_.gate->enter(enqueue.work, id_, stop_);
  return enqueue.passed;
}

void Connection::settle(Enqueue& enqueue, cl_int status) {
  if (!enqueue.passed) return;
  if (status != CL_SUCCESS) return context_.gate->passed(enqueue.work);
  QueueObject& queue = *enqueue.queue;
  context_.gate->submitted(*queue.lane, enqueue.event, enqueue.work);
  queue.hidden_ns = enqueue.event == nullptr ? queue.hidden_ns + enqueue.work.expected_ns : 0;
}

void Connection::let_go(QueueObject& queue) {
  if (queue.lane != nullptr) context_.gate->close(queue.lane);
  calls_.clReleaseCommandQueue(queue.queue);
}

}  // namespace aliquot::worker
