// The device host's children: workers, short-lived helpers, and what dead workers leave behind.
#pragma once

#include <sys/types.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "device_host/event_loop.h"

namespace aliquot {

class ChildProcesses {
 public:
  explicit ChildProcesses(EventLoop& loop) : loop_(loop) {}
  ~ChildProcesses();

  /// A worker that somebody else watches and reaps.
  void add_worker(pid_t worker) { known_.insert(worker); }
  void remove_worker(pid_t worker) { known_.erase(worker); }

  /// Runs `work` in a helper process, for what takes too long to wait for: a few lines that change
  /// nothing in this one. `done` is told what it returned, 0 to 255. Returns an id for abandon(), 0
  /// when there is no process to be had.
  uint64_t run_helper(const std::function<int()>& work, std::function<void(int)> done);
  /// What the helper returns is of no interest any more.
  void abandon(uint64_t helper);

  /// Kills children that came here because the worker they belonged to died. Only a worker
  /// without a process namespace of its own can leave any. Never waits: goes on from the loop.
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
  bool kill_unknown_children();

  EventLoop& loop_;
  std::set<pid_t> known_;
  std::vector<Helper> helpers_;
  uint64_t last_helper_ = 0;
  uint64_t again_ = 0;  // timer of the next look for orphans
};

}  // namespace aliquot
