// One worker: started in its sandbox, listened to, and reaped.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "device_host/cgroup.h"
#include "device_host/host_context.h"
#include "device_host/record_channel.h"
#include "device_host/worker_home.h"
#include "device_host/worker_plan.h"
#include "sandbox/launch.h"

namespace aliquot {

class WorkerProcess {
 public:
  struct Events {
    std::function<void()> started;  // it runs, in its sandbox; protections() is known
    std::function<void(const records::Record&)> record;
    std::function<void(const std::string& how)> ended;  // reaped; called once, last
  };

  WorkerProcess(HostContext& context, const VgpuSettings& settings, Events events);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// False, with a phrase in `problem`, when not even a child could be made.
  bool start(std::string& problem);

  void send(const records::Record& record, const std::vector<int>& descriptors = {});

  /// Ends it at once; the first reason given is the one that `ended` tells.
  void kill(const std::string& why);

  /// Closes its socket, upon which a worker ends by itself; kills it a little later if not.
  void dismiss();

  bool running() const { return running_; }
  /// It has been killed, though it may not be reaped yet.
  bool doomed() const { return !why_killed_.empty(); }
  bool started() const { return started_; }
  pid_t process() const { return launched_.process; }
  uint32_t protections() const { return protections_; }
  /// Whether the kernel has killed one of its processes for reaching the cgroup's bound.
  bool reached_cgroup_limit() const { return cgroup_.kills() > 0; }
  /// Adapts the cgroup's bound to the common pages of all its connections.
  void limit_cgroup(uint64_t common_bytes);

 private:
  void on_report();
  void on_output();
  void log_line(const std::string& line);
  void on_ended();
  void forget_descriptors();

  HostContext& context_;
  const VgpuSettings& settings_;
  Events events_;
  WorkerHome home_;
  WorkerCgroup cgroup_;
  sandbox::Launched launched_;
  std::unique_ptr<RecordChannel> channel_;
  Descriptor output_;
  uint64_t process_token_ = 0, report_token_ = 0, output_token_ = 0, dismissal_ = 0;
  bool running_ = false, reported_ = false, started_ = false;
  uint32_t protections_ = 0;
  uint64_t cgroup_limit_ = 0;
  std::string unfinished_line_;  // of its output
  size_t lines_left_ = 100;      // of its output that go to the log
  std::string why_killed_;
};

}  // namespace aliquot
