// The device host's short-lived helpers, and what dead workers leave behind.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "device_host/event_loop.h"
#include "device_host/supervisor_link.h"

namespace aliquot {

class ChildProcesses {
 public:
  ChildProcesses(EventLoop& loop, SupervisorLink& link) : loop_(loop), link_(link) {}
  ~ChildProcesses();

  /// Runs `work` in a helper process, for what takes too long to wait for: a few lines that change
  /// nothing in this one and need none of its descriptors. It ends at the latest when this one leaves.
  /// `done` is told what it returned, 0 to 255. Returns an id for abandon(), 0 when there is no process
  /// to be had.
  uint64_t run_helper(const std::function<int()>& work, std::function<void(int)> done);
  /// What the helper returns is of no interest any more.
  void abandon(uint64_t helper);

  /// Kills children that came to the supervisor because the worker they belonged to died. Only a
  /// worker without a process namespace of its own can leave any. Never waits: goes on from the
  /// loop.
  void kill_orphans();

 private:
  struct Helper {
    uint64_t id;
    std::function<void(int)> done;
    pid_t process;
    int process_descriptor;
    uint64_t token;
  };
  void reap(pid_t helper);

  EventLoop& loop_;
  SupervisorLink& link_;
  std::vector<Helper> helpers_;
  uint64_t last_helper_ = 0;
  uint64_t again_ = 0;  // timer of the next look for orphans
};

}  // namespace aliquot
