// What the parts of the OpenCL guest driver ask of one another. (G) marks what the general part
// implements (queue.cpp, send.h, …), (M) what the memory-and-events part does.
#pragma once

#include <span>

#include "generated/opencl_codec.h"
#include "generated/opencl_commands.h"
#include "guest/opencl/objects.h"
#include "guest/reply_wait.h"
#include "guest/ring_producer.h"

namespace aliquot::guest::opencl {

using namespace aliquot::opencl;  // the commands

// ---- sending ---------------------------------------------------------------------------------

/// (G) Puts one command into the ring; the connection lock must be held. False: dead.
template <class Command>
bool send_locked(Connection& connection, const Command& command);

/// (G) The same, taking the lock. For commands that have no place in a queue's order.
template <class Command>
bool send(Connection& connection, const Command& command) {
  LockGuard guard(connection.lock());
  return send_locked(connection, command);
}

/// (G) Sends a command for a queue and returns its sequence, 0 when the connection is dead; the
/// connection lock must be held. Use the sequence for note_use() and Event::sequence before
/// unlocking.
template <class Command>
uint64_t submit_locked(Queue& queue, const Command& command);

/// (G) After an enqueue, with no lock held: CL_SUCCESS, or in strict-sync mode the driver's return
/// code of the queue's last command (waits for it).
cl_int enqueue_result(Queue& queue);

/// (G) Tells the worker to release an object and gives its id back. Any kind but queue.
void release_remote(Connection& connection, Kind kind, uint32_t id);

/// (G) An id, or 0 when there is none left. Takes the connection lock.
uint32_t take_id(Connection& connection, Kind kind);

// ---- queues ----------------------------------------------------------------------------------

/// (G) Waits until the queue has completed `sequence` (sends `sync` where needed, and spins, then
/// sleeps). CL_SUCCESS, or CL_OUT_OF_RESOURCES when the connection died. No lock may be held. Does
/// not look at latched errors; does not settle(). `copied_bytes`: what the awaited command copies.
cl_int wait_sequence(Queue& queue, uint64_t sequence, uint64_t copied_bytes = 0);

/// (G) The same where only the id is known (LastUse); true: completed.
bool wait_use(Connection& connection, uint32_t queue_id, uint64_t sequence);

/// (G) Sends `sync` without waiting, once a sequence. The connection lock must be held.
void ask_completion_locked(Queue& queue, uint64_t sequence);

/// (G) Whether a use is known to have ended. Costs no message.
inline bool use_ended(Connection& connection, const LastUse& use) {
  return connection.memory().queues[use.queue - 1].completed.load(std::memory_order_acquire) >=
         use.sequence;
}

/// (G) Takes the error that commands left on the queue (0: none) so that it is reported once.
cl_int take_latched_error(Queue& queue);

/// (G) Sends `flush` when something was submitted since the last. Takes the connection lock.
void flush_queue(Queue& queue);

/// (M) After any wait on the queue: copies out staged reads that have ended, frees staging blocks.
/// Never waits. No lock may be held.
void settle(Queue& queue);

/// (M) Writes kernel printf output that has arrived to the program's stdout.
void drain_print(Connection& connection);

// ---- memory ----------------------------------------------------------------------------------

/// (M) Makes sure that the worker knows the buffer (a sub-buffer: and its parent). Sends
/// create_buffer at the first use. CL_SUCCESS or the error for the enqueue. Takes Buffer::lock and
/// the connection lock; cheap when already done.
cl_int ensure_materialized(Buffer& buffer);

/// (M) Notes on the root buffer that `queue` uses it with `sequence`. Connection lock held. False:
/// no memory (the caller goes on; the buffer then counts as busy until the queue is idle).
bool note_use(Buffer& buffer, Queue& queue, uint64_t sequence);

/// A private piece of staging memory that the worker sees too.
/// (M) `bytes` of any size up to what the device host allows. False: none to be had.
bool take_staging(Connection& connection, uint64_t bytes, Block* block);
/// (M) The worker must have ended its use.
void give_back_staging(Connection& connection, const Block& block);

// ---- events ----------------------------------------------------------------------------------

struct WaitList {
  Array<uint32_t, 16> ids;  // for the command: events that may still be under way
  bool gated = false;       // something in it waits for a user event that isn't set yet
  bool failed = false;      // contains one that has ended with an error
};

/// (M) Checks a wait list and collects what the worker must wait for: CL_SUCCESS,
/// CL_INVALID_EVENT_WAIT_LIST, CL_INVALID_CONTEXT (an event of another context), or
/// CL_OUT_OF_HOST_MEMORY. Events known to be complete are left out.
cl_int collect_wait_list(Context& context, cl_uint count, const cl_event* list, WaitList* out);

/// (M) What an enqueue does when its wait list has failed: nothing is sent (a driver may wait for ever
/// for such a list); the event that is wanted has failed already. CL_SUCCESS or no memory.
cl_int finish_failed(Queue& queue, cl_command_type type, cl_event* wanted);

/// (M) A new event with one reference for the program and an id for the command; nullptr: no
/// memory or no id. No lock may be held.
Event* new_command_event(Queue& queue, cl_command_type type);

/// (M) Undoes new_command_event when the command could not be sent.
void discard_command_event(Event& event);

/// (M) The end of an enqueue with an event from new_command_event: the program gets it where `status`
/// is CL_SUCCESS. Else it is let go of, id and all where the command could not be sent.
void hand_out_sent(Event& event, cl_int status, cl_event* wanted);

// ---- callbacks -------------------------------------------------------------------------------

/// (M) Runs `function(first, second)` once on the helper thread (starting it where needed), or
/// when that can't be had, at once on this one.
void run_on_helper(void (*function)(void* first, void* second), void* first, void* second);

/// (M) Made once a connection by attach_opencl(); false: no memory.
bool attach_events(Connection& connection);

/// What hangs on Connection::api_state.
struct EventState;   // event.h
struct MemoryState;  // transfer.h
struct ConnectionState {
  EventState* events = nullptr;  // (M)
  MemoryState* memory = nullptr;  // (M)
  // Released queues whose ids wait for their last commands; guarded by the connection lock.
  Array<LastUse> retiring_queues;
};
inline ConnectionState& state_of(Connection& connection) {
  return *static_cast<ConnectionState*>(connection.api_state);
}

}  // namespace aliquot::guest::opencl

#include "guest/opencl/send.h"
