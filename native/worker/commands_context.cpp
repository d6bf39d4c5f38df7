// Devices, contexts, queues, and the end of every object.
#include "worker/connection.h"
#include "worker/partition.h"

namespace aliquot::worker {

using namespace opencl;

void Connection::on(const SnapshotCommand& command) {
  if (!check_reply(command.reply)) return;
  const cl_device_id device = find_device(command.device);
  if (device == nullptr) return replies_.answer(command.reply, CL_INVALID_DEVICE);
  replies_.answer(command.reply, CL_SUCCESS, report(device));
}

void Connection::on(const CreateSubDevicesCommand& command) {
  if (!check_reply(command.reply)) return;
  const cl_device_id device = find_device(command.device);
  if (device == nullptr) return replies_.answer(command.reply, CL_INVALID_DEVICE);
  if (calls_.clCreateSubDevices == nullptr) {
    return replies_.answer(command.reply, CL_INVALID_OPERATION);
  }
  for (const uint32_t id : command.sub_devices) {
    if (id == 0 || devices_.find(id) != nullptr) {
      return replies_.answer(command.reply, CL_INVALID_VALUE);
    }
  }
  // However the list ends, the driver finds an end.
  std::vector<cl_device_partition_property> properties(command.properties.begin(),
                                                       command.properties.end());
  properties.insert(properties.end(), 3, 0);
  std::vector<cl_device_id> made(command.sub_devices.size());
  cl_uint count = 0;
  const uint32_t spare = device == context_.driver.device ? context_.driver.spare_units : 0;
  if (spare != 0) {
    const auto reported = device_number<cl_uint>(calls_, device, CL_DEVICE_MAX_COMPUTE_UNITS, spare);
    const cl_int fits = fit_partition(properties, reported - spare);
    if (fits != CL_SUCCESS) return replies_.answer(command.reply, fits);
  }
  const cl_int status =
      calls_.clCreateSubDevices(device, properties.data(), static_cast<cl_uint>(made.size()),
                                made.empty() ? nullptr : made.data(), &count);
  if (status == CL_SUCCESS) {
    auto partition = std::make_shared<Partition>();
    partition->serial = next_serial_++;
    CreateSubDevicesCommand again = command;
    again.reply = {};
    partition->frame.resize(encoded_size(again));
    encode(again, partition->frame.data());
    for (size_t i = 0; i < made.size() && i < count; ++i) {
      DeviceObject* object = devices_.insert(command.sub_devices[i]);
      if (object != nullptr) *object = {made[i], true, partition};
      if (object == nullptr) calls_.clReleaseDevice(made[i]);
    }
  }
  ReplyBytes answer;
  answer.add(count);
  replies_.answer(command.reply, status, answer.bytes());
}

void Connection::on(const DeviceTimerCommand& command) {
  if (!check_reply(command.reply)) return;
  const cl_device_id device = find_device(command.device);
  if (device == nullptr) return replies_.answer(command.reply, CL_INVALID_DEVICE);
  if (calls_.clGetDeviceAndHostTimer == nullptr) {
    return replies_.answer(command.reply, CL_INVALID_OPERATION);
  }
  cl_ulong times[2] = {};
  const cl_int status = calls_.clGetDeviceAndHostTimer(device, &times[0], &times[1]);
  ReplyBytes answer;
  answer.add_bytes(times, sizeof times);
  replies_.answer(command.reply, status, answer.bytes());
}

void Connection::on(const CreateContextCommand& command) {
  if (!check_reply(command.reply)) return;
  std::vector<cl_device_id> devices;
  cl_int status = find_devices(command.devices, devices);
  if (status != CL_SUCCESS) return replies_.answer(command.reply, status);
  if (devices.empty()) return replies_.answer(command.reply, CL_INVALID_VALUE);
  ContextObject* object = contexts_.insert(command.context);
  if (object == nullptr) return replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
  const cl_context_properties properties[] = {
      CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(context_.driver.platform), 0};
  object->context = calls_.clCreateContext(properties, static_cast<cl_uint>(devices.size()),
                                           devices.data(), nullptr, nullptr, &status);
  if (object->context == nullptr) {
    if (status == CL_SUCCESS) status = CL_OUT_OF_RESOURCES;
    contexts_.erase(command.context);
  } else {
    object->devices.assign(command.devices.begin(), command.devices.end());
  }
  replies_.answer(command.reply, status);
}

void Connection::on(const CreateQueueCommand& command) {
  if (!check_reply(command.reply)) return;
  constexpr uint64_t kKnown = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE;
  const cl_context context = find_context(command.context);
  const cl_device_id device = find_device(command.device);
  if (context == nullptr) return replies_.answer(command.reply, CL_INVALID_CONTEXT);
  if (device == nullptr) return replies_.answer(command.reply, CL_INVALID_DEVICE);
  if ((command.properties & ~kKnown) != 0) return replies_.answer(command.reply, CL_INVALID_VALUE);
  release_ended_queues();
  if (closing_queues_.size() >= layout::kQueueSlots) {
    return replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
  }
  QueueObject* object = queues_.insert(command.queue);
  if (object == nullptr) return replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
  cl_int status = CL_OUT_OF_RESOURCES;
  // What commands take is learned from their times.
  const uint64_t wanted = command.properties | (takes_turns() ? CL_QUEUE_PROFILING_ENABLE : 0);
  if (calls_.clCreateCommandQueueWithProperties != nullptr) {
    const cl_queue_properties properties[] = {CL_QUEUE_PROPERTIES, wanted, 0};
    object->queue = calls_.clCreateCommandQueueWithProperties(context, device, properties, &status);
  } else {
    object->queue = calls_.clCreateCommandQueue(context, device, wanted, &status);
  }
  if (object->queue == nullptr) {
    queues_.erase(command.queue);
    return replies_.answer(command.reply, status == CL_SUCCESS ? CL_OUT_OF_RESOURCES : status);
  }
  object->context = context;
  object->context_id = command.context;
  object->device_id = command.device;
  object->in_order = (command.properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0;
  object->profiled = (command.properties & CL_QUEUE_PROFILING_ENABLE) != 0;
  if (takes_turns()) object->lane = context_.gate->open(object->queue, object->in_order);
  QueueNature nature{object->in_order, nullptr};
  if (object->lane != nullptr) nature.device_ns = {object->lane, &object->lane->took_ns};
  object->progress = std::make_shared<QueueProgress>(publisher_, context_.watchdog.alarm(),
                                                     command.queue, std::move(nature));
  // The sequences of a slot go on from one queue to the next: buffers remember their last use by
  // queue id and sequence.
  auto& slot_owner = queue_slots_[command.queue];
  if (slot_owner != nullptr) object->progress->continue_from(slot_owner->retire());
  slot_owner = object->progress;
  if (!restoring_) memory_->queues[command.queue - 1].error.store(0);
  context_.watchdog.add(id_, object->progress);
  replies_.answer(command.reply, CL_SUCCESS);
}

void Connection::on(const ReleaseCommand& command) {
  switch (static_cast<ObjectKind>(command.kind)) {
    case ObjectKind::kDevice:
      return release_device(command.object);
    case ObjectKind::kContext:
      return release_context(command.object);
    case ObjectKind::kQueue:
      return release_queue(command.object);
    case ObjectKind::kBuffer:
      return release_buffer(command.object);
    case ObjectKind::kProgram:
      return release_program(command.object);
    case ObjectKind::kKernel:
      return release_kernel(command.object);
    case ObjectKind::kEvent:
      return release_event(command.object);
  }
  broke_protocol("A release names a kind of object that doesn't exist.");
}

void Connection::release_device(uint32_t id) {
  DeviceObject* object = devices_.find(id);
  if (object == nullptr || !object->sub_device) return;
  calls_.clReleaseDevice(object->device);
  devices_.erase(id);
}

void Connection::release_context(uint32_t id) {
  ContextObject* object = contexts_.find(id);
  if (object == nullptr) return;
  calls_.clReleaseContext(object->context);
  contexts_.erase(id);
}

// The progress lives on in `queue_slots_`: a sync still ends, sent before or after this.
void Connection::release_queue(uint32_t id) {
  QueueObject* object = queues_.find(id);
  if (object == nullptr) return;
  cover_hidden(*object);
  if (!object->in_order && !object->progress->prune()) add_marker(*object);
  calls_.clFlush(object->queue);
  closing_queues_.push_back(std::move(*object));
  queues_.erase(id);
  release_ended_queues();
}

// A queue that is released while it works is freed by the driver's own thread that ends its last
// command. Intel's driver then waits on that thread for the thread itself, and never works again, if
// the queue is out of order. Its events are complete a moment before that thread lets go of the
// queue; clFinish, all commands having ended, waits for that moment and no longer.
void Connection::release_ended_queues() {
  std::erase_if(closing_queues_, [&](QueueObject& closing) {
    if (closing.evented != closing.commands && !add_marker(closing)) return false;
    if (!closing.progress->prune()) return false;
    if (!closing.in_order) calls_.clFinish(closing.queue);
    let_go(closing);
    return true;
  });
}

}  // namespace aliquot::worker
