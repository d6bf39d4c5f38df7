// Whether a worker still answers. It is asked now and then while guest processes are connected, and
// its thread for records answers whatever its driver does; one that doesn't can't serve anybody.
#pragma once

#include <cstdint>

namespace aliquot {

class Heartbeat {
 public:
  enum class Verdict { kNothing, kAsk, kDead };

  static constexpr uint64_t kPauseMilliseconds = 5000;
  static constexpr uint64_t kPatienceMilliseconds = 10000;

  /// For a new worker.
  void begin() { *this = Heartbeat(); }
  /// For one that another device host has asked so often, maybe just now: its last question may yet
  /// be answered, more than once where it was sent again.
  void resume(uint32_t sequence) {
    begin();
    sequence_ = late_ = sequence;
  }

  /// To be called several times a second with the monotonic clock. kAsk: send kPing with sequence().
  Verdict look(uint64_t now, bool guests_connected);

  /// False when this answers no question: no worker of ours does that.
  bool answered(uint32_t sequence);

  uint32_t sequence() const { return sequence_; }

 private:
  uint32_t sequence_ = 0;
  uint32_t late_ = 0;  // a question that may be answered though it isn't open; 0: none
  bool open_ = false;  // asked, not answered
  uint64_t last_look_ = 0;
  uint64_t passed_ = UINT64_MAX / 2;  // since it was asked or, when it has answered, since then
};

}  // namespace aliquot
