// An honest device host for the guest driver's fuzzer: welcomes one connection after the other,
// gives credit and arenas, and passes the arenas on to the worker of the moment.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "protocol/connection_layout.h"
#include "protocol/descriptor.h"
#include "protocol/records.h"

namespace aliquot::fuzz {

struct SharedArena {
  Descriptor descriptor;
  unsigned char* data = nullptr;
  uint64_t bytes = 0;
  uint32_t id = 0;
};

class DeviceHostDouble {
 public:
  using Visit = std::function<void(const SharedArena&)>;

  /// `flags`: records::VgpuFlag, for all connections.
  explicit DeviceHostDouble(uint32_t flags) : flags_(flags) {}

  /// Expects one connection, at the socket that ALIQUOT_VGPU_SOCKET then names, and serves it in a
  /// thread of its own until it hangs up.
  void expect_guest();

  /// Removes the folder of a socket to which no guest has come; at the process's end.
  void remove_folder();

  /// Called with each new arena, in the thread of the connection, with the lock held.
  void on_arena(Visit listener);
  /// Calls `visit` for each arena of the latest connection, with the lock held.
  void for_each_arena(const Visit& visit);
  /// The memory of the latest connection; nullptr before the first.
  layout::ConnectionMemory* memory();
  /// How many there have been.
  uint32_t connections();

 private:
  void serve(const Descriptor& socket);
  void welcome(int socket, uint32_t sequence);
  void give_arena(int socket, uint32_t sequence, const records::ArenaRequest& request);

  const uint32_t flags_;
  std::mutex mutex_;
  layout::ConnectionMemory* memory_ = nullptr;
  layout::ConnectionMemory* past_memory_ = nullptr;
  Descriptor memory_descriptor_;
  uint32_t connections_ = 0;
  std::vector<SharedArena> arenas_;
  Visit listener_;
  std::string folder_;  // empty: no guest is expected
};

}  // namespace aliquot::fuzz
