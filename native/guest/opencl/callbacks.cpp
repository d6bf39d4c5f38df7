// The helper thread: one a connection, started at first need. It reads the notification ring,
// concludes the events named there and runs every callback that the program registered, so that a
// callback never runs inside a call of the program's own threads. Once the connection is dead and
// nothing is left to be run, the thread ends; should anything come after all, another one starts.
#include <pthread.h>
#include <signal.h>

#include "generated/opencl_functions.h"
#include "guest/opencl/event.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr int kIdleMs = 60'000;  // nothing is awaited from the worker: no reason to look at it

void run_event_callback(void* first, void* second) {
  Event* event = static_cast<Event*>(first);
  EventCallback* callback = static_cast<EventCallback*>(second);
  if (callback->level == CL_COMPLETE) copy_out_ended(*event->connection);
  callback->function(to_handle(event), callback->level, callback->user_data);
  free(callback);
  unhold(*event);
}

void push_job_locked(EventState& state, HelperJob* job) {
  job->next = nullptr;
  if (state.last_job == nullptr) state.first_job = job;
  else state.last_job->next = job;
  state.last_job = job;
}

/// False: the job was not taken.
bool queue_job(EventState& state, void (*function)(void*, void*), void* first, void* second) {
  HelperJob* job = static_cast<HelperJob*>(malloc(sizeof(HelperJob)));
  if (job == nullptr) return false;
  job->function = function;
  job->first = first;
  job->second = second;
  {
    LockGuard guard(state.lock);
    if (!start_helper_locked(state)) {
      free(job);
      return false;
    }
    push_job_locked(state, job);
  }
  wake_helper(state);
  return true;
}

bool run_one_job(EventState& state) {
  HelperJob* job;
  {
    LockGuard guard(state.lock);
    job = state.first_job;
    if (job == nullptr) return false;
    state.first_job = job->next;
    if (state.first_job == nullptr) state.last_job = nullptr;
  }
  job->function(job->first, job->second);
  free(job);
  return true;
}

/// The event with callbacks that has this id, held; nullptr: none.
Event* take_called_back(EventState& state, uint32_t id) {
  LockGuard guard(state.lock);
  if (state.called_back == nullptr || id == 0 || id > layout::kEventSlots) return nullptr;
  Event* event = state.called_back[id - 1];
  if (event != nullptr) hold(*event);
  return event;
}

/// The worker said something of the event with this id. Whether of this event, only the slot knows:
/// the entry may have been on its way still when the id's last event was seen to have ended and was
/// released, and the id was given out again.
void look_at(Event& event) {
  const cl_int status = event_status(event);
  if (status > CL_COMPLETE && status != CL_QUEUED) run_callbacks(event, status);
}

bool read_notifications(EventState& state) {
  layout::ConnectionMemory& memory = state.connection.memory();
  layout::Control& control = memory.control;
  uint64_t head = control.notify_head.load(std::memory_order_relaxed);
  uint64_t tail = control.notify_tail.load(std::memory_order_acquire);
  bool any = false;
  if (tail - head > layout::kNotifyEntries) head = tail;  // a faulty worker: what it says is void
  for (; head != tail; head++) {
    const uint64_t entry =
        memory.notifications[head % layout::kNotifyEntries].load(std::memory_order_relaxed);
    control.notify_head.store(head + 1, std::memory_order_release);
    any = true;
    Event* event = take_called_back(state, static_cast<uint32_t>(entry));
    if (event == nullptr) continue;
    look_at(*event);
    unhold(*event);
  }
  return any;
}

/// After an overflow, or when the connection died: looks at every event that is waited for. `ask`:
/// and has the worker look at those that have not ended (see probe_event).
void look_at_all(EventState& state, bool ask) {
  uint32_t limit;
  {
    LockGuard guard(state.lock);
    limit = state.called_back_limit;
  }
  for (uint32_t id = 1; id < limit; id++) {
    Event* event = take_called_back(state, id);
    if (event == nullptr) continue;
    look_at(*event);
    if (ask && event->local_status.load(std::memory_order_acquire) > CL_COMPLETE) {
      ask_again(*event);
    }
    unhold(*event);
  }
}

/// Whether nobody needs the helper any more; then it is noted that there is none.
bool helper_may_end(EventState& state) {
  if (!state.connection.dead()) return false;
  LockGuard guard(state.lock);
  if (state.first_job != nullptr || state.called_back_count != 0) return false;
  state.helper_runs = false;
  return true;
}

