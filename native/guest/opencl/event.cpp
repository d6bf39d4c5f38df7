// The life of an event; see event.h.
#include "guest/opencl/event.h"

#include "guest/counted_work.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

/// In an in-order queue the completion of a command is the end of all before it. (One that fails
/// because of its wait list may end before them.)
void note_completed(Queue& queue, uint64_t sequence) {
  if (!queue.in_order() || sequence == 0) return;
  uint64_t seen = queue.slot->completed.load(std::memory_order_relaxed);
  while (seen < sequence && !queue.slot->completed.compare_exchange_weak(
                                seen, sequence, std::memory_order_acq_rel)) {
  }
}

void take_times(Event& event) {
  const layout::EventSlot& slot = slot_of(event);
  if (slot.has_times == 0) return;
  event.times[0] = slot.queued;
  event.times[1] = slot.submitted;
  event.times[2] = slot.started;
  event.times[3] = slot.ended;
  event.has_times = true;
}

Event* make_event(Context& context, Queue* queue, cl_command_type type) {
  Event* event = make<Event>(context.connection);
  if (event == nullptr) return nullptr;
  event->context = &context;
  hold(context);
  event->queue = queue;
  if (queue != nullptr) hold(*queue);
  event->command_type = type;
  return event;
}

}  // namespace

void conclude(Event& event, cl_int status) {
  if (event.local_status.load(std::memory_order_acquire) <= CL_COMPLETE) return;
  if (event.connection->forked()) {
    event.local_status.store(status, std::memory_order_release);
    return;
  }
  if (event.queue != nullptr) {
    if (status == CL_COMPLETE) note_completed(*event.queue, event.sequence);
    if (memory_of(*event.connection).pending_reads.load(std::memory_order_acquire) != 0) {
      copy_out_for(event, status);
    }
  }
  EventState& state = events_of(*event.connection);
  state.ends_seen.fetch_add(1, std::memory_order_relaxed);
  if (status < 0) state.failures_seen.store(true, std::memory_order_relaxed);
  {
    LockGuard guard(event.lock);
    if (event.local_status.load(std::memory_order_relaxed) <= CL_COMPLETE) return;
    if (event.queue != nullptr && event.watched.load(std::memory_order_relaxed)) take_times(event);
    event.local_status.store(status, std::memory_order_seq_cst);
  }
  if (event.sleepers.load(std::memory_order_seq_cst) != 0) {
    futex_wake(event.local_status, INT32_MAX);
  }
  run_callbacks(event, status);
}

cl_int peek_status(const Event& event) {
  const cl_int own = event.local_status.load(std::memory_order_acquire);
  if (own <= CL_COMPLETE || event.queue == nullptr) return own;
  const bool dead = event.connection->dead();
  if (event.watched.load(std::memory_order_acquire)) {
    const cl_int seen = slot_of(event).status.load(std::memory_order_acquire);
    if (seen <= CL_COMPLETE) return seen;
    if (!dead) return seen == layout::kEventPending ? own : seen;
  } else if (event.sequence != 0 &&
             event.queue->slot->completed.load(std::memory_order_acquire) >= event.sequence &&
             !events_of(*event.connection).failures_seen.load(std::memory_order_relaxed)) {
    return CL_COMPLETE;
  }
  return dead ? CL_OUT_OF_RESOURCES : own;
}

cl_int event_status(Event& event) {
  const cl_int status = peek_status(event);
  if (status > CL_COMPLETE || event.queue == nullptr) return status;
  conclude(event, status);
  return event.local_status.load(std::memory_order_acquire);
}

void watch_event(Event& event, uint32_t levels) {
  if (event.id == 0 || event.queue == nullptr) return;
  LockGuard guard(event.lock);
  const bool first = !event.watched.load(std::memory_order_relaxed);
  const uint32_t missing = levels & ~event.watch_levels;
  if (!first && missing == 0) return;
  if (first) {
    layout::EventSlot& slot = slot_of(event);
    slot.waiters.store(0, std::memory_order_relaxed);
    slot.has_times = 0;
    slot.status.store(layout::kEventPending, std::memory_order_release);
    // Before the command is sent: whoever hears of the event looks at its slot.
    event.watched.store(true, std::memory_order_release);
  }
  WatchEventCommand command{};
  command.event = event.id;
  command.notify = missing != 0 ? 1 : 0;
  command.levels = missing;
  if (!send(*event.connection, command)) return;
  event.watch_levels |= missing;
}

void await_publication(Event& event) {
  if (event.id == 0 || event.queue == nullptr) return;
  watch_event(event, 0);
  if (!event.watched.load(std::memory_order_acquire)) return;
  Connection& connection = *event.connection;
  layout::EventSlot& slot = slot_of(event);
  wait_until(
      connection.queue_spin,
      [&] { return slot.status.load(std::memory_order_acquire) != layout::kEventPending; },
      [&] {
        slot.waiters.store(1, std::memory_order_seq_cst);
        if (slot.status.load(std::memory_order_seq_cst) == layout::kEventPending) {
          futex_wait(slot.status, layout::kEventPending, kSliceMs);
        }
      },
      [&] { return connection.check_alive(); }, Counted{connection.times, Reason::kAnswer});
}

void ask_again(Event& event) {
  WatchEventCommand again{};
  again.event = event.id;
  send(*event.connection, again);
}

