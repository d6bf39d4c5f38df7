// Some drivers for processors compute on the threads that wait for a command, and have one thread
// less of their own than the device has cores (Intel's CPU runtime; a launch that nobody waits for
// leaves a core idle). Nothing else in a worker waits for the device that way, so one thread does,
// while there is work that is long enough to be worth waking it.
#pragma once

#include <CL/cl_icd.h>

#include <functional>
#include <memory>

namespace aliquot::worker {

class LentThread {
 public:
  /// `next` gives a queue to wait for, which is released here; null: there is no such work now.
  /// Runs in the lent thread. Where no thread is to be had nothing is lent.
  LentThread(const cl_icd_dispatch& calls, std::function<cl_command_queue()> next);
  /// `next` is not called any more. What the thread waits for at that moment may end later.
  ~LentThread();
  LentThread(const LentThread&) = delete;
  LentThread& operator=(const LentThread&) = delete;

  /// There is work. One load while the thread is awake.
  void lend();

 private:
  struct State;
  static void* run(void* state);

  const std::shared_ptr<State> state_;
};

}  // namespace aliquot::worker
