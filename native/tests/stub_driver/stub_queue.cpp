// Events and queues of the stub driver: one thread a queue runs its commands in order.
#include <time.h>

#include "stub_objects.h"

namespace aliquot::stub {

namespace {

cl_ulong now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &time);
  return static_cast<cl_ulong>(time.tv_sec) * 1'000'000'000u + static_cast<cl_ulong>(time.tv_nsec);
}

void destroy(cl_command_queue queue) {
  if (queue->thread.get_id() == std::this_thread::get_id()) queue->thread.detach();
  queue->magic = kDead;
  delete queue;
}

void run_queue(cl_command_queue queue) {
  for (;;) {
    _cl_command_queue::Command command;
    {
      std::unique_lock hold(queue->lock);
      queue->changed.wait(hold, [&] { return queue->stopping || !queue->commands.empty(); });
      if (queue->commands.empty()) return;
      command = std::move(queue->commands.front());
      queue->commands.pop_front();
      queue->running = true;
    }
    cl_int failed = 0;
    for (cl_event event : command.wait) {
      const cl_int status = wait_for(event);
      if (status < 0) failed = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
      release_event(event);
    }
    if (failed == 0) {
      set_status(command.event, CL_RUNNING);
      if (command.run) command.run();
    }
    command.run = nullptr;  // drops what the command retained
    set_status(command.event, failed < 0 ? failed : CL_COMPLETE);
    release_event(command.event);
    {
      std::scoped_lock hold(queue->lock);
      queue->running = false;
    }
    queue->changed.notify_all();
    if (queue->references.fetch_sub(1) == 1) {  // this command was the last that needed the queue
      destroy(queue);
      return;
    }
  }
}

}  // namespace

void release_event(cl_event event) {
  check(event);
  if (event->references.fetch_sub(1) != 1) return;
  event->magic = kDead;
  delete event;
}

void release_memory(cl_mem memory) {
  check(memory);
  if (memory->references.fetch_sub(1) != 1) return;
  for (auto entry = memory->destructors.rbegin(); entry != memory->destructors.rend(); ++entry) {
    entry->first(memory, entry->second);
  }
  if (memory->owns_data) std::free(memory->data);
  if (memory->parent != nullptr) release_memory(memory->parent);
  memory->magic = kDead;
  delete memory;
}

void set_status(cl_event event, cl_int status) {
  std::vector<_cl_event::Callback> due;
  {
    std::scoped_lock hold(event->lock);
    if (event->status <= CL_COMPLETE) return;
    event->status = status;
    if (status == CL_RUNNING) event->times[2] = now_ns();
    if (status <= CL_COMPLETE) event->times[3] = now_ns();
    for (auto entry = event->callbacks.begin(); entry != event->callbacks.end();) {
      if (status <= entry->level) {
        due.push_back(*entry);
        entry = event->callbacks.erase(entry);
      } else {
        ++entry;
      }
    }
  }
  event->changed.notify_all();
  for (const auto& callback : due) {
    callback.function(event, status < 0 ? status : callback.level, callback.user);
  }
}

cl_int wait_for(cl_event event) {
  check(event);
  std::unique_lock hold(event->lock);
  event->changed.wait(hold, [&] { return event->status <= CL_COMPLETE; });
  return event->status;
}

void start(cl_command_queue queue) { queue->thread = std::thread(run_queue, queue); }

void release_queue(cl_command_queue queue) {
  check(queue);
  if (queue->references.fetch_sub(1) != 1) return;
  {
    std::scoped_lock hold(queue->lock);
    queue->stopping = true;
  }
  queue->changed.notify_all();
  if (queue->thread.get_id() != std::this_thread::get_id()) queue->thread.join();
  destroy(queue);
}

void finish(cl_command_queue queue) {
  std::unique_lock hold(queue->lock);
  queue->changed.wait(hold, [&] { return queue->commands.empty() && !queue->running; });
}

cl_int enqueue(cl_command_queue queue, cl_command_type type, cl_uint wait_count,
               const cl_event* wait, cl_event* out, std::function<void()> run) {
  check(queue);
  if ((wait_count == 0) != (wait == nullptr)) return CL_INVALID_EVENT_WAIT_LIST;
  auto* event = new _cl_event;
  event->context = queue->context;
  event->queue = queue;
  event->type = type;
  event->times[0] = event->times[1] = now_ns();
  event->status = CL_SUBMITTED;
  _cl_command_queue::Command command{event, {}, std::move(run)};
  for (cl_uint i = 0; i < wait_count; ++i) {
    retain(wait[i]);
    command.wait.push_back(wait[i]);
  }
  if (out != nullptr) {
    retain(event);
    *out = event;
  }
  retain(queue);
  {
    std::scoped_lock hold(queue->lock);
    queue->commands.push_back(std::move(command));
  }
  queue->changed.notify_all();
  return CL_SUCCESS;
}

}  // namespace aliquot::stub
