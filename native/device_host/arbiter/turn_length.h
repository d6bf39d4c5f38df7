// How long turns are where the policy leaves that to the device host.
//
// As NVIDIA's vGPU has it, 2 ms for up to 8 vGPUs and 1 ms above. But each change of hands costs the
// device some time: on a GPU a trifle, on a software device a tenth of a millisecond and more, as the
// threads of the next worker have to be woken, and for a while share a processor with what else is
// awake. So turns become longer where handing over takes more than a small part of them.
#pragma once

#include <cstdint>

namespace aliquot::arbiter {

class TurnLength {
 public:
  /// A turn has ended that others waited for; of it so much was lost by handing the device over.
  void ended(uint64_t lost_ns);
  /// What a turn of `usual_ns` becomes.
  uint64_t of(uint64_t usual_ns) const;

 private:
  double lost_ns_ = 0;  // by a turn, on average
};

}  // namespace aliquot::arbiter
