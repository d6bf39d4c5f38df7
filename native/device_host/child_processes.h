// The device host's children: workers, short-lived helpers, and what dead workers leave behind.
#pragma once

#include <sys/types.h>

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

  /// Writes `process` into files of cgroups, in a helper process: the kernel lets the writer wait
  /// for tens of milliseconds.
  void move_into_cgroups(pid_t process, const std::vector<std::string>& process_files);

  /// Kills children that came here because the worker they belonged to died. Only a worker
  /// without a process namespace of its own can leave any. Never waits: goes on from the loop.
  void kill_orphans();

 private:
  struct Helper {
    pid_t process;
    int process_descriptor;
    uint64_t token;
  };
  void reap(pid_t helper);
  bool kill_unknown_children();

  EventLoop& loop_;
  std::set<pid_t> known_;
  std::vector<Helper> helpers_;
  uint64_t again_ = 0;  // timer of the next look for orphans
};

}  // namespace aliquot
