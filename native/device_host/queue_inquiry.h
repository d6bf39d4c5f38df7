// A question to a worker about its guest processes' command queues, and what it tells: bounded, and
// checked for what can't be. No account rests on it.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/records.h"

namespace aliquot {

class QueueInquiry {
 public:
  enum class Verdict {
    kIgnored,     // it answers no question that is open
    kMore,        // there is more to come
    kComplete,    // that was all
    kImpossible,  // no worker of ours says such a thing
  };
  /// What can't be exceeded: claims beyond it are told as this much.
  struct Bounds {
    uint64_t device_ns = 0;  // that the vGPU had the device
    uint64_t age_ns = 0;     // of the vGPU
  };

  /// `first`: the number of a question before, which differs from all that were asked lately by a
  /// device host that died.
  explicit QueueInquiry(uint32_t first) : question_(first) {}

  /// Asks anew; the question's number, never 0.
  uint32_t begin();
  void end() { open_ = false; }
  bool open() const { return open_; }
  Verdict take(uint32_t question, const records::QueuesTold& told);

  /// Of the last question, by connections and the queues' numbers.
  std::vector<records::VgpuQueue> queues(const Bounds& bounds) const;
  /// The number of those that it doesn't tell.
  uint32_t left_out() const;

 private:
  bool possible(const records::QueuesTold& told) const;

  uint32_t question_;
  bool open_ = false;
  std::vector<records::VgpuQueue> queues_;
  uint32_t without_record_ = 0;  // of connections that are not told of at all
};

}  // namespace aliquot
