// Keeps a vGPU below its limit: a token bucket, in device time. Tokens come at the rate of the
// limit at all times, and go by the time that the vGPU has the device.
#pragma once

#include <cstdint>

namespace aliquot::arbiter {

class Limit {
 public:
  /// What can't be reckoned again from the shares.
  struct Tokens {
    double ns = 0;
    bool open = true;
  };
  Tokens tokens() const { return {tokens_ns_, open_}; }
  void resume(const Tokens& tokens);

  /// `part` of 1; 1 is no limit. Tokens that are there stay. `turn_ns`: how long it shall be able
  /// to run when it may.
  void set(double part, uint64_t turn_ns);
  /// So much time has passed, in which the vGPU had the device or had it not.
  void pass(uint64_t ns, bool held);
  /// So much device time was taken besides.
  void charge(uint64_t ns);
  /// So much of what was counted was none.
  void refund(uint64_t ns);
  /// Tokens above what it needs to run once are lost. For whoever doesn't want the device; who
  /// waits keeps what it earns, or it would get less than its limit wherever others have long
  /// kernels.
  void spill();

  /// Whether it may have the device now. Once tokens are spent, not before there are enough to
  /// run for a while: one kernel at a time would waste the device on handing it over.
  bool open() const { return open_; }
  /// How long it can have the device from now on; ~0: without end.
  uint64_t lasts_ns() const;
  /// When it is open again if it has not got the device; 0: it is; ~0: never.
  uint64_t opens_in_ns() const;

 private:
  void turn();  // opens or closes

  double part_ = 1;
  double enough_ns_ = 0;    // for a run worth handing the device over
  double tokens_ns_ = 1e9;  // a new vGPU has all it may keep: spill() makes that of it
  bool open_ = true;
};

}  // namespace aliquot::arbiter
