// A thread whose start may fail without taking the process along (limits on processes are part of
// the sandbox), with all signals blocked but those of its own faults: others belong to the main thread.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace aliquot::worker {

class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  /// Runs `entry(argument)` in a new thread named `name` (at most 15 bytes). False: none to be had.
  bool start(void* (*entry)(void*), void* argument, const char* name);
  /// Waits for its end; does nothing when it never started.
  void join();
  /// Lets it run on by itself; nobody waits for its end.
  void detach();
  bool started() const { return started_; }

 private:
  pthread_t thread_{};
  bool started_ = false;
};

/// Processor time of all threads that were started here and of the children that have ended, ns:
/// what a worker takes for other things than the device's work. Any thread may ask.
uint64_t host_work_ns();

}  // namespace aliquot::worker
