// What all enqueues share: checking handles, and commands that need not reach the worker.
#include <time.h>

#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr uint64_t kLookNs = 100'000'000;

}  // namespace

bool peer_alive(Connection& connection) {
  if (connection.dead()) return false;
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  const uint64_t ns = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u +
                      static_cast<uint64_t>(now.tv_nsec);
  std::atomic<uint64_t>& looked = memory_of(connection).looked_ns;
  if (ns - looked.load(std::memory_order_relaxed) < kLookNs) return true;
  looked.store(ns, std::memory_order_relaxed);
  return connection.check_alive();
}

cl_int check_queue(cl_command_queue handle, Queue** queue) {
  *queue = from_handle<Queue>(handle);
  if (*queue == nullptr) return CL_INVALID_COMMAND_QUEUE;
  return (*queue)->connection->dead() ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

cl_int check_buffer(const Queue& queue, cl_mem handle, Buffer** buffer) {
  *buffer = from_handle<Buffer>(handle);
  if (*buffer == nullptr) return CL_INVALID_MEM_OBJECT;
  if ((*buffer)->context != queue.context) return CL_INVALID_CONTEXT;
  if ((*buffer)->parent != nullptr) {
    const uint32_t align = queue.device->base_address_align_bits / 8;
    if (align != 0 && (*buffer)->origin % align != 0) return CL_MISALIGNED_SUB_BUFFER_OFFSET;
  }
  return CL_SUCCESS;
}

void hand_out(cl_event made, cl_int status, cl_event* wanted) {
  if (made == nullptr) return;
  if (status == CL_SUCCESS && wanted != nullptr) *wanted = made;
  else release(*from_handle<Event>(made));
}

cl_int finish_failed(Queue& queue, cl_command_type type, cl_event* wanted) {
  if (wanted == nullptr) return CL_SUCCESS;
  Event* made = new_local_event(queue, type);
  if (made == nullptr) return CL_OUT_OF_HOST_MEMORY;
  made->local_status.store(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST,
                           std::memory_order_relaxed);
  *wanted = to_handle(made);
  return CL_SUCCESS;
}

cl_int finish_locally(Queue& queue, cl_command_type type, cl_event* event) {
  if (event == nullptr) return CL_SUCCESS;
  Event* made = new_local_event(queue, type);
  if (made == nullptr) return CL_OUT_OF_HOST_MEMORY;
  *event = to_handle(made);
  return CL_SUCCESS;
}

namespace {

/// An event that is complete from the start: a command that names it in its wait list waits for
/// nothing, whereas one without a list waits for all commands before it.
uint32_t ended_event_of(Context& context) {
  LockGuard guard(context.lock);
  if (context.ended_event != 0) return context.ended_event;
  const uint32_t id = take_id(*context.connection, Kind::kEvent);
  if (id == 0) return 0;
  CreateUserEventCommand create{};
  create.event = id;
  create.context = context.id;
  SetUserEventStatusCommand set{};
  set.event = id;
  set.status = CL_COMPLETE;
  if (!send(*context.connection, create) || !send(*context.connection, set)) return 0;
  context.ended_event = id;
  return id;
}

}  // namespace

void drop_ended_event(Context& context) {
  if (context.ended_event != 0) {
    release_remote(*context.connection, Kind::kEvent, context.ended_event);
  }
  context.ended_event = 0;
}

cl_int order_only(Queue& queue, cl_command_type type, const WaitList& wait, cl_event* event) {
  if (wait.failed) return finish_failed(queue, type, event);
  if (wait.ids.empty()) {
    // Later commands of an in-order queue come after it anyway, and nobody looks.
    if (event == nullptr || (queue.idle() && !queue.profiling())) {
      if (!peer_alive(*queue.connection)) return CL_OUT_OF_RESOURCES;
      return finish_locally(queue, type, event);
    }
  } else if (event == nullptr && !queue.in_order()) {
    return CL_SUCCESS;
  }
  MarkerCommand command{};
  if (!wait.ids.empty() || queue.in_order()) {
    return enqueue(queue, command, type, wait, event, nullptr);
  }
  // Out of order it waits for barriers, but not for the commands before it.
  WaitList ended;
  const uint32_t id = ended_event_of(*queue.context);
  if (id == 0 || !ended.ids.push_back(id)) return CL_OUT_OF_RESOURCES;
  return enqueue(queue, command, type, ended, event, nullptr);
}

}  // namespace aliquot::guest::opencl
