// A device host and worker for the guest driver to talk to, played by the test in a thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "protocol/connection_layout.h"
#include "protocol/descriptor.h"
#include "protocol/records.h"

namespace aliquot::guest_test {

class FakePeer {
 public:
  /// Listens in a folder of its own; ALIQUOT_VGPU_SOCKET then names the socket.
  FakePeer();
  ~FakePeer();

  /// How many guest processes were welcomed so far.
  size_t welcomed() const { return welcomed_.load(); }
  /// The memory of one connection, by the order of greeting; nullptr: not that many yet.
  layout::ConnectionMemory* memory(size_t connection);
  /// Closes the sockets of all connections, as a device host does whose worker ended.
  void hang_up();
  /// Answers no request from now on.
  void fall_silent() { silent_ = true; }
  /// Takes one frame off a connection's ring, and waits for it; empty when `stop` is set.
  std::vector<unsigned char> next_frame(layout::ConnectionMemory& memory,
                                        const std::atomic<bool>& stop);

 private:
  struct Guest {
    Descriptor socket;
    layout::ConnectionMemory* memory = nullptr;
  };

  void run();
  void welcome(Guest& guest, uint32_t sequence);
  void serve(Guest& guest);

  std::string folder_;
  Descriptor listener_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::atomic<size_t> welcomed_{0};
  std::atomic<bool> silent_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace aliquot::guest_test
