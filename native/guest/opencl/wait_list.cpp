// Wait lists: what a command must wait for, and waiting for it on the host.
#include "generated/opencl_functions.h"
#include "guest/opencl/event.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostWaits = 4096;  // of one command, as in commands.toml

}  // namespace

cl_int collect_wait_list(Context& context, cl_uint count, const cl_event* list, WaitList* out) {
  if ((count == 0) != (list == nullptr)) return CL_INVALID_EVENT_WAIT_LIST;
  for (cl_uint i = 0; i < count; i++) {
    Event* event = from_handle<Event>(list[i]);
    if (event == nullptr) return CL_INVALID_EVENT_WAIT_LIST;
    if (event->context != &context) return CL_INVALID_CONTEXT;
  }
  // Where errors travel along wait lists, it is worth asking who has failed by now.
  const bool failures =
      events_of(*context.connection).failures_seen.load(std::memory_order_relaxed);
  for (cl_uint i = 0; i < count; i++) {
    Event& event = *from_handle<Event>(list[i]);
    cl_int status = event_status(event);
    if (status > CL_COMPLETE && event.queue != nullptr && failures) {
      probe_event(event);
      status = event_status(event);
    }
    if (status == CL_COMPLETE) continue;
    if (status < 0) {
      // The command will not be sent, whatever else it waits for.
      out->failed = true;
      continue;
    }
    if (event.queue == nullptr || event.gated) out->gated = true;
    uint32_t id = event.id;
    if (event.queue == nullptr) {
      const cl_int error = ensure_user_event(event, &id);
      if (error != CL_SUCCESS) return error;
    } else if (out->ids.size() == kMostWaits) {
      // More than one command can name. The host waits for this one, unless that could be a deadlock.
      if (event.gated && gates_unset(*context.connection)) return CL_OUT_OF_RESOURCES;
      if (wait_event(event) < 0) out->failed = true;
      continue;
    }
    if (id == 0) continue;
    if (out->ids.size() == kMostWaits) return CL_OUT_OF_RESOURCES;
    if (!out->ids.push_back(id)) return CL_OUT_OF_HOST_MEMORY;
  }
  return CL_SUCCESS;
}

cl_int wait_for_list(cl_uint count, const cl_event* list) {
  bool failed = false;
  for (cl_uint i = 0; i < count; i++) {
    Event& event = *from_handle<Event>(list[i]);
    if (wait_event(event) < 0) failed = true;
    if (event.connection->dead()) return CL_OUT_OF_RESOURCES;
  }
  return failed ? CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST : CL_SUCCESS;
}

cl_int CL_API_CALL WaitForEvents(cl_uint count, const cl_event* list) {
  if (count == 0 || list == nullptr) return CL_INVALID_VALUE;
  Event* first = nullptr;
  for (cl_uint i = 0; i < count; i++) {
    Event* event = from_handle<Event>(list[i]);
    if (event == nullptr) return CL_INVALID_EVENT;
    if (first == nullptr) first = event;
    if (event->context != first->context) return CL_INVALID_CONTEXT;
  }
  Connection& connection = *first->connection;
  if (connection.dead()) return CL_OUT_OF_RESOURCES;
  // All are watched before the first is waited for, so that the worker has them at hand.
  for (cl_uint i = 0; i < count; i++) {
    Event& event = *from_handle<Event>(list[i]);
    if (event_status(event) > CL_COMPLETE) watch_event(event, 0);
  }
  const cl_int result = wait_for_list(count, list);
  settle_all(connection);
  drain_print(connection);
  return result;
}

}  // namespace aliquot::guest::opencl
