// Whether a worker computes outside its turns, by its processor time, which the kernel counts and
// the worker can't write. For devices that compute on the processor.
//
// What a worker takes between its turns must be small, or explained: decoding commands and
// compiling programs are no work for the device, but only the worker knows how much of it there
// was. So it is asked when it matters. What it claims is believed and, beyond a burst, charged as
// if it had had the device meanwhile, so that a lie gains nothing; what it doesn't even claim ends
// it. In a turn, too, it must explain what it takes: by what it says that the device did, or as
// work of its own; the turn is paid for by the clock.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <string>

namespace aliquot {

class TurnWitness {
 public:
  enum class Verdict { kNothing, kAsk, kGuilty };

  /// Processor time that may be taken: so much at once, and a part of the time that passes and
  /// something for each rest after a turn and each of the device's processors, which may be saved
  /// up to that. Looks that come later than `kLongestNs` after one another bring no more.
  struct Allowance {
    uint64_t at_once_ns;
    uint64_t percent;
    uint64_t a_rest_ns;
  };
  static constexpr uint64_t kLongestNs = 4'000'000'000;
  /// Outside turns without a question: threads that go to sleep after a turn, records, timers.
  static constexpr Allowance kUnasked{30'000'000, 1, 125'000};
  /// Beyond that, without a word, but charged: some drivers start threads of their own with the
  /// first build, and some threads go on looking for work for a millisecond after each turn. A
  /// worker that computes on after its turns takes more.
  static constexpr Allowance kCharged{40'000'000, 0, 300'000};
  /// In turns, beyond what it explains.
  static constexpr Allowance kUnexplained{30'000'000, 1, 25'000};
  /// The most of what threads do in a rest that other workers of the device do, too, and none pays
  /// for; for each processor.
  static constexpr uint64_t kMostUsualNs = 500'000;
  static constexpr uint64_t kUnknown = ~uint64_t{0};
  static constexpr uint64_t kRestsToJudge = 8;
  /// What claims may add up to before they are charged, and how fast that room comes back.
  static constexpr uint64_t kBurstNs = 5'000'000'000;
  static constexpr uint64_t kBurstPercent = 5;
  /// For an answer: so long; and so many looks after that, for a machine that stands still lets neither
  /// the worker answer nor the device host look; and so much computing meanwhile, for on a busy machine
  /// the kernel may let a process wait for seconds that has hardly had the processor.
  static constexpr uint64_t kPatienceNs = 2'000'000'000;
  static constexpr uint32_t kPatienceLooks = 3;
  static constexpr uint64_t kPatienceComputingNs = 100'000'000;

  /// What outlives a device host: how much of the burst is left, and what was claimed so far.
  struct Claims {
    uint64_t burst_ns = kBurstNs;
    uint64_t host_ns = 0;
  };

  /// Begins with a worker that is ready, of a device that computes on so many processors. False:
  /// its processor time can't be read.
  bool begin(pid_t worker, uint64_t now, uint32_t processors);
  /// The same for one that another device host has watched: what it and its children
  /// (`children_ns`) have computed up to now is nobody's concern. It may answer what this one
  /// didn't ask.
  bool resume(pid_t worker, uint64_t now, uint64_t children_ns, const Claims& claims,
              uint32_t processors);
  Claims claims() const { return {burst_ns_, seen_host_ns_}; }
  void end();

  /// `rested`: not right after its last turn, so that its threads had to come to rest.
  void granted(bool rested = true);
  /// `explained_ns`: the most processor time that what the worker says the device did can have
  /// taken. Returns what it took in the turn.
  uint64_t finished(uint64_t explained_ns);

  /// Looks; `children_ns` is the processor time of the worker's children, `usual_ns` what others of
  /// the device take in a rest.
  Verdict look(uint64_t now, uint64_t children_ns, uint64_t usual_ns = 0);
  /// The worker's answer. It is judged by what it had taken when it was asked: what it took while the
  /// answer was under way, longer on a busy machine, is what the next look sees. `charge_ns`: what is
  /// to be charged, of one processor.
  Verdict answered(uint64_t host_ns, uint64_t& charge_ns, uint64_t usual_ns = 0);
  /// What it takes in a rest, in the mean of its last ones; kUnknown before there were some.
  uint64_t at_rest_ns() const { return at_rest_ns_; }
  /// Processor time outside turns since `begin`, that of children included.
  uint64_t outside_ns() const;
  /// Why it is guilty, for the log.
  const std::string& reason() const { return reason_; }

 private:
  /// What there was to see at a time.
  struct Sight {
    uint64_t at = 0;
    uint64_t outside_ns = 0, unexplained_ns = 0;
    uint64_t rests = 0;
    // Processor time up to what is in it, or to that time, of the worker itself; and of its children.
    uint64_t until_ns = 0, processor_ns = 0, children_ns = 0;
  };

  uint64_t processor_ns() const;
  Sight sight(uint64_t now) const;
  /// An account of an allowance, filled with what came to it between the last sight and this.
  uint64_t filled(uint64_t left_ns, const Allowance& allowance, const Sight& sight,
                  uint64_t usual_ns = 0) const;
  Verdict guilty(uint64_t ns, const char* how);
  void judge_rests(uint64_t silent_ns, const Sight& sight);
  void seen(const Sight& sight);

  clockid_t clock_ = 0;
  bool watching_ = false;
  bool in_turn_ = false;
  bool forgives_ = false;
  uint64_t before_ns_ = 0;       // taken before it began
  uint64_t inside_ns_ = 0;       // taken in turns that have ended
  uint64_t unexplained_ns_ = 0;  // of that, more than the device's work explains
  uint64_t turn_began_ns_ = 0;   // processor time then
  uint64_t children_ns_ = 0;
  uint64_t rests_ = 0;
  Sight seen_;                 // at the last look that found nothing, or asked what has been answered
  uint64_t seen_host_ns_ = 0;  // claimed up to the last answer
  bool asked_ = false;         // a question is open
  Sight asked_sight_;          // when it was asked
  uint32_t late_looks_ = 0;    // since the answer was due
  uint64_t burst_ns_ = kBurstNs;
  uint64_t unasked_left_ns_ = 0, charged_left_ns_ = 0, unexplained_left_ns_ = 0;
  uint64_t early_claims_ns_ = 0;  // of what is not seen yet
  uint64_t judged_ns_ = 0, judged_rests_ = 0;
  uint64_t at_rest_ns_ = kUnknown;
  uint32_t processors_ = 1;
  std::string reason_;
};

}  // namespace aliquot
