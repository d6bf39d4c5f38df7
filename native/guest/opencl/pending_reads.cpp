// Staged reads whose bytes are still to be copied to the program's memory: by whom, and in which
// order, so that the program sees there what a driver that writes it directly would have left.
#include "generated/opencl_functions.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

/// Calls `look` with every pending read of the connection until it returns true.
template <class Look>
void look_at_reads(MemoryState& state, Look look) {
  LockGuard guard(state.lock);
  for (QueueTransfers* transfers = state.first_transfers; transfers != nullptr;
       transfers = transfers->next) {
    LockGuard inner(transfers->lock);
    for (PendingRead* read = transfers->first_read; read != nullptr; read = read->next) {
      if (look(*read)) return;
    }
  }
}

/// The status by now, asking the worker where that isn't known.
cl_int exact_status(Event& event) {
  const cl_int known = peek_status(event);
  if (known <= CL_COMPLETE) return known;
  probe_event(event);
  return peek_status(event);
}

/// Copies out the read that belongs to `event`, if it still must be.
void copy_out(Event& event, cl_int status) {
  Queue& queue = *event.queue;
  QueueTransfers* transfers = queue.transfers.load(std::memory_order_acquire);
  if (transfers == nullptr) return;
  PendingRead* found = nullptr;
  {
    LockGuard copying(transfers->copy_lock);
    {
      LockGuard guard(transfers->lock);
      for (found = transfers->first_read; found != nullptr; found = found->next) {
        if (found->event == &event) break;
      }
    }
    if (found == nullptr) return;  // another thread was here first
    if (status == CL_COMPLETE) unpack(*queue.connection, found->box, found->block.pointer);
    LockGuard guard(transfers->lock);
    PendingRead* before = nullptr;
    PendingRead** link = &transfers->first_read;
    while (*link != found) {
      before = *link;
      link = &(*link)->next;
    }
    *link = found->next;
    if (transfers->last_read == found) transfers->last_read = before;
    memory_of(*queue.connection).pending_reads.fetch_sub(1, std::memory_order_release);
    event.copies_out.store(false, std::memory_order_release);
  }
  // Whoever copies out holds the event, so this is not the last hold.
  Event* held = found->event;
  Buffer* buffer = found->buffer;
  if (!queue.connection->dead()) give_back_staging(*queue.connection, found->block);
  found->~PendingRead();
  free(found);
  unhold(*held);
  unhold(*buffer);
}

/// The number of a read that shares bytes with earlier ones of other queues; 0: it doesn't.
uint64_t number_to_respect(Event& event) {
  QueueTransfers* transfers = event.queue->transfers.load(std::memory_order_acquire);
  if (transfers == nullptr) return 0;
  LockGuard guard(transfers->lock);
  for (PendingRead* read = transfers->first_read; read != nullptr; read = read->next) {
    if (read->event == &event) return read->shares ? read->number : 0;
  }
  return 0;
}

/// Copies out, oldest first, all reads below `number` that have ended.
void copy_out_below(Connection& connection, uint64_t number) {
  MemoryState& state = memory_of(connection);
  for (uint64_t done = 0;;) {
    uint64_t oldest = number;
    look_at_reads(state, [&](const PendingRead& read) {
      if (read.number > done && read.number < oldest) oldest = read.number;
      return false;
    });
    if (oldest == number) return;
    done = oldest;
    Event* event = nullptr;
    look_at_reads(state, [&](const PendingRead& read) {
      if (read.number != oldest) return false;
      event = read.event;
      hold(*event);
      return true;
    });
    if (event == nullptr) continue;  // another thread was here first
    const cl_int status = exact_status(*event);
    if (status <= CL_COMPLETE) copy_out(*event, status);
    unhold(*event);
  }
}

/// Copies out the reads of an in-order queue before `sequence`, which has ended, so they have too.
void copy_out_before(QueueTransfers& transfers, uint64_t sequence) {
  for (;;) {
    Event* event = nullptr;
    {
      LockGuard guard(transfers.lock);
      PendingRead* first = transfers.first_read;
      if (first == nullptr || first->event->sequence >= sequence) return;
      event = first->event;
      hold(*event);
    }
    cl_int status = exact_status(*event);
    if (status > CL_COMPLETE) status = wait_event(*event);  // the word of its end is on its way
    if (status == CL_COMPLETE) {
      const uint64_t number = number_to_respect(*event);
      if (number != 0) copy_out_below(*event->connection, number);
    }
    copy_out(*event, status);
    unhold(*event);
  }
}

void CL_CALLBACK nobody_waits(cl_event, cl_int, void*) {}

/// The pending read number `index` of the queue: its event, held.
Event* hold_read_event(QueueTransfers& transfers, size_t index) {
  LockGuard guard(transfers.lock);
  PendingRead* read = transfers.first_read;
  while (read != nullptr && index > 0) {
    read = read->next;
    index--;
  }
  if (read == nullptr) return nullptr;
  hold(*read->event);
  return read->event;
}

}  // namespace

