// A connection's builds, one after another, off the decode thread: compilers may take seconds. The
// compilers themselves run in threads of the whole worker (compilers.h). A guest process that
// vanishes leaves the build that runs behind: nobody waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/thread.h"

namespace aliquot::worker {

class Builder {
 public:
  static constexpr size_t kMostWaiting = 256;
  static constexpr size_t kMostTaken = 1024;
  /// Tasks of one worker that run on without their connection. More are waited for.
  static constexpr uint32_t kMostLeftBehind = 4;
  using Count = std::shared_ptr<std::atomic<uint32_t>>;

  ~Builder() { finish(); }

  /// Runs `task` later. False: too much is waiting, or no thread is to be had. A task must own what
  /// it uses: it may outlive the builder.
  bool add(std::function<void()> task);
  /// Whether nothing runs or waits.
  bool idle();
  /// Takes no more tasks, and has its thread drop those that wait.
  void stop();
  /// Keeps a `thing` that a driver might not let go of before the build that runs has ended. Does
  /// nothing when none runs, or when it keeps too much already.
  void take(const std::shared_ptr<const void>& thing);
  /// Stops, and lets the task that runs go on by itself. `left_behind` counts these in all of the
  /// worker. False: too many do already, and `finish` waits for this one.
  bool leave(const Count& left_behind);
  /// Stops, and waits for the task that runs.
  void finish();

 private:
  struct Work {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> tasks;
    std::vector<std::shared_ptr<const void>> taken;
    // The thread's own, without the lock. Not on its stack: leak checkers don't look at every one.
    std::function<void()> task;
    std::vector<std::shared_ptr<const void>> ended;
    bool stop = false;
    bool running = false;
    Count left_behind;  // set when the builder has gone before the task
  };
  static void* run(void* work);

  const std::shared_ptr<Work> work_ = std::make_shared<Work>();
  Thread thread_;
};

}  // namespace aliquot::worker
