// The first process of a device host: its supervisor. It starts the device host as its child and,
// when that dies, another, who goes on where the first one was. For that it keeps what must not end
// with a device host: it is the parent of the workers and holds descriptors, the memory of the
// state and the device's lock. It listens to its device host and to nobody else, understands
// nothing of what it keeps, and never waits for anybody.
#pragma once

#include <sys/types.h>

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "device_host/descriptor_store.h"
#include "device_host/options.h"
#include "protocol/records.h"

namespace aliquot {

/// What a new device host has from its supervisor.
struct Heritage {
  bool reborn = false;          // there was one before it
  uint64_t orphaned_since = 0;  // when that one's death was seen, ms of the monotonic clock
  Descriptor link;              // to the supervisor
  Descriptor state;             // the memory of the state
  DescriptorStore* store = nullptr;
};

class Supervisor {
 public:
  /// A device host that dies more often than this in so short a time is given up.
  static constexpr size_t kMostDeaths = 10;
  static constexpr uint64_t kDeathsMilliseconds = 10000;

  enum class Role { kDeviceHost, kSupervisor };

  explicit Supervisor(const Options& options) : options_(options) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Forks device hosts until one ends of its own will. Returns kDeviceHost in each of them, at
  /// once, and kSupervisor when it is all over; `waiting` is theirs.
  Role run(Descriptor& waiting);
  /// In a device host.
  Heritage take_heritage();
  /// In the supervisor at the end: the exit status.
  int status() const { return status_; }

 private:
  struct Child {
    bool ended = false, told = false;
    int status = 0;
  };

  bool prepare();
  bool start_device_host();
  void watch();
  void on_signals();
  void add_worker(pid_t process);
  void reap();
  void on_record(const records::Record& record, Descriptor descriptor);
  void answer(const records::Record& question, bool done);
  void read_link();
  void tell_ends();
  /// Kills children that are neither the device host nor a worker it knows. Whether there were any.
  bool kill_orphans();
  bool is_over(int status);
  void end_all();
  void log(const std::string& text) const;

  const Options& options_;
  Descriptor signals_, link_, their_link_, state_;
  DescriptorStore store_;
  std::map<pid_t, Child> workers_;
  std::deque<std::pair<pid_t, int>> strangers_;  // children that ended last, and how
  std::deque<uint64_t> deaths_;
  pid_t device_host_ = 0;
  bool device_host_ended_ = false, reborn_ = false, stopping_ = false;
  uint64_t orphaned_since_ = 0;
  int device_host_status_ = 0;
  int status_ = 1;
};

}  // namespace aliquot
