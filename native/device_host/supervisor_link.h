// A device host's end of the socket to its supervisor. Without a socket, as in tests, nothing is
// kept and no worker's end is told.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>

#include "device_host/event_loop.h"
#include "device_host/kept_key.h"
#include "device_host/supervisor_orders.h"
#include "protocol/descriptor.h"

namespace aliquot {

class SupervisorLink {
 public:
  explicit SupervisorLink(EventLoop& loop) : loop_(loop) {}
  ~SupervisorLink();
  SupervisorLink(const SupervisorLink&) = delete;
  SupervisorLink& operator=(const SupervisorLink&) = delete;

  void open(Descriptor socket);
  bool is_open() const { return static_cast<bool>(socket_); }

  // The supervisor reads at once whatever it is sent, so these wait for it where they must.

  /// Keeps a copy of the descriptor beyond this process. False: it ends with this process.
  bool keep(const KeptKey& key, int descriptor, uint64_t note = 0);
  /// The same for a page, and has it mapped before it is sealed.
  bool keep_page(const KeptKey& key, int descriptor);
  void forget(const KeptKey& key);
  void rename(const KeptKey& from, const KeptKey& to);

  /// A worker that was born to the supervisor: `ended` is called once with its status.
  void add_worker(pid_t worker, std::function<void(int status)> ended);
  /// Its end is of no interest any more, or is known.
  void remove_worker(pid_t worker);
  /// Where there is no pidfd.
  void kill_worker(pid_t worker);
  /// Kills the supervisor's children that nobody knows. Whether there were any.
  bool kill_orphans();

 private:
  template <class Payload>
  bool send(orders::Order order, const Payload& payload, int descriptor = -1);
  template <class Payload>
  bool ask(orders::Order order, const Payload& payload, int descriptor = -1);
  void receive();
  void on_end(pid_t worker, int status);

  EventLoop& loop_;
  Descriptor socket_;
  uint64_t token_ = 0;
  uint32_t sequence_ = 0;
  std::map<pid_t, std::function<void(int)>> workers_;
};

}  // namespace aliquot
