// A guest process with two queues, whose commands the test hands over itself, on a scripted driver.
#pragma once

#include <memory>
#include <vector>

#include "check.h"
#include "direct_connection.h"
#include "scripted_driver.h"
#include "turn_double.h"

namespace aliquot::test {

/// A connection with a buffer and two queues, 1 in order and 2 not.
class QueueGuest {
 public:
  QueueGuest(ScriptedDriver& script, TurnDouble& turn)
      : script_(script),
        watchdog_(0, turn.host),
        connection_({script.driver(),
                     std::make_shared<worker::MemoryQuota>(1 << 20),
                     turn.host,
                     watchdog_,
                     nullptr,
                     0,
                     {},
                     &turn.gate},
                    1, memory_) {
    open_context(connection_);
    for (uint32_t queue = 1; queue <= 2; ++queue) {
      opencl::CreateQueueCommand command;
      command.queue = queue;
      command.context = command.device = 1;
      command.properties = queue == 2 ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0;
      memory_->replies[0].state.store(layout::kReplyEmpty);
      send(connection_, command);
    }
    opencl::CreateBufferCommand buffer;
    buffer.buffer = buffer.context = 1;
    buffer.size = 64;
    send(connection_, buffer);
  }
  ~QueueGuest() {
    connection_.stop();
    connection_.tear_down();
  }
  /// The number of the driver's event.
  size_t user_event(uint32_t id) {
    opencl::CreateUserEventCommand command;
    command.event = id;
    command.context = 1;
    const size_t number = script_.events();
    send(connection_, command);
    return number;
  }
  void set(uint32_t id, cl_int status) {
    opencl::SetUserEventStatusCommand command;
    command.event = id;
    command.status = status;
    send(connection_, command);
  }
  size_t fill(uint32_t queue, std::vector<uint32_t> wait = {}, uint32_t event = 0) {
    const uint8_t zero = 0;
    opencl::FillBufferCommand command;
    command.queue = queue;
    command.buffer = 1;
    command.event = event;
    command.size = 64;
    command.pattern = {&zero, 1};
    command.wait = wait;
    const size_t number = script_.events();
    send(connection_, command);
    return number;
  }
  template <class Command>
  size_t wait_in_queue(uint32_t queue, uint32_t event = 0) {
    Command command;
    command.queue = queue;
    command.event = event;
    const size_t number = script_.events();
    send(connection_, command);
    return number;
  }
  worker::Connection& connection() { return connection_; }

 private:
  ScriptedDriver& script_;
  std::shared_ptr<layout::ConnectionMemory> memory_ = std::make_shared<layout::ConnectionMemory>();
  worker::Watchdog watchdog_;
  worker::Connection connection_;
};

/// Whether the turn ends though nothing of what was enqueued has ended.
inline bool turn_ends(TurnDouble& turn) {
  const size_t before = turn.host.finished();
  turn.turns.shorten(worker::now_ns());
  turn.gate.look();
  return turn.host.finished() == before + 1;
}

}  // namespace aliquot::test
