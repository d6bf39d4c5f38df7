// Sending OpenCL commands: the ring, the queue's sequence, and the trace. Included by internal.h.
#pragma once

#include "guest/opencl/internal.h"
#include "guest/opencl/trace.h"

namespace aliquot::guest::opencl {

template <class Command>
inline bool send_locked(Connection& connection, const Command& command) {
  if (__builtin_expect(g_tracing, false)) trace_command(command);
  return put_command(connection, command);
}

template <class Command>
inline uint64_t submit_locked(Queue& queue, const Command& command) {
  if (!send_locked(*queue.connection, command)) return 0;
  const uint64_t sequence = queue.submitted.load(std::memory_order_relaxed) + 1;
  queue.submitted.store(sequence, std::memory_order_relaxed);
  return sequence;
}

/// Sends a command that has an answer and waits for it; `reply` must be fresh. False: dead.
template <class Command>
inline bool ask(Connection& connection, ReplyWait& reply, Command& command, uint32_t arena = 0,
                uint64_t offset = 0, uint64_t capacity = 0) {
  if (!reply.usable()) return false;
  command.reply = reply.fields<decltype(command.reply)>(arena, offset, capacity);
  return send(connection, command) && reply.wait();
}

}  // namespace aliquot::guest::opencl
