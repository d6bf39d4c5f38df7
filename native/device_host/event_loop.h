// One thread, one epoll, some timers. Nothing that runs in it may wait for a peer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>

#include "protocol/descriptor.h"

namespace aliquot {

/// The monotonic clock.
uint64_t monotonic_nanoseconds();
uint64_t monotonic_milliseconds();

class EventLoop {
 public:
  using Callback = std::function<void(uint32_t events)>;

  EventLoop();
  bool valid() const { return static_cast<bool>(epoll_); }

  /// Calls back whenever the descriptor is ready (EPOLL… events, level-triggered). Returns a token
  /// for the calls below, 0 on failure. The descriptor stays the caller's.
  uint64_t watch(int descriptor, uint32_t events, Callback callback);
  void change(uint64_t token, uint32_t events);
  /// Safe at any moment, also from within the callback itself.
  void unwatch(uint64_t token);

  /// Calls back once, `milliseconds` from now. Returns an id, never 0.
  uint64_t schedule(uint64_t milliseconds, std::function<void()> callback);
  void cancel(uint64_t timer);

  /// Waits for the next events or timer, and runs what is due.
  void run_once();

 private:
  struct Watched {
    int descriptor;
    Callback callback;
  };
  struct Timer {
    uint64_t id;
    std::function<void()> callback;
  };
  int milliseconds_to_next_timer() const;
  void run_due_timers();

  Descriptor epoll_;
  uint64_t last_token_ = 0;
  std::unordered_map<uint64_t, Watched> watched_;
  std::multimap<uint64_t, Timer> timers_;  // by due time
};

}  // namespace aliquot
