// What a vGPU copies: bytes, the device time that they took, and how fast it goes.
//
// Only the worker knows this, so all of it is its claim, taken as far as it is possible in the device
// time that the vGPU had, which the device host measures. Nothing is decided by it: copies are paid
// for by turns, as kernels are, so that a worker that claims too little gains nothing.
#pragma once

#include <cstdint>

#include "device_host/growth_history.h"

namespace aliquot {

class CopyAccount {
 public:
  /// More than the memory of any device moves, bytes a nanosecond.
  static constexpr uint64_t kMostBytesPerNs = 8192;

  /// What outlives a device host; how fast it goes is found out anew.
  struct Sums {
    uint64_t bytes = 0, ns = 0;
    uint64_t claimed_bytes = 0, claimed_ns = 0;  // by the present worker
    uint64_t held_ns = 0;                        // by then
  };
  const Sums& sums() const { return sums_; }
  void resume(const Sums& sums) { sums_ = sums; }

  /// The worker claims to have copied so much since it began. `held_ns`: device time that the vGPU
  /// has had, by the device host's own clock.
  void claim(uint64_t now, uint64_t bytes, uint64_t ns, uint64_t held_ns);
  /// The next worker begins from nothing.
  void worker_ended();
  void sample(uint64_t now) { history_.sample(now, sums_.bytes); }

  uint64_t bytes() const { return sums_.bytes; }
  uint64_t ns() const { return sums_.ns; }
  /// Bytes a second over the last `span_ns`.
  uint64_t rate(uint64_t span_ns, uint64_t now) const;

 private:
  Sums sums_;
  uint64_t claimed_at_ = 0;
  GrowthHistory history_;
};

}  // namespace aliquot
