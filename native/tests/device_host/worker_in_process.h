// A worker that is no process: what tests and the record fuzzer have in common.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "device_host/host_context.h"
#include "device_host/worker.h"

namespace aliquot {

class WorkerInProcess : public Worker {
 public:
  WorkerInProcess(HostContext& context, WorkerEvents events)
      : context_(context), events_(std::move(events)) {}
  ~WorkerInProcess() override { context_.loop.cancel(timer_); }
  bool start(std::string&) override {
    running_ = true;
    timer_ = context_.loop.schedule(0, [this] {
      timer_ = 0;
      started_ = true;
      events_.started();
      has_started();
    });
    return true;
  }
  void send(const records::Record&, const std::vector<int>&) override {}
  bool running() const override { return running_; }
  bool doomed() const override { return doomed_; }
  bool started() const override { return started_; }
  pid_t process() const override { return 0; }
  uint32_t protections() const override { return 0; }
  void check_cache() override {}
  bool reached_cgroup_limit() const override { return false; }
  void limit_cgroup(uint64_t) override {}

  void say(const records::Record& record) {
    if (running_) events_.record(record);
  }

 protected:
  virtual void has_started() {}

  HostContext& context_;
  WorkerEvents events_;
  uint64_t timer_ = 0;
  bool running_ = false, started_ = false, doomed_ = false;
};

}  // namespace aliquot
