// User events. They live in the guest driver; the worker learns of one when a command that waits
// for it is enqueued before it is set.
#include "generated/opencl_functions.h"
#include "guest/opencl/event.h"

namespace aliquot::guest::opencl {

cl_int ensure_user_event(Event& event, uint32_t* id) {
  LockGuard guard(event.lock);
  const cl_int status = event.local_status.load(std::memory_order_relaxed);
  *id = 0;
  if (status == CL_COMPLETE) return CL_SUCCESS;
  if (event.id == 0) {
    const uint32_t taken = take_id(*event.connection, Kind::kEvent);
    if (taken == 0) return CL_OUT_OF_RESOURCES;
    CreateUserEventCommand create{};
    create.event = taken;
    create.context = event.context->id;
    if (!send(*event.connection, create)) return CL_OUT_OF_RESOURCES;
    event.id = taken;
    if (status > CL_COMPLETE) {
      events_of(*event.connection).unset_gates.fetch_add(1, std::memory_order_relaxed);
    }
    if (status < 0) {
      // It failed before anybody waited; the worker's copy must fail whoever waits now.
      SetUserEventStatusCommand set{};
      set.event = taken;
      set.status = status;
      if (!send(*event.connection, set)) return CL_OUT_OF_RESOURCES;
    }
  }
  *id = event.id;
  return CL_SUCCESS;
}

cl_event CL_API_CALL CreateUserEvent(cl_context context_handle, cl_int* errcode_ret) {
  cl_int ignored;
  cl_int& error = errcode_ret != nullptr ? *errcode_ret : ignored;
  Context* context = from_handle<Context>(context_handle);
  if (context == nullptr) {
    error = CL_INVALID_CONTEXT;
    return nullptr;
  }
  if (context->connection->dead()) {
    error = CL_OUT_OF_RESOURCES;
    return nullptr;
  }
  Event* event = make<Event>(context->connection);
  if (event == nullptr) {
    error = CL_OUT_OF_HOST_MEMORY;
    return nullptr;
  }
  event->context = context;
  hold(*context);
  event->command_type = CL_COMMAND_USER;
  event->local_status.store(CL_SUBMITTED, std::memory_order_relaxed);
  error = CL_SUCCESS;
  return to_handle(event);
}

cl_int CL_API_CALL SetUserEventStatus(cl_event handle, cl_int status) {
  Event* event = from_handle<Event>(handle);
  if (event == nullptr || event->queue != nullptr) return CL_INVALID_EVENT;
  if (status > CL_COMPLETE) return CL_INVALID_VALUE;
  if (event->connection->forked()) return CL_OUT_OF_RESOURCES;
  // Whoever waits may release the event at once.
  hold(*event);
  if (status < 0) {
    events_of(*event->connection).failures_seen.store(true, std::memory_order_relaxed);
  }
  cl_int result = CL_SUCCESS;
  {
    LockGuard guard(event->lock);
    if (event->local_status.load(std::memory_order_relaxed) <= CL_COMPLETE) {
      result = CL_INVALID_OPERATION;
    } else {
      if (event->id != 0) {
        SetUserEventStatusCommand command{};
        command.event = event->id;
        command.status = status;
        // When the connection died in between, the program's own waiters still go on.
        if (!send(*event->connection, command)) result = CL_OUT_OF_RESOURCES;
        events_of(*event->connection).unset_gates.fetch_sub(1, std::memory_order_relaxed);
      }
      event->local_status.store(status, std::memory_order_seq_cst);
    }
  }
  if (result != CL_INVALID_OPERATION) {
    if (event->sleepers.load(std::memory_order_seq_cst) != 0) {
      futex_wake(event->local_status, INT32_MAX);
    }
    run_callbacks(*event, status);
  }
  unhold(*event);
  return result;
}

}  // namespace aliquot::guest::opencl
