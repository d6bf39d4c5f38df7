#include "worker/completion_poll.h"

#include "worker/queue_progress.h"

namespace aliquot::worker {

void CompletionPoll::hold(cl_event event) {
  forget();
  calls_.clRetainEvent(event);
  event_ = event;
}

void CompletionPoll::expect(cl_event event, std::shared_ptr<QueueProgress> progress,
                            uint64_t number, uint64_t sequence) {
  hold(event);
  progress_ = std::move(progress);
  number_ = number;
  sequence_ = sequence;
}

void CompletionPoll::expect(cl_event event, std::shared_ptr<EventWatch> watch) {
  hold(event);
  watch_ = std::move(watch);
}

bool CompletionPoll::look() {
  if (event_ == nullptr) return false;
  cl_int status = CL_QUEUED;
  const cl_int error = calls_.clGetEventInfo(event_, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                             sizeof status, &status, nullptr);
  if (error == CL_SUCCESS && status > CL_COMPLETE) return false;
  // A failed event needs more than this: it may have ended before those that came earlier.
  const bool came = error == CL_SUCCESS && status == CL_COMPLETE;
  if (came) {
    calls_.clWaitForEvents(1, &event_);  // at once; unlike the query it is a synchronization point
    if (progress_ != nullptr) progress_->reached(sequence_, number_, CL_COMPLETE);
    if (watch_ != nullptr) watch_->completed(event_);
  }
  forget();
  return came;
}

void CompletionPoll::forget() {
  if (event_ == nullptr) return;
  calls_.clReleaseEvent(event_);
  event_ = nullptr;
  progress_.reset();
  watch_.reset();
}

}  // namespace aliquot::worker
