// What kernels print. Drivers write it to the process's standard output; the worker makes that a
// pipe and hands the bytes to the connection whose kernels print.
//
// All connections of a worker share its one standard output. While several of them run printing
// kernels at the same time, bytes go to the one that launched such a kernel last: they all belong
// to the same tenant.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "protocol/descriptor.h"
#include "worker/thread.h"

namespace aliquot::worker {

class Publisher;

class PrintCapture {
 public:
  PrintCapture() = default;
  ~PrintCapture();

  /// Puts a pipe in place of standard output. False: nothing is captured.
  bool start();
  /// `publisher` is about to run a kernel that may print.
  void expect(const std::shared_ptr<Publisher>& publisher);
  /// The connection ends: nothing is delivered to it any more.
  void forget(const Publisher* publisher);
  /// Delivers what has been written so far. Cheap while no kernel prints.
  void drain();

 private:
  static void* run(void* self);

  std::atomic<bool> expected_{false};
  std::atomic<bool> stop_{false};
  std::atomic<Publisher*> latest_{nullptr};  // only compared
  std::mutex mutex_;
  std::weak_ptr<Publisher> target_;
  Descriptor read_end_;
  Descriptor wake_;
  Thread thread_;
};

}  // namespace aliquot::worker
