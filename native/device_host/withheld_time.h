// How much of its turns the operating system kept from a worker, on a device that computes on the
// machine's own processors: threads of it were ready to run, and waited, while it left processors
// unused that its turn gave it. Linux now and then puts all threads that wake up together on one
// processor for milliseconds; and other programs want processors too. That is no device time had.
//
// The kernel says how long each thread waited (/proc/PID/task/TID/schedstat), so a worker claims
// nothing here. It can bring about that its threads wait, by having more of them than it needs; but
// then it uses its processors, or leaves them unused and computes less: what is withheld is never
// more than what it left unused beyond what it always does. Nor more than half of the span in which the device worked: whoever
// is owed more could hold the device without computing on it.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <cstdint>
#include <map>

#include "protocol/descriptor.h"

namespace aliquot {

class WithheldTime {
 public:
  /// Others are not looked at; what they wait is not made up for.
  static constexpr size_t kMostThreads = 64;

  /// `processors`: how many the device computes on; 0: it has its own.
  void begin(pid_t worker, uint32_t processors);
  void end();
  /// Now and then: finds new threads, and those that compute.
  void look();

  void granted();
  /// What was withheld of the `span_ns` in which the device computed of a turn of `turn_ns`, in
  /// which the worker took `used_ns` of processor time.
  uint64_t finished(uint64_t turn_ns, uint64_t span_ns, uint64_t used_ns);

  /// The rule alone. `waited_ns`: the sum over the threads that compute; `usual_part`: what it uses of
  /// its processors while nothing is withheld.
  static uint64_t withheld_ns(uint64_t span_ns, uint64_t used_ns, uint64_t waited_ns,
                              uint32_t processors, double usual_part = 1);
  /// `usual_part` after one more turn. One in which nearly nobody waited shows what the worker leaves
  /// unused anyway, between its kernels and at their ends: that is charged as it is without waits.
  static double learned(double usual_part, uint64_t span_ns, uint64_t used_ns, uint64_t waited_ns,
                        uint32_t processors);

 private:
  struct Thread {
    Descriptor statistics;
    uint64_t ran_ns = 0, waited_ns = 0;
    uint64_t seen_ran_ns = 0;  // at the last look
    uint64_t lately_ns = 0;    // it ran between the last two
    bool computes = false;
  };
  bool read(Thread& thread);
  struct Times {
    uint64_t ran_ns = 0, waited_ns = 0;
  };
  /// Of the threads that compute, since this was asked last.
  Times take_times();
  void find_threads();
  void choose();

  static constexpr uint64_t kAtRestNs = 1'000'000;  // all threads, between two looks
  static constexpr uint64_t kLongEnoughNs = 500'000;
  static constexpr uint64_t kUndisturbed = 64;  // less than this part of the processors' time was waited
  static constexpr double kLeastPart = 0.5;
  static constexpr double kSamples = 16;  // that the mean is of, the later the more

  uint32_t processors_ = 0;
  double usual_part_ = 1;
  Descriptor folder_;  // of the threads
  std::map<pid_t, Thread> threads_;
};

}  // namespace aliquot
