// The threads in which the driver's compiler runs, for all connections of a worker: a few, however
// many guest processes there are. A compiler takes memory for each thread that it has ever run in,
// beside what a program needs, and may keep it when the thread has ended: Intel's CPU runtime 33 MiB,
// against 3 MiB a program. The device host allows a worker only so much.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "worker/thread.h"

namespace aliquot::worker {

class Compilers {
 public:
  /// More than there are processors gain nothing; two at least, so that a long one leaves one.
  static constexpr uint32_t kLeast = 2, kMost = 4;
  using Count = std::shared_ptr<const std::atomic<uint32_t>>;

  /// `left_behind`: builds that nobody waits for any more. They hold up no others. `together`: the
  /// driver's compiler bears more than one at a time.
  Compilers(Count left_behind, bool together);
  /// Nobody may be in `run`.
  ~Compilers();

  /// Has `build` called in one of the threads, and waits until it has been. Those that came earlier
  /// come first.
  void run(const std::function<void()>& build);
  uint32_t at_once() const { return work_->at_once; }

 private:
  struct Task {
    const std::function<void()>& build;
    bool done = false;
  };
  struct Work {
    std::mutex mutex;
    std::condition_variable wanted;  // for the threads
    std::condition_variable ended;   // for those who wait for a build
    std::deque<Task*> waiting;
    uint32_t threads = 0;
    uint32_t busy = 0;
    uint32_t at_once = kLeast;
    bool stop = false;
    Count left_behind;

    uint32_t most() const { return at_once + left_behind->load(); }
    /// A thread's life: builds what waits, until it is to stop.
    void serve();
  };
  class Kept;
  static void* work(void* work);
  bool start_thread();

  const std::shared_ptr<Work> work_ = std::make_shared<Work>();
};

}  // namespace aliquot::worker
