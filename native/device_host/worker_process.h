// One worker: started in its sandbox, listened to, and reaped.
#pragma once

#include <memory>
#include <string>

#include "device_host/cgroup.h"
#include "device_host/disk_room.h"
#include "device_host/host_context.h"
#include "device_host/record_channel.h"
#include "device_host/worker.h"
#include "device_host/worker_home.h"
#include "device_host/worker_plan.h"
#include "sandbox/launch.h"

namespace aliquot {

class WorkerProcess final : public Worker {
 public:
  WorkerProcess(HostContext& context, const VgpuSettings& settings, WorkerEvents events);
  ~WorkerProcess() override;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  bool start(std::string& problem) override;
  bool adopt(DescriptorStore& store, const WorkerFacts& facts) override;
  WorkerFacts facts() const override;
  void send(const records::Record& record, const std::vector<int>& descriptors) override;
  void kill(const std::string& why) override;
  void dismiss(const std::string& why) override;
  bool running() const override { return running_; }
  bool doomed() const override { return !why_killed_.empty(); }
  bool started() const override { return started_; }
  pid_t process() const override { return launched_.process; }
  uint32_t protections() const override { return protections_; }
  bool reached_cgroup_limit() const override { return cgroup_.kills() > 0; }
  void check_cache() override;
  void limit_cgroup(uint64_t common_bytes) override;

 private:
  void on_report();
  void on_output();
  void log_line(const std::string& line);
  void on_ended(int status);
  void give_back_home();
  KeptKey key(KeptKind kind) const { return {kind, 0, settings_.id, 0}; }
  std::string cgroup_name() const;
  void listen(Descriptor socket);
  void keep_descriptors(int socket);
  void forget_descriptors();

  HostContext& context_;
  const VgpuSettings& settings_;
  WorkerEvents events_;
  WorkerHome home_;
  WorkerCgroup cgroup_;
  sandbox::Launched launched_;
  std::unique_ptr<RecordChannel> channel_;
  Descriptor output_;
  uint64_t report_token_ = 0, output_token_ = 0, dismissal_ = 0;
  bool running_ = false, kept_ = false, reported_ = false, started_ = false;
  uint32_t protections_ = 0;
  uint64_t cgroup_limit_ = 0;
  DiskRoom room_;
  uint64_t cache_check_ = 0;                // a helper at work
  std::string unfinished_line_;             // of its output
  size_t lines_left_ = 100;                 // of its output that go to the log
  std::string why_killed_;
};

}  // namespace aliquot
