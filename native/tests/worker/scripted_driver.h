// An OpenCL driver whose commands do what the test says: nothing ends by itself, and a marker can be
// refused. For tests of what the worker makes of it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "worker/driver.h"

namespace aliquot::test {

class ScriptedDriver {
 public:
  ScriptedDriver();
  ~ScriptedDriver();

  const worker::Driver& driver() const { return *driver_; }
  /// An event that has not begun. The first one made is number 0; commands make theirs in order.
  cl_event make_event();
  /// Moves event `number` to a status and calls what waits for it.
  void set(size_t number, cl_int status);
  size_t events();
  void refuse_markers() { refuses_markers_ = true; }
  cl_int status(cl_event event);

 private:
  struct Event;
  struct Table;  // the driver's functions
  static ScriptedDriver* g_this;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Event>> events_;
  bool refuses_markers_ = false;
  std::unique_ptr<worker::Driver> driver_;
};

}  // namespace aliquot::test
