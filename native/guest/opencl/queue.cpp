#include "generated/opencl_functions.h"
#include "guest/counted_work.h"
#include "guest/opencl/info.h"
#include "guest/opencl/internal.h"
#include "guest/opencl/platform.h"
#include "guest/opencl/transfer.h"
#include "protocol/copy_time.h"

namespace aliquot::guest::opencl {

// ---- ids, and sending for other parts -----------------------------------------------------------

uint32_t take_id(Connection& connection, Kind kind) {
  LockGuard guard(connection.lock());
  return connection.ids[static_cast<uint32_t>(kind)].take();
}

void release_remote(Connection& connection, Kind kind, uint32_t id) {
  ReleaseCommand command;
  command.kind = static_cast<uint32_t>(kind);
  command.object = id;
  LockGuard guard(connection.lock());
  // Where it can't be sent nothing will ever be created again either.
  if (send_locked(connection, command)) {
    connection.ids[static_cast<uint32_t>(kind)].give_back(id);
  }
}

cl_int enqueue_result(Queue& queue) {
  if (!queue.connection->strict()) return CL_SUCCESS;
  LastErrorCommand command;
  command.queue = queue.id;
  ReplyWait reply(*queue.connection);
  return ask(*queue.connection, reply, command) ? reply.status() : CL_OUT_OF_RESOURCES;
}

// ---- how far a queue has come -------------------------------------------------------------------

namespace {

bool wait_slot(Connection& connection, uint32_t queue_id, uint64_t sequence,
               uint64_t copied_bytes = 0, bool only_copies = false) {
  constexpr uint64_t kBytesPerNs = 5;  // where kernels come before, that can't be told apart

  layout::QueueSlot& slot = connection.memory().queues[queue_id - 1];
  const auto ended = [&] {
    return slot.completed.load(std::memory_order_acquire) >= sequence;
  };
  return wait_until(
      connection.queue_spin, ended,
      [&] {
        slot.waiters.store(1, std::memory_order_seq_cst);
        const uint32_t changed = slot.changed.load(std::memory_order_seq_cst);
        if (ended()) return;
        futex_wait(slot.changed, changed, kSliceMs);
        // Some drivers never call back for a command that failed because of its wait list.
        if (ended() || !events_of(connection).failures_seen.load(std::memory_order_relaxed)) return;
        SyncCommand again;
        again.queue = queue_id;
        again.sequence = sequence;
        send(connection, again);
      },
      [&] { return connection.check_alive(); },
      CountedWork{connection.times, slot, slot.ended_ns,
                  only_copies ? Reason::kTransfer : Reason::kWork, copied_bytes / kBytesPerNs},
      protocol::copy_time_ns(copied_bytes));
}

/// All kernels of the queue are known to have ended.
bool kernels_ended(const Queue& queue) {
  return queue.slot->completed.load(std::memory_order_relaxed) >=
         queue.launched.load(std::memory_order_relaxed);
}

}  // namespace

void ask_completion_locked(Queue& queue, uint64_t sequence) {
  if (queue.sync_sent.load(std::memory_order_relaxed) >= sequence) return;
  SyncCommand command;
  command.queue = queue.id;
  command.sequence = queue.submitted.load(std::memory_order_relaxed);
  if (!send_locked(*queue.connection, command)) return;
  queue.sync_sent.store(command.sequence, std::memory_order_relaxed);
  queue.flush_sent.store(command.sequence, std::memory_order_relaxed);
}

cl_int wait_sequence(Queue& queue, uint64_t sequence, uint64_t copied_bytes) {
  Connection& connection = *queue.connection;
  if (queue.slot->completed.load(std::memory_order_acquire) < sequence) {
    if (connection.dead()) return CL_OUT_OF_RESOURCES;
    {
      LockGuard guard(connection.lock());
      ask_completion_locked(queue, sequence);
    }
    const bool only_copies = copied_bytes != 0 && kernels_ended(queue);
    if (!wait_slot(connection, queue.id, sequence, copied_bytes, only_copies)) {
      return CL_OUT_OF_RESOURCES;
    }
  }
  events_of(connection).ends_seen.fetch_add(1, std::memory_order_relaxed);
  return CL_SUCCESS;
}

bool wait_use(Connection& connection, uint32_t queue_id, uint64_t sequence) {
  if (use_ended(connection, {queue_id, sequence})) return true;
  if (connection.dead()) return false;
  SyncCommand command;
  command.queue = queue_id;
  command.sequence = sequence;
  if (!send(connection, command)) return false;
  return wait_slot(connection, queue_id, sequence);
}

cl_int take_latched_error(Queue& queue) {
  if (__builtin_expect(queue.slot->error.load(std::memory_order_relaxed) == 0, true)) return 0;
  return queue.slot->error.exchange(0, std::memory_order_acq_rel);
}

void flush_queue(Queue& queue) {
  Connection& connection = *queue.connection;
  LockGuard guard(connection.lock());
  const uint64_t submitted = queue.submitted.load(std::memory_order_relaxed);
  if (queue.flush_sent.load(std::memory_order_relaxed) >= submitted) return;
  FlushCommand command;
  command.queue = queue.id;
  if (send_locked(connection, command)) {
    queue.flush_sent.store(submitted, std::memory_order_relaxed);
  }
}

// ---- creation and end ---------------------------------------------------------------------------

namespace {

constexpr cl_command_queue_properties kHostProperties =
    CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE;
constexpr cl_command_queue_properties kDeviceProperties =
    CL_QUEUE_ON_DEVICE | CL_QUEUE_ON_DEVICE_DEFAULT;

cl_int check_bits(const Device& device, cl_command_queue_properties bits) {
  if ((bits & ~(kHostProperties | kDeviceProperties)) != 0) return CL_INVALID_VALUE;
  if ((bits & ~device.queue_properties) != 0) return CL_INVALID_QUEUE_PROPERTIES;
  return CL_SUCCESS;
}

/// Reads a property list; `words` counts the terminating 0.
cl_int read_properties(const cl_queue_properties* list, cl_command_queue_properties* bits,
                       size_t* words) {
  *bits = 0;
  *words = 0;
  if (list == nullptr) return CL_SUCCESS;
  bool seen = false;
  size_t i = 0;
  for (; list[i] != 0; i += 2) {
    // CL_QUEUE_SIZE belongs to queues on the device, which this device has not.
    if (list[i] != CL_QUEUE_PROPERTIES || seen) return CL_INVALID_VALUE;
    seen = true;
    *bits = list[i + 1];
  }
  *words = i + 1;
  return CL_SUCCESS;
}

/// An id whose last user's commands have all ended, so that sequences go on where they were.
uint32_t take_queue_id(Connection& connection) {
  IdPool& pool = connection.ids[static_cast<uint32_t>(Kind::kQueue)];
  LockGuard guard(connection.lock());
  Array<LastUse>& retiring = state_of(connection).retiring_queues;
  for (size_t i = 0; i < retiring.size();) {
    if (use_ended(connection, retiring[i])) {
      pool.give_back(retiring[i].queue);
      retiring.remove_unordered(i);
    } else {
      ++i;
    }
  }
  return pool.take();
}

cl_int create_remotely(Connection& connection, Queue& queue) {
  queue.id = take_queue_id(connection);
  if (queue.id == 0) return CL_OUT_OF_RESOURCES;
  queue.slot = &connection.memory().queues[queue.id - 1];
  const uint64_t before = queue.slot->completed.load(std::memory_order_acquire);
  queue.submitted.store(before, std::memory_order_relaxed);
  queue.sync_sent.store(before, std::memory_order_relaxed);
  queue.flush_sent.store(before, std::memory_order_relaxed);
  queue.slot->error.store(0, std::memory_order_relaxed);
  CreateQueueCommand command;
  command.queue = queue.id;
  command.context = queue.context->id;
  command.device = queue.device->id;
  command.properties = queue.properties;
  ReplyWait reply(connection);
  if (!ask(connection, reply, command)) return CL_OUT_OF_RESOURCES;
  return reply.status();
}

cl_int create(cl_context context_handle, cl_device_id device_handle,
              cl_command_queue_properties bits, const cl_queue_properties* list, size_t words,
              Queue** made) {
  Context* context = from_handle<Context>(context_handle);
  if (context == nullptr) return CL_INVALID_CONTEXT;
  Device* device = from_handle<Device>(device_handle);
  if (device == nullptr || !context->has(device)) return CL_INVALID_DEVICE;
  cl_int status = check_bits(*device, bits);
  if (status != CL_SUCCESS) return status;
  if (context->connection->dead()) return CL_OUT_OF_RESOURCES;
  Queue* queue = make<Queue>(context->connection);
  if (queue == nullptr) return CL_OUT_OF_HOST_MEMORY;
  queue->context = context;
  hold(*context);
  queue->device = device;
  hold(*device);
  queue->properties = bits;
  queue->has_property_list = list != nullptr;
  if (!queue->property_list.resize(words)) {
    status = CL_OUT_OF_HOST_MEMORY;
  } else {
    if (words != 0) memcpy(queue->property_list.data(), list, words * sizeof *list);
    status = create_remotely(*context->connection, *queue);
  }
  if (status != CL_SUCCESS) {
    release(*queue);
    return status;
  }
  *made = queue;
  return CL_SUCCESS;
}

cl_command_queue finish_creation(cl_int status, Queue* queue, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = status;
  return queue == nullptr ? nullptr : to_handle(queue);
}

}  // namespace

cl_command_queue CreateCommandQueue(cl_context context, cl_device_id device,
                                    cl_command_queue_properties properties, cl_int* errcode_ret) {
  Queue* queue = nullptr;
  const cl_int status = (properties & ~kHostProperties) != 0
                            ? CL_INVALID_VALUE
                            : create(context, device, properties, nullptr, 0, &queue);
  return finish_creation(status, queue, errcode_ret);
}

cl_command_queue CreateCommandQueueWithProperties(cl_context context, cl_device_id device,
                                                  const cl_queue_properties* properties,
                                                  cl_int* errcode_ret) {
  cl_command_queue_properties bits = 0;
  size_t words = 0;
  Queue* queue = nullptr;
  cl_int status = read_properties(properties, &bits, &words);
  if (status == CL_SUCCESS) status = create(context, device, bits, properties, words, &queue);
  return finish_creation(status, queue, errcode_ret);
}

cl_int RetainCommandQueue(cl_command_queue handle) {
  Queue* queue = from_handle<Queue>(handle);
  if (queue == nullptr) return CL_INVALID_COMMAND_QUEUE;
  retain(*queue);
  return CL_SUCCESS;
}

cl_int ReleaseCommandQueue(cl_command_queue handle) {
  Queue* queue = from_handle<Queue>(handle);
  return queue != nullptr && release(*queue) ? CL_SUCCESS : CL_INVALID_COMMAND_QUEUE;
}

void finalize(Queue& queue) {
  Connection& connection = *queue.connection;
  drop_transfers(queue);
  if (queue.id != 0) {
    LockGuard guard(connection.lock());
    const uint64_t last = queue.submitted.load(std::memory_order_relaxed);
    if (!queue.idle()) ask_completion_locked(queue, last);
    ReleaseCommand command;
    command.kind = static_cast<uint32_t>(Kind::kQueue);
    command.object = queue.id;
    if (send_locked(connection, command)) {
      // Without memory to note it the id is lost.
      (void)state_of(connection).retiring_queues.push_back({queue.id, last});
    }
  }
  unhold(*queue.device);
  unhold(*queue.context);
}

// ---- queries, flush, finish ---------------------------------------------------------------------

cl_int GetCommandQueueInfo(cl_command_queue handle, cl_command_queue_info param_name,
                           size_t param_value_size, void* param_value,
                           size_t* param_value_size_ret) {
  Queue* queue = from_handle<Queue>(handle);
  if (queue == nullptr) return CL_INVALID_COMMAND_QUEUE;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_QUEUE_CONTEXT:
      return target.value_of(to_handle(queue->context));
    case CL_QUEUE_DEVICE:
      return target.value_of(to_handle(queue->device));
    case CL_QUEUE_REFERENCE_COUNT:
      return target.value_of<cl_uint>(queue->references.load(std::memory_order_relaxed));
    case CL_QUEUE_PROPERTIES:
      return target.value_of(queue->properties);
    case CL_QUEUE_PROPERTIES_ARRAY:
      return target.bytes(queue->property_list.data(),
                          queue->property_list.size() * sizeof(cl_queue_properties));
    case CL_QUEUE_DEVICE_DEFAULT:
      return target.value_of<cl_command_queue>(nullptr);
    case CL_QUEUE_SIZE:  // of a queue on the device
      return CL_INVALID_COMMAND_QUEUE;
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int Flush(cl_command_queue handle) {
  Queue* queue = from_handle<Queue>(handle);
  if (queue == nullptr) return CL_INVALID_COMMAND_QUEUE;
  if (queue->connection->dead()) return CL_OUT_OF_RESOURCES;
  flush_queue(*queue);
  return CL_SUCCESS;
}

cl_int Finish(cl_command_queue handle) {
  Queue* queue = from_handle<Queue>(handle);
  if (queue == nullptr) return CL_INVALID_COMMAND_QUEUE;
  if (queue->connection->dead()) return CL_OUT_OF_RESOURCES;
  const cl_int waited = wait_sequence(*queue, queue->submitted.load(std::memory_order_relaxed));
  settle(*queue);
  settle_all(*queue->connection);  // reads of other queues that this one waited for
  drain_print(*queue->connection);
  const cl_int latched = take_latched_error(*queue);
  return waited != CL_SUCCESS ? waited : latched;
}

}  // namespace aliquot::guest::opencl
