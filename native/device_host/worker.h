// What a vGPU needs of its worker. WorkerProcess is the one that counts; the record fuzzer brings
// another, which speaks whatever the fuzzer makes up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device_host/state_entries.h"
#include "protocol/records.h"

namespace aliquot {

class DescriptorStore;

struct HostContext;
struct VgpuSettings;

struct WorkerEvents {
  std::function<void()> started;  // it runs, in its sandbox; protections() is known
  std::function<void()> changed;  // facts() has
  std::function<void(const records::Record&)> record;
  std::function<void()> doomed;  // killed by the device host; called within kill(), once
  std::function<void(const std::string& how)> ended;  // reaped; called once, last
};

class Worker {
 public:
  virtual ~Worker() = default;

  /// False, with a phrase in `problem`, when not even a child could be made.
  virtual bool start(std::string& problem) = 0;

  /// Instead of start: takes over one that another device host has started. False when something of
  /// it is missing; then it is killed.
  virtual bool adopt(DescriptorStore&, const WorkerFacts&) { return false; }
  /// What that takes.
  virtual WorkerFacts facts() const { return {}; }

  virtual void send(const records::Record& record, const std::vector<int>& descriptors = {}) = 0;

  /// Ends it at once; the first reason given is the one that `ended` tells. `ended` comes later,
  /// never within this call.
  virtual void kill(const std::string& why) = 0;

  /// Closes its socket, upon which a worker ends by itself; kills it a little later if not.
  virtual void dismiss(const std::string& why) = 0;

  virtual bool running() const = 0;
  /// It has been killed, though it may not be reaped yet.
  virtual bool doomed() const = 0;
  virtual bool started() const = 0;
  virtual pid_t process() const = 0;
  virtual uint32_t protections() const = 0;

  /// Whether the kernel has killed one of its processes for reaching the cgroup's bound.
  virtual bool reached_cgroup_limit() const = 0;
  /// Looks, in the background, whether its cache has grown beyond measure, and ends it if so.
  virtual void check_cache() = 0;
  /// Adapts the cgroup's bound to the vGPU's memory and the common pages of all its connections.
  virtual void limit_cgroup(uint64_t common_bytes) = 0;
};

using WorkerFactory = std::function<std::unique_ptr<Worker>(
    HostContext& context, const VgpuSettings& settings, WorkerEvents events)>;

}  // namespace aliquot
