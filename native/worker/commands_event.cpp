// Events: those that the guest process sets itself, and those that it watches.
#include "worker/connection.h"

namespace aliquot::worker {

using namespace opencl;

void Connection::on(const CreateUserEventCommand& command) {
  EventObject* object = events_.insert(command.event);
  if (object == nullptr) return;  // the id is taken: whatever has it stays what it is
  const cl_context context = find_context(command.context);
  cl_int status = CL_INVALID_CONTEXT;
  object->context_id = command.context;
  if (context != nullptr) object->event = calls_.clCreateUserEvent(context, &status);
  if (object->event != nullptr) {
    object->user = true;
    if (takes_turns()) object->block = blocked_.add_user_event();
  } else {
    object->error = status < 0 ? status : CL_OUT_OF_RESOURCES;
  }
}

void Connection::on(const SetUserEventStatusCommand& command) {
  EventObject* object = events_.find(command.event);
  if (object == nullptr || !object->user || command.status > 0) return;
  set_user_event(*object, command.status);
}

void Connection::on(const WatchEventCommand& command) {
  if (command.event == 0 || command.event > layout::kEventSlots) return;
  EventObject* object = events_.find(command.event);
  if (object == nullptr) {
    std::make_shared<EventWatch>(publisher_, command.event, false)
        ->watch_failed(CL_INVALID_EVENT, command.notify, command.levels);
    return;
  }
  if (object->watch == nullptr) {
    object->watch = std::make_shared<EventWatch>(publisher_, command.event, object->profiled);
  }
  if (object->past) return object->watch->watch_past(*object->past, command.notify, command.levels);
  if (object->event == nullptr) {
    object->watch->watch_failed(object->error, command.notify, command.levels);
    return;
  }
  const bool in_queue = object->queue < queue_slots_.size();
  if (const auto progress = in_queue ? queue_slots_[object->queue] : nullptr) {
    const QueueObject* queue = queues_.find(object->queue);
    progress->attach(object->event, object->watch, queue != nullptr && queue->in_order);
  }
  object->watch->watch(object->event, command.notify, command.levels);
  if (!object->user) poll_.expect(object->event, object->watch);
  if (QueueObject* queue = queues_.find(object->queue)) calls_.clFlush(queue->queue);
}

void Connection::release_event(uint32_t id) {
  EventObject* object = events_.find(id);
  if (object == nullptr) return;
  if (object->watch != nullptr) object->watch->retire();
  // Nobody can set it any more: what waits for it must not wait for ever.
  if (object->user) set_user_event(*object, context_.driver.given_up_status);
  if (object->event != nullptr) calls_.clReleaseEvent(object->event);
  events_.erase(id);
}

}  // namespace aliquot::worker
