// Queries of events, and their reference counts.
#include "generated/opencl_functions.h"
#include "guest/opencl/event.h"
#include "guest/opencl/info.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

cl_int CL_API_CALL RetainEvent(cl_event handle) {
  Event* event = from_handle<Event>(handle);
  if (event == nullptr) return CL_INVALID_EVENT;
  retain(*event);
  return CL_SUCCESS;
}

cl_int CL_API_CALL ReleaseEvent(cl_event handle) {
  Event* event = from_handle<Event>(handle);
  if (event == nullptr || !release(*event)) return CL_INVALID_EVENT;
  return CL_SUCCESS;
}

namespace {

/// The status as a native driver would tell it: asks the worker wherever what is known here may be
/// behind. An event that is watched is asked about once after each end that was seen, so a program
/// that polls one event does so without messages.
cl_int fresh_status(Event& event) {
  const cl_int known = event_status(event);
  if (known <= CL_COMPLETE || event.queue == nullptr) return known;
  EventState& state = events_of(*event.connection);
  const uint32_t ends = state.ends_seen.load(std::memory_order_relaxed);
  const bool watched = event.watched.load(std::memory_order_relaxed);
  if (watched && !state.failures_seen.load(std::memory_order_relaxed) &&
      event.probed_at.load(std::memory_order_relaxed) == ends) {
    return known;
  }
  event.probed_at.store(ends, std::memory_order_relaxed);
  probe_event(event);
  return event_status(event);
}

/// Whoever is told that a command has ended may use the memory that earlier reads fill.
cl_int told_status(Event& event) {
  const cl_int status = fresh_status(event);
  if (status == CL_COMPLETE) copy_out_ended(*event.connection);
  return status;
}

}  // namespace

cl_int CL_API_CALL GetEventInfo(cl_event handle, cl_event_info parameter, size_t room, void* value,
                                size_t* size_ret) {
  Event* event = from_handle<Event>(handle);
  if (event == nullptr) return CL_INVALID_EVENT;
  const InfoTarget target{room, value, size_ret};
  switch (parameter) {
    case CL_EVENT_COMMAND_QUEUE:
      return target.value_of(event->queue == nullptr ? cl_command_queue{nullptr}
                                                     : to_handle(event->queue));
    case CL_EVENT_CONTEXT:
      return target.value_of(to_handle(event->context));
    case CL_EVENT_COMMAND_TYPE:
      return target.value_of(event->command_type);
    case CL_EVENT_REFERENCE_COUNT:
      return target.value_of(cl_uint{event->references.load(std::memory_order_relaxed)});
    case CL_EVENT_COMMAND_EXECUTION_STATUS:
      return target.value_of(told_status(*event));
    default:
      return CL_INVALID_VALUE;
  }
}

namespace {

/// Whether the four times are there; asks the worker for those of an event that has ended unseen.
bool have_times(Event& event) {
  if (event.has_times) return true;
  if (event.id == 0 || event.connection->forked() || event_status(event) < 0) return false;
  await_publication(event);
  if (fresh_status(event) != CL_COMPLETE) return false;
  const layout::EventSlot& slot = slot_of(event);
  // The sequence may have told of the end before the slot did.
  while (slot.status.load(std::memory_order_acquire) > CL_COMPLETE) {
    futex_wait(slot.status, slot.status.load(std::memory_order_relaxed), 1);
    if (!event.connection->check_alive()) return false;
  }
  LockGuard guard(event.lock);
  if (!event.has_times && slot.has_times != 0) {
    event.times[0] = slot.queued;
    event.times[1] = slot.submitted;
    event.times[2] = slot.started;
    event.times[3] = slot.ended;
    event.has_times = true;
  }
  return event.has_times;
}

}  // namespace

cl_int CL_API_CALL GetEventProfilingInfo(cl_event handle, cl_profiling_info parameter, size_t room,
                                         void* value, size_t* size_ret) {
  Event* event = from_handle<Event>(handle);
  if (event == nullptr) return CL_INVALID_EVENT;
  if (event->queue == nullptr || !event->queue->profiling()) {
    return CL_PROFILING_INFO_NOT_AVAILABLE;
  }
  size_t which;
  switch (parameter) {
    case CL_PROFILING_COMMAND_QUEUED: which = 0; break;
    case CL_PROFILING_COMMAND_SUBMIT: which = 1; break;
    case CL_PROFILING_COMMAND_START: which = 2; break;
    case CL_PROFILING_COMMAND_END:
    case CL_PROFILING_COMMAND_COMPLETE: which = 3; break;
    default: return CL_INVALID_VALUE;
  }
  if (!have_times(*event)) return CL_PROFILING_INFO_NOT_AVAILABLE;
  return InfoTarget{room, value, size_ret}.value_of(cl_ulong{event->times[which]});
}

}  // namespace aliquot::guest::opencl
