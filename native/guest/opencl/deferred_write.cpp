// Writes whose host memory an earlier read has still to fill. The command goes to the worker in its
// turn, with a staging block that holds nothing yet, behind a user event of ours. When the reads have
// been copied out, by whichever thread, the block is packed on the helper thread and the event set.
// So the program may itself set off the read after it enqueued the write.
#include "generated/opencl_functions.h"
#include "guest/opencl/send_piece.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostWaits = 4096;  // of one command, as in commands.toml

struct DeferredWrite {
  Connection& connection;
  uint32_t gate;  // id of the user event that holds the command back
  Block block;    // none: the command was never sent
  Box box;
  std::atomic<uint32_t> awaited{1};  // reads; and one for whoever still counts them
};

/// Takes over `block`. nullptr: no memory, or no id for the event.
DeferredWrite* make_deferred(const Transfer& transfer, const Block& block) {
  Connection& connection = *transfer.queue.connection;
  void* memory = malloc(sizeof(DeferredWrite));
  if (memory == nullptr) return nullptr;
  const uint32_t gate = take_id(connection, Kind::kEvent);
  CreateUserEventCommand create{};
  create.event = gate;
  create.context = transfer.queue.context->id;
  if (gate == 0 || !send(connection, create)) {
    free(memory);
    return nullptr;
  }
  return new (memory) DeferredWrite{connection, gate, block, transfer.box};
}

/// One thing less to wait for. After the last, the command may run.
void let_go(DeferredWrite& write) {
  if (write.awaited.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Connection& connection = write.connection;
  if (!connection.dead()) {
    if (write.block) pack(connection, write.box, write.block.pointer);
    SetUserEventStatusCommand set{};
    set.event = write.gate;
    set.status = CL_COMPLETE;
    send(connection, set);
    release_remote(connection, Kind::kEvent, write.gate);
  }
  write.~DeferredWrite();
  free(&write);
}

/// A read has ended, well or not, and what it brought is copied out.
void CL_CALLBACK read_ended(cl_event, cl_int, void* write) {
  let_go(*static_cast<DeferredWrite*>(write));
}

}  // namespace

cl_int write_after(const Transfer& transfer, WaitList& wait, const HeldEvents& left) {
  Queue& queue = transfer.queue;
  const cl_int ready = ensure_materialized(transfer.buffer);
  if (ready != CL_SUCCESS) return ready;
  Block block;
  DeferredWrite* write = nullptr;
  if (wait.ids.size() < kMostWaits && take_staging_for(queue, transfer.box.bytes, &block)) {
    write = make_deferred(transfer, block);
  }
  if (write == nullptr || !wait.ids.push_back(write->gate)) {
    if (block) give_back_staging(*queue.connection, block);
    if (write != nullptr) {
      write->block = Block();
      let_go(*write);
    }
    if (!await_reads_into(*queue.connection, transfer.box)) return CL_OUT_OF_RESOURCES;
    return write_buffer(transfer);
  }
  for (const Event* read : left.events) wait.gated = wait.gated || read->gated;
  const cl_int status = with_event(transfer, wait, [&](const Submission& to) {
    uint64_t sequence = 0;
    const cl_int sent = send_write(to, transfer.box, block, to.event, &sequence, false);
    if (sent == CL_SUCCESS) {
      note_staged(queue, sequence, block);
    } else {
      give_back_staging(*queue.connection, block);
      write->block = Block();
    }
    return sent;
  });
  for (Event* read : left.events) {
    write->awaited.fetch_add(1, std::memory_order_relaxed);
    if (SetEventCallback(to_handle(read), CL_COMPLETE, &read_ended, write) == CL_SUCCESS) continue;
    wait_event(*read);  // no memory for the callback
    let_go(*write);
  }
  let_go(*write);
  return status;
}

}  // namespace aliquot::guest::opencl
