// Copies of a connection that lie in the driver and may not begin yet, because of the vGPU's limit.
// Each waits for a user event of the worker's own, so that the decode thread, other queues and turns
// go on as they do where the program itself holds something up. Only the decode thread comes in.
#pragma once

#include <CL/cl_icd.h>

#include <cstdint>
#include <deque>
#include <optional>

#include "worker/blocked_work.h"
#include "worker/copy_pacer.h"

namespace aliquot::worker {

class PacedCopies {
 public:
  struct Copy {
    cl_event event = nullptr;           // the user event, to be released by whoever has this
    BlockedWork::Handle block;          // its
    BlockedWork::Handles waits_for;     // what else the copy waits for
    uint64_t bytes = 0;
  };

  bool any() const { return !copies_.empty(); }
  void add(Copy copy) { copies_.push_back(std::move(copy)); }
  /// The first copy that waits for nothing but the limit, where that lets it begin.
  std::optional<Copy> take(CopyPacer& pacer, uint64_t now);
  /// Any copy.
  std::optional<Copy> take();
  /// When to call `take` again; 0: not before something else has opened.
  uint64_t look_at(CopyPacer& pacer, uint64_t now) const;

 private:
  std::deque<Copy> copies_;
};

}  // namespace aliquot::worker
