// Whether a worker computes outside its turns, by its processor time, which the kernel counts and the
// worker can't write. For devices that compute on the processor.
//
// What a worker takes between its turns must be small, or explained: decoding commands and compiling
// programs are no work for the device, but only the worker knows how much of it there was. So it is
// asked when it matters. What it claims is believed and, beyond a burst, charged as if it had had the
// device meanwhile, so that a lie gains nothing; what it doesn't even claim ends it.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <string>

namespace aliquot {

class TurnWitness {
 public:
  enum class Verdict { kNothing, kAsk, kGuilty };

  /// What may be taken outside turns, of one processor, without a question: threads that go to sleep
  /// after a turn, records, timers.
  static constexpr uint64_t kAllowedNs = 30'000'000;       // between two looks, as far apart as
  static constexpr uint64_t kUsualNs = 400'000'000;        // this or less; later ones allow more,
  static constexpr uint64_t kLongestNs = 4'000'000'000;    // up to here
  static constexpr uint64_t kAllowedATurnNs = 250'000;     // and for each turn that ended meanwhile
  /// What it may take between two looks without a word, and pay for: some drivers start threads of
  /// their own with the first build, and some threads go on looking for work for a millisecond after
  /// each turn.
  static constexpr uint64_t kPaidNs = 60'000'000;
  static constexpr uint64_t kPaidATurnNs = 1'500'000;
  static constexpr uint64_t kMostPaidNs = 100'000'000;
  /// What claims may add up to before they are charged, and how fast that room comes back.
  static constexpr uint64_t kBurstNs = 5'000'000'000;
  static constexpr uint64_t kBurstPercent = 5;
  static constexpr uint64_t kPatienceNs = 1'000'000'000;  // for an answer

  /// What outlives a device host: how much of the burst is left, and what was claimed so far.
  struct Claims {
    uint64_t burst_ns = kBurstNs;
    uint64_t host_ns = 0;
  };

  /// Begins with a worker that is ready. False: its processor time can't be read.
  bool begin(pid_t worker, uint64_t now);
  /// The same for one that another device host has watched: what it and its children
  /// (`children_ns`) have computed up to now is nobody's concern. It may answer what this one
  /// didn't ask.
  bool resume(pid_t worker, uint64_t now, uint64_t children_ns, const Claims& claims);
  Claims claims() const { return {burst_ns_, seen_host_ns_}; }
  void end() { watching_ = false; }

  void granted();
  /// Returns the processor time that the worker took in the turn.
  uint64_t finished();

  /// Looks; `children_ns` is the processor time of the worker's children.
  Verdict look(uint64_t now, uint64_t children_ns);
  /// The worker's answer. `charge_ns`: what is to be charged.
  Verdict answered(uint64_t now, uint64_t host_ns, uint64_t& charge_ns);
  /// Processor time outside turns since `begin`, that of children included, and its turns.
  uint64_t outside_ns() const;
  uint64_t turns() const { return turns_; }
  /// Why it is guilty, for the log.
  const std::string& reason() const { return reason_; }

 private:
  uint64_t processor_ns() const;
  uint64_t turns_since_seen() const { return turns_ - seen_turns_; }
  uint64_t allowed_ns(uint64_t now) const;
  uint64_t most_ns(uint64_t now) const;

  clockid_t clock_ = 0;
  bool watching_ = false;
  bool in_turn_ = false;
  bool forgives_ = false;
  uint64_t before_ns_ = 0;      // taken before it began
  uint64_t inside_ns_ = 0;      // taken in turns that have ended
  uint64_t turn_began_ns_ = 0;  // processor time then
  uint64_t children_ns_ = 0;
  uint64_t turns_ = 0;
  // At the last look that found nothing, or the last answer.
  uint64_t seen_outside_ns_ = 0, seen_turns_ = 0, seen_host_ns_ = 0, seen_at_ = 0;
  uint64_t asked_at_ = 0;  // 0: no question is open
  uint64_t burst_ns_ = kBurstNs;
  std::string reason_;
};

}  // namespace aliquot
