// A wait for commands to end, as TimeAccount wants to hear of it (see wait_until).
#pragma once

#include "guest/time_account.h"
#include "protocol/connection_layout.h"

namespace aliquot::guest {

struct CountedWork {
  TimeAccount& account;
  const layout::QueueSlot& queue;
  const std::atomic<uint64_t>& ended_ns;  // where the worker says when what is awaited ended
  Reason reason = Reason::kWork;
  uint64_t copy_ns = 0;  // of it, copying
  uint64_t begin_ns = 0;

  void begin(uint64_t now) {
    begin_ns = now;
    account.begin(reason, now);
  }
  void look(uint64_t now) { account.look(now); }
  void end(uint64_t now) {
    WorkSpan span{queue.began_ns.load(std::memory_order_relaxed),
                  ended_ns.load(std::memory_order_relaxed), copy_ns};
    // Found out by another way than the one that this thread waits at: all of it was work.
    if (span.ended_ns != 0 && span.ended_ns < begin_ns) span.ended_ns = now;
    account.end(reason, now, span);
  }
};

}  // namespace aliquot::guest
