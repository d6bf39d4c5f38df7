// One record socket in the event loop: receives record by record, and sends without ever waiting.
// What the peer doesn't take at once is queued up to a bound; beyond it the peer is given up. The
// queue is in the state memory, too, for the next device host to send.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "device_host/event_loop.h"
#include "device_host/state_memory.h"
#include "device_host/supervisor_link.h"
#include "protocol/socket.h"

namespace aliquot {

/// For a socket that outlives its device host: where it is kept, and under which key.
struct Keeping {
  SupervisorLink* link = nullptr;
  StateMemory* state = nullptr;
  KeptKey key;
};

class RecordChannel {
 public:
  using OnRecord = std::function<void(const records::Record&)>;
  /// Called once, when the peer is gone or given up; `reason` is a phrase for the log. Not called
  /// after close(). The channel must not be destroyed within its callbacks.
  using OnClosed = std::function<void(const char* reason)>;

  RecordChannel(EventLoop& loop, Descriptor socket, size_t most_queued, OnRecord on_record,
                OnClosed on_closed, const Keeping& keeping = {});
  ~RecordChannel();
  RecordChannel(const RecordChannel&) = delete;
  RecordChannel& operator=(const RecordChannel&) = delete;

  /// Sends, or queues, with borrowed descriptors. A peer that takes nothing is closed.
  void send(const records::Record& record, const std::vector<int>& descriptors = {});
  /// Reads all that the peer sent before it ended; for a peer that is known to be dead.
  void drain();
  void close();
  /// Stops reading, or goes on.
  void hold(bool held);
  /// Whether the peer has taken all that was sent.
  bool all_taken() const { return queue_.empty(); }
  /// Gives the socket away, as it is: it was given to another process.
  void let_go();
  /// Of the record that is being handled: a descriptor that came with it, which is closed otherwise.
  Descriptor take_descriptor(size_t place);
  /// Whether the peer has closed its end, though that event may not have come up yet.
  bool peer_is_gone() const { return open() && peer_hung_up(socket_.get()); }
  bool open() const { return static_cast<bool>(socket_); }
  int descriptor() const { return socket_.get(); }

 private:
  struct Queued {
    records::Record record;
    std::vector<Descriptor> descriptors;
    StateMemory::Slot slot = 0;
  };
  void on_ready(uint32_t events);
  void receive();
  void flush();
  bool queue(const records::Record& record, const std::vector<int>& descriptors);
  void give_up(const char* reason);
  void forget_queue();

  EventLoop& loop_;
  Descriptor socket_;
  uint64_t token_ = 0, pause_ = 0;
  size_t most_queued_;
  OnRecord on_record_;
  OnClosed on_closed_;
  std::deque<Queued> queue_;
  const Keeping keeping_;
  uint64_t queued_ = 0;  // how many ever
  DescriptorList* received_ = nullptr;
};

}  // namespace aliquot
