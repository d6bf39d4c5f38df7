// Moving bytes between the program's memory and buffers.
//
// LOCAL: a buffer whose block both ends map is read and written by the guest process itself, when
// the queue has nothing under way, no queue still uses the buffer, and nothing is left to wait for.
// Then the command has been executed in its turn, and no message is needed.
// STAGED: everything else goes through blocks of staging memory. A write copies at the time of the
// call; a blocking read is copied out before the call returns; a non-blocking read by whoever first
// learns that it ended (a wait, a query, the helper thread), before its event becomes complete.
//
// A write whose memory is still to be filled by an earlier read is held back in the worker until then,
// by a user event of ours (deferred_write.cpp).
//
// A non-blocking call waits in one case only: all staging memory of the connection (256 MiB) is in
// flight. Where what it would wait for may depend on a user event that is not set yet, it fails with
// CL_OUT_OF_RESOURCES instead.
#pragma once

#include "guest/opencl/event.h"

namespace aliquot::guest::opencl {

constexpr size_t kSoftStaging = size_t{4} << 20;  // of a queue in flight, before a call waits a bit

/// The shape of a transfer. Plain: `bytes` at `offset` in the buffer and at `host`.
struct Box {
  unsigned char* host = nullptr;
  size_t bytes = 0;
  size_t offset = 0;
  bool rect = false;
  size_t buffer_origin[3] = {};
  size_t host_origin[3] = {};
  size_t region[3] = {};
  size_t buffer_row = 0, buffer_slice = 0, host_row = 0, host_slice = 0;

  /// The host memory that the transfer touches, from the first byte to the last.
  const unsigned char* host_begin() const;
  size_t host_extent() const;
  /// Whether both touch the same byte of host memory.
  bool shares_host_bytes(const Box& other) const;
};

void copy_to_buffer(Connection& connection, const Box& box, unsigned char* buffer);
void copy_from_buffer(Connection& connection, const Box& box, const unsigned char* buffer);
/// Between the program's memory and its packed form in a staging block.
void pack(Connection& connection, const Box& box, unsigned char* staging);
void unpack(Connection& connection, const Box& box, const unsigned char* staging);

/// A staged read whose bytes are not copied out yet.
struct PendingRead {
  PendingRead* next;
  Event* event;    // held
  Buffer* buffer;  // held, since the memory may be the program's until the buffer ends
  Block block;
  Box box;
  uint64_t number;  // among all of the connection
  bool shares;      // bytes with reads that were pending when it was enqueued
  bool left_behind = false;  // the helper thread sees to it
};

/// A staging block that a command still uses.
struct StagedBlock {
  StagedBlock* next;
  uint64_t sequence;
  Block block;
};

struct QueueTransfers {
  explicit QueueTransfers(Queue& of) : queue(of) {}