void probe_event(Event& event) {
  if (event.id == 0 || event.queue == nullptr) return;
  if (!event.watched.load(std::memory_order_acquire)) return await_publication(event);
  if (slot_of(event).status.load(std::memory_order_acquire) <= CL_COMPLETE) return;
  ask_again(event);
  // The answer to the next question comes after the publication.
  LastErrorCommand fence{};
  fence.queue = event.queue->id;
  ReplyWait reply(*event.connection);
  ask(*event.connection, reply, fence);
}

namespace {

/// Another thread sets the status.
cl_int wait_user_event(Event& event) {
  for (;;) {
    cl_int status = event.local_status.load(std::memory_order_acquire);
    if (status <= CL_COMPLETE) return status;
    event.sleepers.fetch_add(1, std::memory_order_seq_cst);
    status = event.local_status.load(std::memory_order_seq_cst);
    if (status > CL_COMPLETE) futex_wait(event.local_status, status, kSliceMs);
    event.sleepers.fetch_sub(1, std::memory_order_relaxed);
    if (event.local_status.load(std::memory_order_acquire) > CL_COMPLETE &&
        !event.connection->check_alive()) {
      return CL_OUT_OF_RESOURCES;
    }
  }
}

}  // namespace

cl_int wait_event(Event& event) {
  const cl_int known = event_status(event);
  if (known <= CL_COMPLETE) return known;
  if (event.queue == nullptr) return wait_user_event(event);
  Connection& connection = *event.connection;
  watch_event(event, 0);
  layout::EventSlot& slot = slot_of(event);
  const bool ended =
      event.watched.load(std::memory_order_acquire) &&
      wait_until(
          connection.queue_spin,
          [&] { return slot.status.load(std::memory_order_acquire) <= CL_COMPLETE; },
          [&] {
            slot.waiters.store(1, std::memory_order_seq_cst);
            const cl_int seen = slot.status.load(std::memory_order_seq_cst);
            if (seen > CL_COMPLETE) futex_wait(slot.status, seen, kSliceMs);
            if (events_of(connection).failures_seen.load(std::memory_order_relaxed) &&
                slot.status.load(std::memory_order_acquire) > CL_COMPLETE) {
              ask_again(event);
            }
          },
          [&] { return connection.check_alive(); },
          CountedWork{connection.times, *event.queue->slot, slot.told_ns});
  conclude(event, ended ? slot.status.load(std::memory_order_acquire) : CL_OUT_OF_RESOURCES);
  return event.local_status.load(std::memory_order_acquire);
}

Event* new_command_event(Queue& queue, cl_command_type type) {
  Event* event = make_event(*queue.context, &queue, type);
  if (event == nullptr) return nullptr;
  event->id = take_id(*queue.connection, Kind::kEvent);
  if (event->id == 0) {
    release_lingering(*queue.connection);
    event->id = take_id(*queue.connection, Kind::kEvent);
  }
  if (event->id == 0) {
    release(*event);
    return nullptr;
  }
  return event;
}

void discard_command_event(Event& event) {
  if (event.id != 0) {
    LockGuard guard(event.connection->lock());
    event.connection->ids[static_cast<size_t>(Kind::kEvent)].give_back(event.id);
    event.id = 0;
  }
  event.local_status.store(CL_OUT_OF_RESOURCES, std::memory_order_relaxed);
  release(event);
}

void hand_out_sent(Event& event, cl_int status, cl_event* wanted) {
  if (status == CL_SUCCESS) {
    *wanted = to_handle(&event);
  } else if (event.sequence == 0) {
    discard_command_event(event);
  } else {
    release(event);
  }
}

Event* new_local_event(Queue& queue, cl_command_type type) {
  Event* event = make_event(*queue.context, &queue, type);
  if (event != nullptr) event->local_status.store(CL_COMPLETE, std::memory_order_relaxed);
  return event;
}

void release_lingering(Connection& connection) {
  EventState& state = events_of(connection);
  if (state.lingering.empty()) return;  // only a hint: read without the lock
  LockGuard guard(state.lock);
  for (size_t i = 0; i < state.lingering.size();) {
    const uint32_t id = state.lingering[i];
    const cl_int status =
        connection.memory().events[id - 1].status.load(std::memory_order_acquire);
    if (status > CL_COMPLETE && !connection.dead()) {
      i++;
      continue;
    }
    state.lingering.remove_unordered(i);
    release_remote(connection, Kind::kEvent, id);
  }
}

void finalize(Event& event) {
  Connection& connection = *event.connection;
  if (event.id != 0) {
    const bool may_be_written =
        event.watched.load(std::memory_order_acquire) &&
        slot_of(event).status.load(std::memory_order_acquire) > CL_COMPLETE && !connection.dead();
    bool kept = false;
    if (may_be_written) {
      EventState& state = events_of(connection);
      release_lingering(connection);
      LockGuard guard(state.lock);
      kept = state.lingering.push_back(event.id);
    }
    // Without memory for the note the id is lost rather than used twice.
    if (!may_be_written) release_remote(connection, Kind::kEvent, event.id);
    static_cast<void>(kept);
  }
  if (event.queue != nullptr) unhold(*event.queue);
  unhold(*event.context);
}

void free_memory(Event& event) {
  event.~Event();
  free(&event);
}

bool attach_events(Connection& connection) {
  void* memory = malloc(sizeof(EventState));
  if (memory == nullptr) return false;
  state_of(connection).events = new (memory) EventState(connection);
  return attach_transfers(connection);
}

}  // namespace aliquot::guest::opencl
