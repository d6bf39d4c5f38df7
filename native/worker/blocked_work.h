// The commands of a connection that can't begin before the guest process gives a user event its
// status: they may stay so for ever, and nothing that awaits the end of a turn may await them. Only
// the decode thread comes in.
#pragma once

#include <CL/cl_icd.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "worker/turn_window.h"

namespace aliquot::worker {

class BlockedWork {
 public:
  /// Work for the device that lies in the driver.
  struct Command {
    std::shared_ptr<TurnWindow::Lane> lane;  // null: none
    cl_event event = nullptr;
    Work work;
  };
  /// A user event, a command, or all commands of a queue up to one.
  struct Block {
    bool open = false;
    std::vector<std::shared_ptr<Block>> waits_for;
    Command command;
  };
  using Handle = std::shared_ptr<Block>;
  using Handles = std::vector<Handle>;

  explicit BlockedWork(const cl_icd_dispatch& calls) : calls_(calls) {}
  ~BlockedWork();

  /// Whether anything may be blocked.
  bool any() const { return user_events_ != 0; }
  /// Whether commands wait, not just user events without a status.
  bool holds_commands() const { return !pending_.empty(); }
  /// Puts `handle` among `handles` where it still blocks what waits for it.
  static void gather(const Handle& handle, Handles& handles) {
    if (handle != nullptr && !handle->open) handles.push_back(handle);
  }
  Handle add_user_event();
  /// A command that waits for `waits_for`, which is not empty.
  Handle add(Handles waits_for, Command command);
  /// One that is open when both are.
  Handle join(const Handle& first, const Handle& second);
  /// The user event is about to have a status. Returns what may begin then, in the order in which
  /// it was enqueued; the caller releases the events.
  std::vector<Command> open(const Handle& user_event);

 private:
  const cl_icd_dispatch& calls_;
  uint64_t user_events_ = 0;  // without a status
  Handles pending_;           // in the order in which they were enqueued
};

}  // namespace aliquot::worker
