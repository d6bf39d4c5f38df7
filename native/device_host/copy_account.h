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

  /// The worker claims to have copied so much since it began. `held_ns`: device time that the vGPU
  /// has had, by the device host's own clock.
  void claim(uint64_t now, uint64_t bytes, uint64_t ns, uint64_t held_ns);
  /// The next worker begins from nothing.
  void worker_ended();
  void sample(uint64_t now) { history_.sample(now, bytes_); }

  uint64_t bytes() const { return bytes_; }
  uint64_t ns() const { return ns_; }
  /// Bytes a second over the last `span_ns`.
  uint64_t rate(uint64_t span_ns, uint64_t now) const;

 private:
  uint64_t bytes_ = 0, ns_ = 0;
  uint64_t claimed_bytes_ = 0, claimed_ns_ = 0;  // by the present worker
  uint64_t claimed_at_ = 0;
  uint64_t held_ns_ = 0;  // by then
  GrowthHistory history_;
};

}  // namespace aliquot