  Queue& queue;
  QueueTransfers* next = nullptr;  // of the connection; guarded by MemoryState::lock
  Lock lock;        // guards the lists; short
  Lock copy_lock;   // held while bytes are copied out, so that nobody overtakes
  PendingRead* first_read = nullptr;  // by sequence
  PendingRead* last_read = nullptr;
  StagedBlock* first_block = nullptr;  // by sequence
  StagedBlock* last_block = nullptr;
  std::atomic<uint64_t> staged_bytes{0};
  uint64_t unasked_bytes = 0;  // staged since completion was last asked for
};

/// Memory of a released buffer that commands may still use.
struct DeferredFree {
  DeferredFree* next;
  Block block;
  bool staging;  // where the block belongs
  uint64_t credit;
  Array<LastUse, 2> uses;
};

struct MemoryState {
  explicit MemoryState(Connection& of) : connection(of) {}
  Connection& connection;
  Lock lock;  // guards `deferred` and `first_transfers`; other locks of transfers come under it
  DeferredFree* deferred = nullptr;
  std::atomic<uint32_t> deferred_count{0};
  std::atomic<uint32_t> pending_reads{0};  // of all queues
  std::atomic<uint64_t> reads_noted{0};    // PendingRead::number of the last
  QueueTransfers* first_transfers = nullptr;
  std::atomic<uint64_t> looked_ns{0};      // when the peer was last looked at
};

inline MemoryState& memory_of(Connection& connection) { return *state_of(connection).memory; }

bool attach_transfers(Connection& connection);

// ---- the common part of all enqueues (enqueue.cpp) ------------------------------------------------

/// CL_SUCCESS, CL_INVALID_COMMAND_QUEUE, or CL_OUT_OF_RESOURCES when its connection is dead.
cl_int check_queue(cl_command_queue handle, Queue** queue);
/// CL_SUCCESS, CL_INVALID_MEM_OBJECT, CL_INVALID_CONTEXT or CL_MISALIGNED_SUB_BUFFER_OFFSET.
cl_int check_buffer(const Queue& queue, cl_mem handle, Buffer** buffer);
/// Whether the peer still lives; looks at most every 100 ms. For calls that send nothing.
bool peer_alive(Connection& connection);

/// Waits for the events of a checked list. CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST when one
/// failed.
cl_int wait_for_list(cl_uint count, const cl_event* list);

/// Gives the event of an enqueue (null: none was made) to the program where that went well and it
/// wants one: a call that fails leaves the program's variable as it is.
void hand_out(cl_event made, cl_int status, cl_event* wanted);

/// A command that the guest driver has executed: makes its complete event where one is wanted.
cl_int finish_locally(Queue& queue, cl_command_type type, cl_event* event);

/// Whether some command of the queue may wait for a user event.
inline bool behind_gate(const Queue& queue) {
  return queue.gated.load(std::memory_order_relaxed) >
         queue.slot->completed.load(std::memory_order_acquire);
}
/// Whether there is a user event that commands wait for and the program has not set yet.
inline bool gates_unset(Connection& connection) {
  return events_of(connection).unset_gates.load(std::memory_order_relaxed) != 0;
}

/// Notes what a command comes after, and its number. The connection lock must be held.
inline void note_order(Queue& queue, const WaitList& wait, uint64_t sequence, Event* event) {
  if (!wait.ids.empty()) {
    queue.waits_elsewhere.store(true, std::memory_order_relaxed);
    if (wait.gated) queue.gated.store(sequence, std::memory_order_relaxed);
  }
  if (event == nullptr) return;
  event->gated = behind_gate(queue);
  event->sequence = sequence;
}

/// Sends the command (its `queue`, `event` and `wait` are filled in here) and notes what uses what.
/// `event` may be null. `sequence` receives the command's, when not null.
template <class Command>
cl_int submit(Queue& queue, Command& command, const WaitList& wait, Event* event, Buffer* first,
              Buffer* second = nullptr, uint64_t* sequence = nullptr, bool ask = false) {
  command.queue = queue.id;
  command.event = event == nullptr ? 0 : event->id;
  command.wait = {wait.ids.data(), wait.ids.size()};
  LockGuard guard(queue.connection->lock());
  if (ask) queue.connection->hold_wake();
  const uint64_t number = submit_locked(queue, command);
  if (ask) {
    if (number != 0) ask_completion_locked(queue, number);
    queue.connection->wake_worker();
  }
  if (number == 0) return CL_OUT_OF_RESOURCES;
  note_order(queue, wait, number, event);
  if (first != nullptr) note_use(*first, queue, number);
  if (second != nullptr) note_use(*second, queue, number);
  if (sequence != nullptr) *sequence = number;
  return CL_SUCCESS;
}

/// What every enqueue does around its command: makes the event where `wanted` is not null, sends,
/// hands the event out or discards it.
template <class Command>
cl_int enqueue(Queue& queue, Command& command, cl_command_type type, const WaitList& wait,
               cl_event* wanted, Buffer* first, Buffer* second = nullptr) {
  if (wait.failed) return finish_failed(queue, type, wanted);
  Event* event = nullptr;
  if (wanted != nullptr) {
    event = new_command_event(queue, type);
    if (event == nullptr) return CL_OUT_OF_HOST_MEMORY;
  }
  cl_int status = submit(queue, command, wait, event, first, second);
  if (status == CL_SUCCESS) status = enqueue_result(queue);
  if (event != nullptr) hand_out_sent(*event, status, wanted);
  return status;
}

// ---- transfers --------------------------------------------------------------------------------------

/// The address of the buffer's first byte in pages that both ends map; nullptr: it has none.
unsigned char* shared_pointer(Buffer& buffer);

/// Whether the guest process may touch the shared pages of `buffer` now, as a command of `queue`
/// that has nothing to wait for.
bool idle_for(Queue& queue, Buffer& buffer);

struct Transfer {
  Queue& queue;
  Buffer& buffer;
  Box box;
  cl_command_type type;
  bool blocking;
  cl_uint wait_count;
  const cl_event* wait_list;
  cl_event* event;  // wanted by the program, or null
  bool at_once = false;  // a write takes what is in the host memory now, whatever is still to come
};

/// Both check the wait list and do the rest of an enqueue; arguments are checked already.
cl_int write_buffer(const Transfer& transfer);
cl_int read_buffer(const Transfer& transfer);

/// A command that moves nothing and waits for its list and its place in the queue only (map and
/// unmap of shared pages). Executed locally where nothing is under way.
cl_int order_only(Queue& queue, cl_command_type type, const WaitList& wait, cl_event* event);
/// Tells the worker to forget the event that order_only() made for the context, if any.
void drop_ended_event(Context& context);

/// What the queue's staged transfers owe, made at first need; nullptr: no memory.
QueueTransfers* transfers_of(Queue& queue);
/// Notes that `block` is used by the command with `sequence`.
void note_staged(Queue& queue, uint64_t sequence, const Block& block);
/// A staging block for a command of `queue`; waits a little when much is in flight already.
bool take_staging_for(Queue& queue, uint64_t bytes, Block* block);

// ---- staged reads that are not copied out yet (pending_reads.cpp)

/// Notes a staged read that must be copied out at its end; takes over `block`. False: no memory.
bool note_pending_read(Event& event, Buffer& buffer, const Block& block, const Box& box);
/// `event` has ended with `status`: copies out its own read, and before that what must be in the
/// program's memory by then: the reads before it in an in-order queue, and those into the same bytes.
void copy_out_for(Event& event, cl_int status);
/// Copies out the reads of a queue that have ended. `exact`: asks the worker where not known.
void copy_ended_reads(Queue& queue, QueueTransfers& transfers, bool exact);
/// Copies out all reads that have ended, of all queues. Nothing to do costs nothing.
void copy_out_ended(Connection& connection);

/// The program has let go of a queue or buffer for good. Has the helper thread see to the end of
/// reads by such a queue or from such a buffer: maybe nobody else will ever look, but a read holds
/// what it uses, so that callbacks for the end of the buffer or the context would never come.
void see_to_reads_left_behind(Connection& connection);

/// Events, each held by this, oldest read first.
struct HeldEvents {
  Array<Event*, 4> events;
  HeldEvents() = default;
  ~HeldEvents() {
    for (Event* event : events) unhold(*event);
  }
  HeldEvents(const HeldEvents&) = delete;
  HeldEvents& operator=(const HeldEvents&) = delete;
};

/// Copies out the reads into the host memory of `box` that have ended. Those that have not are put
/// into `left` where wanted. False: no memory to list them.
bool copy_out_into(Connection& connection, const Box& box, HeldEvents* left = nullptr);

/// Waits for the reads into the host memory of `box`. False: one may depend on a user event that is
/// not set yet, or there is no memory.
bool await_reads_into(Connection& connection, const Box& box);

/// A non-blocking write whose memory is still to be filled by the reads in `left`.
cl_int write_after(const Transfer& transfer, WaitList& wait, const HeldEvents& left);
/// settle() for every queue of the connection that has staged reads, with an exact look at those
/// whose end isn't known; `blocks`: and gives back staging blocks of ended commands.
void settle_all(Connection& connection, bool blocks = false);

// ---- lifetimes (buffer_memory.cpp) ---------------------------------------------------------------

/// Decides where the buffer lies, once. Root buffers only.
void ensure_block(Buffer& root);
/// Gives memory and credit back when their last use has ended, or notes them for later.
void free_when_unused(Connection& connection, const Block& block, bool staging, uint64_t credit,
                      const LastUse* uses, size_t use_count);
/// Gives back what deferred frees have become possible. `force`: asks the queues and waits a while.
/// True when anything was given back.
bool collect_deferred(Connection& connection, bool force);
/// Takes `bytes` of the vGPU's memory. False: the quota is spent.
bool take_memory(Connection& connection, uint64_t bytes);
void return_memory(Connection& connection, uint64_t bytes);

/// Forgets the maps that the program left, when the buffer ends (map.cpp).
void drop_maps(Buffer& buffer);

/// Sends initial contents to a buffer that the driver allocates (upload_queue.cpp).
cl_int upload(Buffer& root, const void* data);
/// Called when the context ends.
void drop_upload_queue(Context& context);
/// Called when the queue ends: staging blocks in flight become deferred frees.
void drop_transfers(Queue& queue);

}  // namespace aliquot::guest::opencl
