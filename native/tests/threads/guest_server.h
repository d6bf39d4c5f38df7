// What a device host is to guest processes, for a test: greets them, passes their memory on to the
// worker, and gives credit and arenas without counting.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "protocol/descriptor.h"
#include "protocol/records.h"
#include "test_host.h"

namespace aliquot::test {

class GuestServer {
 public:
  /// Listens in a folder of its own. `flags`: records::VgpuFlag. `host` must outlive the server
  /// and belongs to it from now on.
  GuestServer(TestHost& host, uint32_t flags);
  ~GuestServer();

  const std::string& path() const { return path_; }
  /// How many guest processes have come, and how many of them the worker has given back.
  uint32_t came() const { return came_; }
  uint32_t gone() const { return gone_; }
  /// What a worker reported that must not happen; empty: nothing.
  bool violated() const { return violated_; }

 private:
  struct Guest {
    Descriptor socket;
    uint32_t connection = 0;
    uint32_t arenas = 0;
  };

  void run();
  bool serve(Guest& guest);
  void welcome(Guest& guest, uint32_t sequence);
  void give_arena(Guest& guest, const records::Record& record);

  TestHost& host_;
  const uint32_t flags_;
  std::string folder_;
  std::string path_;
  Descriptor listener_;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::atomic<uint32_t> came_{0};
  std::atomic<uint32_t> gone_{0};
  std::atomic<bool> violated_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace aliquot::test
