// Compilers may take seconds; they run here, one after another, off the decode thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "worker/thread.h"

namespace aliquot::worker {

class Builder {
 public:
  static constexpr size_t kMostWaiting = 256;

  ~Builder() { finish(); }

  /// Runs `task` later. False: too much is waiting, or no thread is to be had.
  bool add(std::function<void()> task);
  /// Waits for the task that runs; those that wait are dropped.
  void finish();

 private:
  static void* run(void* self);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stop_ = false;
  Thread thread_;
};

}  // namespace aliquot::worker
