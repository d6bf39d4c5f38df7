// Serves one vGPU: takes connections and arenas from the device host, gives them back when guest
// processes are gone, and ends when the device host does.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "protocol/socket.h"
#include "worker/connection.h"
#include "worker/options.h"

namespace aliquot::worker {

class Server {
 public:
  static constexpr size_t kMostConnections = 1024;

  /// `driver` must outlive the server. `prints` may be null.
  Server(const Options& options, const Driver& driver, PrintCapture* prints);
  ~Server();

  /// Serves until the device host hangs up. Returns the process's exit status.
  int serve();

 private:
  struct Entry {
    std::shared_ptr<Connection> connection;
    bool leaving = false;
  };

  bool read_records();
  void handle(const records::Record& record, DescriptorList& descriptors);
  void connect(const records::Connect& payload, Descriptor& memory);
  void add_arena(const records::Arena& payload, Descriptor& arena);
  void reap();
  void report_status();
  void report_queues();
  void take_reports(const Descriptor& memory);
  void take_turn_page(const Descriptor& page);

  const Options& options_;
  const Driver& driver_;
  SocketHostLink host_;
  Watchdog watchdog_;
  TurnGate gate_;
  WorkerContext context_;
  std::mutex mutex_;  // guards the map and the counts, which the watchdog's thread reads
  std::map<uint32_t, Entry> connections_;
  bool has_page_ = false;
  uint64_t past_kernels_ = 0;  // of connections that are gone
  records::WorkerStatus reported_;
  std::atomic<uint32_t> queues_asked_{0};  // the number of the question; 0: it was answered
};

}  // namespace aliquot::worker
