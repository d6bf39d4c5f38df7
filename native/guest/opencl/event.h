// Events inside the guest driver: where their status comes from, and who runs their callbacks.
//
// A command's event costs nothing until somebody looks. Its status is, in this order:
//   1. `local_status`, once final: commands that the guest driver executed itself, user events, and
//      whatever was seen to end;
//   2. its slot in shared memory, once `watch_event` was sent;
//   3. its queue's completed sequence: the command has ended. Whether well is known only from the
//      slot, so this counts as success only while nothing on the connection ever failed.
// "To conclude" an event is to make its final status local: staged bytes are copied out first,
// profiling times are taken over, then waiters wake and callbacks run.
#pragma once

#include "guest/opencl/internal.h"

namespace aliquot::guest::opencl {

using EventNotify = void(CL_CALLBACK*)(cl_event, cl_int, void*);

/// One clSetEventCallback. Holds its event until it has run.
struct EventCallback {
  EventCallback* next;
  EventNotify function;
  void* user_data;
  cl_int level;  // CL_SUBMITTED, CL_RUNNING or CL_COMPLETE
};

/// Work for the helper thread.
struct HelperJob {
  HelperJob* next;
  void (*function)(void* first, void* second);
  void* first;
  void* second;
};

/// What a connection keeps for events. Its lock is taken under event locks, and only the
/// connection lock may be taken under it.
struct EventState {
  explicit EventState(Connection& of) : connection(of) {}

  Connection& connection;
  Lock lock;
  HelperJob* first_job = nullptr;
  HelperJob* last_job = nullptr;
  bool helper_runs = false;
  Event** called_back = nullptr;  // by id: events with callbacks that wait for the worker
  uint32_t called_back_count = 0;
  uint32_t called_back_limit = 0;  // ids at and above it have none

  // Ids of released events whose slot the worker may still write: its last write must be seen
  // before the id may be used again (connection_layout.h). Guarded by `lock`.
  Array<uint32_t> lingering;

  // Some event ended with an error: from then on a completed sequence alone proves no success.
  std::atomic<bool> failures_seen{false};

  // User events that the worker waits for: while there are any, a command behind one may depend on
  // what this very thread does next.
  std::atomic<uint32_t> unset_gates{0};

  // Counts the ends that were seen of commands, of any queue. What ends may have waited for a
  // command whose own slot still says otherwise: the driver begins the one before it tells of the
  // other.
  std::atomic<uint32_t> ends_seen{0};

  Lock print_lock;
};

inline EventState& events_of(Connection& connection) { return *state_of(connection).events; }

inline layout::EventSlot& slot_of(const Event& event) {
  return event.connection->memory().events[event.id - 1];
}

/// What is known without a message. CL_COMPLETE, a negative error, or a positive status.
cl_int peek_status(const Event& event);

/// The same; concludes the event where it has ended. CL_COMPLETE, a
/// negative error, or a positive status.
cl_int event_status(Event& event);

/// Waits for the end and concludes. CL_COMPLETE or the negative status; CL_OUT_OF_RESOURCES when
/// the connection died. No lock may be held.
cl_int wait_event(Event& event);

/// Asks the worker to publish the event's status (once); `levels` additionally through the
/// notification ring: bit 0 complete or error, bit 1 running, bit 2 submitted.
void watch_event(Event& event, uint32_t levels);

/// Watches the event and waits until its slot says something, however preliminary. For queries.
void await_publication(Event& event);

/// Has the worker publish where the event stands at this moment, and waits for that. Some drivers
/// never call back for an event that failed because of its wait list: then only this tells.
void probe_event(Event& event);
/// The same without waiting for the answer.
void ask_again(Event& event);

/// Makes `status` (final) the event's own. The first call counts.
void conclude(Event& event, cl_int status);

/// Takes the callbacks whose level is reached and queues them for the helper thread. Event lock
/// must not be held.
void run_callbacks(Event& event, cl_int status);

/// An event of a command that the guest driver has executed already. nullptr: no memory.
Event* new_local_event(Queue& queue, cl_command_type type);

/// Makes sure that the worker knows the user event, unless it is complete. `*id` 0: complete.
/// CL_SUCCESS, CL_OUT_OF_RESOURCES.
cl_int ensure_user_event(Event& event, uint32_t* id);

/// Enters the event into EventState::called_back and starts the helper; the event lock must be
/// held. It leaves by run_callbacks, with its last callback. False: no memory.
bool expect_notification_locked(Event& event);

/// Sends `release` for lingering events that have ended.
void release_lingering(Connection& connection);

/// Starts the helper thread unless it runs. EventState::lock must be held.
bool start_helper_locked(EventState& state);
/// Wakes the helper thread.
void wake_helper(EventState& state);

}  // namespace aliquot::guest::opencl