bool note_pending_read(Event& event, Buffer& buffer, const Block& block, const Box& box) {
  Queue& queue = *event.queue;
  QueueTransfers* transfers = transfers_of(queue);
  void* memory = malloc(sizeof(PendingRead));
  if (transfers == nullptr || memory == nullptr) {
    free(memory);
    return false;
  }
  PendingRead* read = new (memory) PendingRead{nullptr, &event, &buffer, block, box, 0, false};
  hold(event);
  hold(buffer);
  event.copies_out.store(true, std::memory_order_release);
  MemoryState& state = memory_of(*queue.connection);
  read->number = state.reads_noted.fetch_add(1, std::memory_order_relaxed) + 1;
  // The order of its own queue is kept anyway.
  look_at_reads(state, [&](const PendingRead& other) {
    if (other.event->queue == &queue && queue.in_order()) return false;
    return read->shares = other.box.shares_host_bytes(box);
  });
  state.pending_reads.fetch_add(1, std::memory_order_release);
  LockGuard guard(transfers->lock);
  PendingRead** link = &transfers->first_read;
  PendingRead* last = transfers->last_read;
  if (last != nullptr && last->event->sequence < event.sequence) link = &last->next;
  while (*link != nullptr && (*link)->event->sequence < event.sequence) link = &(*link)->next;
  read->next = *link;
  *link = read;
  if (read->next == nullptr) transfers->last_read = read;
  return true;
}

void copy_out_for(Event& event, cl_int status) {
  if (status == CL_COMPLETE && event.queue->in_order() && event.sequence != 0) {
    QueueTransfers* transfers = event.queue->transfers.load(std::memory_order_acquire);
    if (transfers != nullptr) copy_out_before(*transfers, event.sequence);
  }
  if (!event.copies_out.load(std::memory_order_acquire)) return;
  const uint64_t number = status == CL_COMPLETE ? number_to_respect(event) : 0;
  if (number != 0) copy_out_below(*event.connection, number);
  copy_out(event, status);
}

void see_to_reads_left_behind(Connection& connection) {
  MemoryState& state = memory_of(connection);
  if (state.pending_reads.load(std::memory_order_acquire) == 0 || connection.forked()) return;
  HeldEvents reads;
  look_at_reads(state, [&](PendingRead& read) {
    const bool used = read.event->queue->references.load(std::memory_order_relaxed) != 0 &&
                      read.buffer->references.load(std::memory_order_relaxed) != 0;
    if (used || read.left_behind) return false;
    if (!reads.events.push_back(read.event)) return true;
    hold(*read.event);
    read.left_behind = true;
    return false;
  });
  // Before any callback of an event runs, its read is copied out.
  for (Event* read : reads.events) {
    SetEventCallback(to_handle(read), CL_COMPLETE, &nobody_waits, nullptr);
  }
}

void copy_ended_reads(Queue& queue, QueueTransfers& transfers, bool exact) {
  size_t index = 0;
  for (;;) {
    Event* event = hold_read_event(transfers, index);
    if (event == nullptr) return;
    cl_int status = event_status(*event);
    if (status > CL_COMPLETE &&
        (exact || queue.slot->completed.load(std::memory_order_acquire) >= event->sequence)) {
      probe_event(*event);
      status = event_status(*event);
    }
    unhold(*event);
    if (status > CL_COMPLETE) index++;  // else it has left the list
  }
}

void copy_out_ended(Connection& connection) {
  if (memory_of(connection).pending_reads.load(std::memory_order_acquire) == 0) return;
  if (connection.forked()) return;
  settle_all(connection);
}

bool copy_out_into(Connection& connection, const Box& box, HeldEvents* left) {
  MemoryState& state = memory_of(connection);
  if (state.pending_reads.load(std::memory_order_acquire) == 0) return true;
  HeldEvents reads;
  Array<uint64_t, 4> numbers;
  bool listed = true;
  look_at_reads(state, [&](const PendingRead& read) {
    if (!read.box.shares_host_bytes(box)) return false;
    listed = reads.events.push_back(read.event);
    if (!listed) return true;
    hold(*read.event);
    listed = numbers.push_back(read.number);
    if (!listed) return true;
    for (size_t i = numbers.size() - 1; i > 0 && numbers[i - 1] > numbers[i]; i--) {
      const uint64_t number = numbers[i];
      numbers[i] = numbers[i - 1];
      numbers[i - 1] = number;
      Event* event = reads.events[i];
      reads.events[i] = reads.events[i - 1];
      reads.events[i - 1] = event;
    }
    return false;
  });
  if (!listed) return false;
  for (Event* event : reads.events) {
    if (event_status(*event) > CL_COMPLETE) probe_event(*event);
    if (event_status(*event) <= CL_COMPLETE || left == nullptr) continue;
    if (!left->events.push_back(event)) return false;
    hold(*event);
  }
  return true;
}

bool await_reads_into(Connection& connection, const Box& box) {
  for (;;) {
    HeldEvents left;
    if (!copy_out_into(connection, box, &left)) return false;
    if (left.events.empty()) return true;
    for (Event* event : left.events) {
      if (event->gated && gates_unset(connection)) return false;
      wait_event(*event);
    }
  }
}

}  // namespace aliquot::guest::opencl
