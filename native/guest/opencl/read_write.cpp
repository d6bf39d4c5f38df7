// Writing and reading buffers: locally where possible, else staged. See transfer.h.
#include <initializer_list>

#include "guest/opencl/send_piece.h"

namespace aliquot::guest::opencl {

namespace {

/// Halves a rectangle that no staging block can hold.
bool split(const Box& box, Box* first, Box* second) {
  if (!box.rect) return false;
  int axis = 2;
  while (axis > 0 && box.region[axis] < 2) axis--;
  if (box.region[axis] < 2) return false;
  *first = *second = box;
  const size_t half = box.region[axis] / 2;
  first->region[axis] = half;
  second->region[axis] -= half;
  second->buffer_origin[axis] += half;
  second->host_origin[axis] += half;
  for (Box* part : {first, second}) {
    part->bytes = part->region[0] * part->region[1] * part->region[2];
  }
  return true;
}

Box part_of(const Box& box, size_t done, size_t bytes) {
  Box part = box;
  part.host += done;
  part.offset += done;
  part.bytes = bytes;
  return part;
}

/// Whether the command may wait for a user event that this thread is yet to set.
bool never_ends_alone(const Submission& to) {
  const Queue& queue = to.transfer.queue;
  return (to.wait.gated || behind_gate(queue)) && gates_unset(*queue.connection);
}

/// One piece of a write. Pieces of an out-of-order queue are waited for unless they are the last,
/// whose event then stands for all.
cl_int write_piece(const Submission& to, const Box& box, Event* event, bool last) {
  Queue& queue = to.transfer.queue;
  Block block;
  if (!take_staging_for(queue, box.bytes, &block)) {
    Box first, second;
    if (!split(box, &first, &second)) return CL_OUT_OF_RESOURCES;
    const cl_int status = write_piece(to, first, nullptr, false);
    return status != CL_SUCCESS ? status : write_piece(to, second, event, last);
  }
  pack(*queue.connection, box, block.pointer);
  uint64_t sequence = 0;
  const bool ask = !last && queue.in_order();
  const cl_int status = send_write(to, box, block, event, &sequence, ask);
  if (status != CL_SUCCESS) {
    give_back_staging(*queue.connection, block);
    return status;
  }
  note_staged(queue, sequence, block);
  if (last || queue.in_order()) return CL_SUCCESS;
  return never_ends_alone(to) ? CL_OUT_OF_RESOURCES : wait_sequence(queue, sequence);
}

cl_int write_staged(const Submission& to) {
  const Box& box = to.transfer.box;
  Queue& queue = to.transfer.queue;
  // Profiling times and out-of-order queues want one command; a plain write in order is cut, so
  // that the guest process copies one chunk while the worker copies another.
  const bool whole = box.rect || box.bytes <= kStagingChunk || !queue.in_order() ||
                     (to.event != nullptr && queue.profiling());
  if (whole) {
    const cl_int status = write_piece(to, box, to.event, true);
    if (status == CL_SUCCESS || box.rect || box.bytes <= kStagingChunk) return status;
  }
  for (size_t done = 0; done < box.bytes;) {
    const size_t left = box.bytes - done;
    const size_t bytes = left < kStagingChunk ? left : kStagingChunk;
    const bool last = bytes == left;
    const cl_int status =
        write_piece(to, part_of(box, done, bytes), last ? to.event : nullptr, last);
    if (status != CL_SUCCESS) return status;
    done += bytes;
  }
  return CL_SUCCESS;
}

/// A read with one block: waits for it and copies out.
cl_int read_piece(const Submission& to, const Box& box, Event* event) {
  Queue& queue = to.transfer.queue;
  Block block;
  if (!take_staging_for(queue, box.bytes, &block)) {
    Box first, second;
    if (box.rect) {
      if (!split(box, &first, &second)) return CL_OUT_OF_RESOURCES;
    } else {
      if (box.bytes <= kStagingChunk) return CL_OUT_OF_RESOURCES;
      first = part_of(box, 0, kStagingChunk);
      second = part_of(box, kStagingChunk, box.bytes - kStagingChunk);
    }
    const cl_int status = read_piece(to, first, nullptr);
    return status != CL_SUCCESS ? status : read_piece(to, second, event);
  }
  // Out of order, the sequence would tell of all commands before; only the event tells of this one.
  Event* own = nullptr;
  if (event == nullptr && !queue.in_order()) {
    own = event = new_command_event(queue, to.transfer.type);
    if (own == nullptr) {
      give_back_staging(*queue.connection, block);
      return CL_OUT_OF_HOST_MEMORY;
    }
  }
  uint64_t sequence = 0;
  cl_int status = send_read(to, box, block, event, &sequence, queue.in_order());
  if (status != CL_SUCCESS) {
    give_back_staging(*queue.connection, block);
    if (own != nullptr) discard_command_event(*own);
    return status;
  }
  if (queue.in_order()) status = wait_sequence(queue, sequence, box.bytes);
  else if (wait_event(*event) < 0) status = CL_OUT_OF_RESOURCES;
  if (status == CL_SUCCESS) {
    copy_out_into(*queue.connection, box);
    unpack(*queue.connection, box, block.pointer);
  }
  if (!queue.connection->dead()) give_back_staging(*queue.connection, block);
  if (own != nullptr) release(*own);
  return status;
}

/// A plain read of an in-order queue: the worker fills one chunk while the guest process copies
/// another out.
cl_int read_pipelined(const Submission& to) {
  constexpr size_t kWindow = 4;
  struct Chunk {
    Block block;
    Box box;
    uint64_t sequence;
  };
  Chunk window[kWindow];
  size_t first = 0, count = 0, asked = 0;
  const Box& box = to.transfer.box;
  Queue& queue = to.transfer.queue;
  cl_int status = CL_SUCCESS;
  while (asked < box.bytes || count > 0) {
    while (status == CL_SUCCESS && asked < box.bytes && count < kWindow) {
      const size_t left = box.bytes - asked;
      const size_t bytes = left < kStagingChunk ? left : kStagingChunk;
      Chunk& chunk = window[(first + count) % kWindow];
      chunk.box = part_of(box, asked, bytes);
      if (!take_staging_for(queue, bytes, &chunk.block)) {
        if (count == 0) status = CL_OUT_OF_RESOURCES;
        break;
      }
      status = send_read(to, chunk.box, chunk.block, bytes == left ? to.event : nullptr,
                         &chunk.sequence, true);
      if (status != CL_SUCCESS) {
        give_back_staging(*queue.connection, chunk.block);
        break;
      }
      asked += bytes;
      count++;
    }
    if (count == 0) break;
    Chunk& chunk = window[first];
    const cl_int waited = wait_sequence(queue, chunk.sequence, chunk.box.bytes);
    if (waited != CL_SUCCESS) return waited;  // dead: the blocks belong to nobody any more
    copy_out_into(*queue.connection, chunk.box);
    unpack(*queue.connection, chunk.box, chunk.block.pointer);
    give_back_staging(*queue.connection, chunk.block);
    first = (first + 1) % kWindow;
    count--;
  }
  return status;
}

cl_int read_later(const Submission& to, bool* done) {
  Queue& queue = to.transfer.queue;
  const Box& box = to.transfer.box;
  *done = false;
  Block block;
  if (!take_staging_for(queue, box.bytes, &block)) return CL_SUCCESS;
  Event* own = nullptr;
  Event* event = to.event;
  if (event == nullptr) own = event = new_command_event(queue, to.transfer.type);
  cl_int status = event == nullptr ? CL_OUT_OF_HOST_MEMORY : CL_SUCCESS;
  uint64_t sequence = 0;
  if (status == CL_SUCCESS) status = send_read(to, box, block, event, &sequence, false);
  if (status != CL_SUCCESS) {
    give_back_staging(*queue.connection, block);
    if (own != nullptr) discard_command_event(*own);
    return status;
  }
  *done = true;
  if (!note_pending_read(*event, to.transfer.buffer, block, box)) {
    // No memory to remember it: copy out now.
    status = wait_event(*event) < 0 ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
    if (status == CL_SUCCESS) unpack(*queue.connection, box, block.pointer);
    if (!queue.connection->dead()) give_back_staging(*queue.connection, block);
  }
  if (own != nullptr) release(*own);
  return status;
}

/// The specification lets a blocking write return once its bytes are taken. Some native drivers
/// (PoCL) return when an in-order queue has come that far, and programs take that for the end of
/// reads which they enqueued before and never waited for: then we wait as well, unless that could be
/// for what this thread is yet to do.
cl_int end_earlier_reads(Queue& queue) {
  QueueTransfers* transfers = queue.transfers.load(std::memory_order_acquire);
  if (!queue.in_order() || transfers == nullptr) return CL_SUCCESS;
  {
    LockGuard guard(transfers->lock);
    if (transfers->first_read == nullptr) return CL_SUCCESS;
  }
  if (behind_gate(queue) && gates_unset(*queue.connection)) return CL_SUCCESS;
  const cl_int status = wait_sequence(queue, queue.submitted.load(std::memory_order_relaxed));
  if (status == CL_SUCCESS) settle(queue);
  return status;
}

/// A blocking write returns when the bytes are taken; but whoever asks for its event and for times
/// reads them at once, so there it returns at the command's end.
cl_int write_staged_blocking(const Submission& to) {
  cl_int status = write_staged(to);
  if (status == CL_SUCCESS) status = end_earlier_reads(to.transfer.queue);
  if (status != CL_SUCCESS || to.event == nullptr || !to.transfer.queue.profiling()) return status;
  return wait_event(*to.event) < 0 ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

cl_int read_staged_blocking(const Submission& to) {
  const Transfer& transfer = to.transfer;
  const Box& box = transfer.box;
  const bool whole = box.rect || box.bytes <= kStagingChunk || !transfer.queue.in_order() ||
                     (to.event != nullptr && transfer.queue.profiling());
  return whole ? read_piece(to, box, to.event) : read_pipelined(to);
}

cl_int read_staged_later(const Submission& to) {
  bool done = false;
  const cl_int status = read_later(to, &done);
  if (status != CL_SUCCESS || done) return status;
  return never_ends_alone(to) ? CL_OUT_OF_RESOURCES : read_staged_blocking(to);
}

/// Waits until a command that is enqueued now would begin.
cl_int await_turn(Queue& queue) {
  if (queue.in_order()) {
    return wait_sequence(queue, queue.submitted.load(std::memory_order_relaxed));
  }
  cl_event marker = nullptr;  // that barriers hold up, and nothing else
  const cl_int status = order_only(queue, CL_COMMAND_MARKER, WaitList(), &marker);
  if (status != CL_SUCCESS) return status;
  wait_event(*from_handle<Event>(marker));
  release(*from_handle<Event>(marker));
  return queue.connection->dead() ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

/// For blocking calls: the host waits for the list, so that the command needs none.
cl_int resolve(const Transfer& transfer, WaitList* wait) {
  if (transfer.wait_count == 0 && transfer.wait_list == nullptr) return CL_SUCCESS;
  cl_int status = collect_wait_list(*transfer.queue.context, transfer.wait_count,
                                    transfer.wait_list, wait);
  if (status == CL_SUCCESS && wait->failed && transfer.blocking) {
    return CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
  }
  if (status != CL_SUCCESS || wait->ids.empty() || !transfer.blocking) return status;
  status = wait_for_list(transfer.wait_count, transfer.wait_list);
  wait->ids.clear();
  wait->gated = false;
  return status;
}

}  // namespace

bool idle_for(Queue& queue, Buffer& buffer) {
  if (!queue.idle()) return false;
  Buffer& root = buffer.root();
  if (!root.materialized.load(std::memory_order_acquire)) return true;
  Connection& connection = *queue.connection;
  LockGuard guard(connection.lock());
  for (size_t i = 0; i < root.uses.size();) {
    if (use_ended(connection, root.uses[i])) root.uses.remove_unordered(i);
    else i++;
  }
  return root.uses.empty();
}

cl_int write_buffer(const Transfer& transfer) {
  Queue& queue = transfer.queue;
  Connection& connection = *queue.connection;
  WaitList wait;
  cl_int status = resolve(transfer, &wait);
  if (status != CL_SUCCESS) return status;
  if (wait.failed) return finish_failed(queue, transfer.type, transfer.event);
  HeldEvents left;
  if (!copy_out_into(connection, transfer.box, &left)) return CL_OUT_OF_HOST_MEMORY;
  if (!left.events.empty() && !transfer.at_once) {
    // One that would begin right now comes after none of those reads.
    const bool begins = wait.ids.empty() && queue.idle();
    if (!begins && !transfer.blocking) return write_after(transfer, wait, left);
    if (!begins) status = await_turn(queue);
    if (status != CL_SUCCESS) return status;
    copy_out_into(connection, transfer.box);
  }
  unsigned char* shared = shared_pointer(transfer.buffer);
  const bool may_be_local = shared != nullptr && wait.ids.empty() &&
                            (transfer.event == nullptr || !queue.profiling());
  if (may_be_local) {
    bool idle = idle_for(queue, transfer.buffer);
    // Waiting costs less than copying much twice. Only where a native driver would wait as well.
    if (!idle && transfer.blocking && queue.in_order() && transfer.box.bytes > kStagingChunk &&
        !(behind_gate(queue) && gates_unset(connection))) {
      status = wait_sequence(queue, queue.submitted.load(std::memory_order_relaxed));
      if (status != CL_SUCCESS) return status;
      settle(queue);
      idle = idle_for(queue, transfer.buffer);
    }
    if (idle) {
      if (!peer_alive(connection)) return CL_OUT_OF_RESOURCES;
      copy_to_buffer(connection, transfer.box, shared);
      if (transfer.blocking) status = end_earlier_reads(queue);
      if (status != CL_SUCCESS) return status;
      return finish_locally(queue, transfer.type, transfer.event);
    }
  }
  status = ensure_materialized(transfer.buffer);
  if (status != CL_SUCCESS) return status;
  return with_event(transfer, wait, transfer.blocking ? write_staged_blocking : write_staged);
}

cl_int read_buffer(const Transfer& transfer) {
  Queue& queue = transfer.queue;
  Connection& connection = *queue.connection;
  WaitList wait;
  cl_int status = resolve(transfer, &wait);
  if (status != CL_SUCCESS) return status;
  if (wait.failed) return finish_failed(queue, transfer.type, transfer.event);
  const unsigned char* shared = shared_pointer(transfer.buffer);
  const bool may_be_local = shared != nullptr && wait.ids.empty() &&
                            (transfer.event == nullptr || !queue.profiling());
  if (may_be_local) {
    if (transfer.blocking && queue.in_order() && !queue.idle()) {
      status = wait_sequence(queue, queue.submitted.load(std::memory_order_relaxed));
      if (status != CL_SUCCESS) return status;
    }
    if (idle_for(queue, transfer.buffer)) {
      if (!peer_alive(connection)) return CL_OUT_OF_RESOURCES;
      settle(queue);
      if (queue.waits_elsewhere.load(std::memory_order_relaxed)) copy_out_ended(connection);
      copy_out_into(connection, transfer.box);
      copy_from_buffer(connection, transfer.box, shared);
      drain_print(connection);
      const cl_int latched = transfer.blocking ? take_latched_error(queue) : 0;
      return latched != 0 ? latched : finish_locally(queue, transfer.type, transfer.event);
    }
  }
  status = ensure_materialized(transfer.buffer);
  if (status != CL_SUCCESS) return status;
  if (!transfer.blocking) return with_event(transfer, wait, read_staged_later);
  cl_event made = nullptr;
  Transfer own = transfer;
  if (transfer.event != nullptr) own.event = &made;
  status = with_event(own, wait, read_staged_blocking);
  settle(queue);
  if (queue.waits_elsewhere.load(std::memory_order_relaxed)) copy_out_ended(connection);
  drain_print(connection);
  const cl_int latched = take_latched_error(queue);
  if (status == CL_SUCCESS) status = latched;
  hand_out(made, status, transfer.event);
  return status;
}

}  // namespace aliquot::guest::opencl
