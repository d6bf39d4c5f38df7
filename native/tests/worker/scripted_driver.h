// An OpenCL driver whose commands do what the test says: nothing ends by itself, builds neither,
// and a marker can be refused. There are user events, fills of buffers, markers and barriers. For
// tests of what the worker makes of it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "worker/driver.h"

namespace aliquot::test {

class ScriptedDriver {
 public:
  /// Whether the device says of itself that its queues run native kernels.
  explicit ScriptedDriver(bool says_native_kernels = false);
  ~ScriptedDriver();

  const worker::Driver& driver() const { return *driver_; }
  /// An event that has not begun. The first one made is number 0; commands make theirs in order.
  cl_event make_event();
  /// Moves event `number` to a status and calls what waits for it.
  void set(size_t number, cl_int status);
  size_t events();
  /// What the driver says of when event `number` began and ended, ns.
  void set_times(size_t number, cl_ulong start, cl_ulong end);
  /// Fills that were enqueued.
  int fills() const { return fills_.load(); }
  void refuse_markers() { refuses_markers_ = true; }
  void refuse_native_kernels() { refuses_native_kernels_ = true; }
  /// Runs the native kernels that were enqueued since; without this a queue loses them.
  void run_native_kernels();
  /// Those that were enqueued, and not run yet.
  size_t native_kernels();
  /// Builds under way.
  int builds() const { return builds_.load(); }
  /// The threads in which there were builds.
  size_t build_threads();
  void end_builds() { builds_may_end_.store(true); }
  /// Programs and references to contexts that were not given back.
  int programs() const { return programs_.load(); }
  int contexts() const { return contexts_.load(); }
  cl_int status(cl_event event);
  cl_int status_of(size_t number);

 private:
  struct Event;
  struct Table;  // the driver's functions
  void move(cl_event event, cl_int status);
  static ScriptedDriver* g_this;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Event>> events_;
  std::vector<std::pair<void(CL_CALLBACK*)(void*), std::vector<unsigned char>>> native_kernels_;
  std::set<std::thread::id> build_threads_;
  const bool says_native_kernels_;
  bool refuses_markers_ = false, refuses_native_kernels_ = false;
  std::atomic<bool> builds_may_end_{false};
  std::atomic<int> builds_{0};
  std::atomic<int> fills_{0};
  std::atomic<int> programs_{0};
  std::atomic<int> contexts_{0};
  std::unique_ptr<worker::Driver> driver_;
};

}  // namespace aliquot::test