void* helper_main(void* argument) {
  EventState& state = *static_cast<EventState*>(argument);
  layout::Control& control = state.connection.memory().control;
  for (;;) {
    const uint32_t seen = control.notify_count.load(std::memory_order_acquire);
    bool any = read_notifications(state);
    if (control.notify_overflow.load(std::memory_order_relaxed) != 0 &&
        control.notify_overflow.exchange(0, std::memory_order_acq_rel) != 0) {
      look_at_all(state, false);
      any = true;
    }
    while (run_one_job(state)) any = true;
    if (any) continue;
    if (helper_may_end(state)) return nullptr;
    uint32_t awaited;
    {
      LockGuard guard(state.lock);
      awaited = state.called_back_count;
    }
    futex_wait(control.notify_count, seen, awaited != 0 ? kSliceMs : kIdleMs);
    if (awaited == 0) continue;
    const bool failures = state.failures_seen.load(std::memory_order_relaxed);
    if (!state.connection.check_alive() || failures) look_at_all(state, failures);
  }
  return nullptr;
}

}  // namespace

bool start_helper_locked(EventState& state) {
  if (state.helper_runs) return true;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pthread_t thread;
  state.helper_runs = pthread_create(&thread, &attributes, helper_main, &state) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return state.helper_runs;
}

void wake_helper(EventState& state) {
  std::atomic<uint32_t>& word = state.connection.memory().control.notify_count;
  word.fetch_add(1, std::memory_order_acq_rel);
  futex_wake(word, 1);
}

void run_on_helper(void (*function)(void* first, void* second), void* first, void* second) {
  Connection* connection = Connection::get();
  if (connection == nullptr || connection->forked() ||
      !queue_job(events_of(*connection), function, first, second)) {
    function(first, second);
  }
}

bool expect_notification_locked(Event& event) {
  EventState& state = events_of(*event.connection);
  LockGuard guard(state.lock);
  if (state.called_back == nullptr) {
    state.called_back = static_cast<Event**>(calloc(layout::kEventSlots, sizeof(Event*)));
    if (state.called_back == nullptr) return false;
  }
  if (!start_helper_locked(state)) return false;
  Event*& entry = state.called_back[event.id - 1];
  if (entry == nullptr) state.called_back_count++;
  entry = &event;
  if (event.id >= state.called_back_limit) state.called_back_limit = event.id + 1;
  event.notifies = true;
  return true;
}

namespace {

/// The event lock must be held.
void forget_notification_locked(Event& event) {
  if (!event.notifies) return;
  event.notifies = false;
  EventState& state = events_of(*event.connection);
  LockGuard guard(state.lock);
  state.called_back[event.id - 1] = nullptr;
  state.called_back_count--;
}

}  // namespace

void run_callbacks(Event& event, cl_int status) {
  EventCallback* reached = nullptr;
  {
    LockGuard guard(event.lock);
    if (event.callbacks == nullptr) return;
    EventCallback** link = &event.callbacks;
    while (*link != nullptr) {
      EventCallback* callback = *link;
      if (callback->level < status) {
        link = &callback->next;
        continue;
      }
      *link = callback->next;
      callback->next = reached;
      reached = callback;
    }
    if (event.callbacks == nullptr) forget_notification_locked(event);
  }
  EventState& state = events_of(*event.connection);
  // In the order of the levels: submitted before running before complete.
  for (cl_int level = CL_SUBMITTED; level >= CL_COMPLETE; level--) {
    for (EventCallback** link = &reached; *link != nullptr;) {
      EventCallback* callback = *link;
      if (callback->level != level) {
        link = &callback->next;
        continue;
      }
      *link = callback->next;
      if (status < 0) callback->level = status;
      if (!queue_job(state, run_event_callback, &event, callback)) {
        run_event_callback(&event, callback);
      }
    }
  }
}

cl_int CL_API_CALL SetEventCallback(cl_event handle, cl_int level, EventNotify function,
                                    void* user_data) {
  Event* event = from_handle<Event>(handle);
  if (event == nullptr) return CL_INVALID_EVENT;
  if (function == nullptr || level < CL_COMPLETE || level > CL_SUBMITTED) return CL_INVALID_VALUE;
  if (event->connection->forked()) return CL_OUT_OF_RESOURCES;
  EventCallback* callback = static_cast<EventCallback*>(malloc(sizeof(EventCallback)));
  if (callback == nullptr) return CL_OUT_OF_HOST_MEMORY;
  *callback = {nullptr, function, user_data, level};
  event_status(*event);
  hold(*event);
  const bool local = event->queue == nullptr;
  cl_int status;
  {
    LockGuard guard(event->lock);
    status = event->local_status.load(std::memory_order_relaxed);
    if (status > CL_COMPLETE && !local && !expect_notification_locked(*event)) {
      free(callback);
      callback = nullptr;
    } else {
      callback->next = event->callbacks;
      event->callbacks = callback;
    }
  }
  if (callback == nullptr) {
    unhold(*event);
    return CL_OUT_OF_HOST_MEMORY;
  }
  if (status <= CL_COMPLETE || local) {
    run_callbacks(*event, status);  // what isn't reached yet, clSetUserEventStatus will find
    return CL_SUCCESS;
  }
  watch_event(*event, 1u << static_cast<uint32_t>(level));
  return CL_SUCCESS;
}

}  // namespace aliquot::guest::opencl
