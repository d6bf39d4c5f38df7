// Where the time of one vGPU's guest processes went, summed up over those that are there and those that
// were. How long they lived is what the device host saw and the kernel says; what they did with the
// time is their guest drivers' claim (time_claims.h), held to no more than that.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>

#include "protocol/records.h"
#include "protocol/time_claims.h"

namespace aliquot {

/// When a process began, ns of CLOCK_MONOTONIC, to about 10 ms; `now` where the kernel doesn't say.
uint64_t process_start_ns(pid_t process, uint64_t now);

class TimeLedger {
 public:
  struct Process {
    uint64_t since = 0;
    int memory = -1;
  };
  struct Sums {
    uint64_t alive_ns = 0;
    std::array<uint64_t, layout::kSpentKinds> spent_ns{};
    uint64_t syncs = 0, round_trips = 0, builds = 0;
    void add(const Process& process, uint64_t now);
  };
  /// What outlives a device host; those that are still there come beside it.
  struct Past {
    Sums sums;                   // of those that were
    uint64_t covered_ns = 0;     // of the time before covered_until
    uint64_t covered_until = 0;  // since then there always was a process, or it is still now
    uint32_t count = 0;          // that were
    uint32_t last = 0;           // the connection of the last of them
  };

  /// A guest process that lives since `since` was connected. `memory`: its connection memory's
  /// descriptor, which stays open until `end`.
  void begin(uint32_t connection, uint64_t since, int memory, uint64_t now);
  /// It is gone.
  void end(uint32_t connection, uint64_t now);
  const Past& past() const { return past_; }
  /// Instead of what there was, before processes that are still there are added by resume().
  void begin_again(const Past& past) { past_ = past; }
  void resume(uint32_t connection, uint64_t since, int memory);
  /// Fills in what this ledger knows, up to now.
  void report(records::Receipt& receipt, uint64_t now) const;

 private:
  void cover(uint64_t since, uint64_t now);

  std::map<uint32_t, Process> processes_;
  Past past_;
};

}  // namespace aliquot
