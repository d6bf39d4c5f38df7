// The device host's side of a turn page, for tests.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "protocol/turn_page.h"

namespace aliquot::test {

struct TurnGranter {
  turns::TurnPage& page;
  uint64_t window_ns = 2'000'000;
  uint64_t patience_ns = 300'000;

  /// Begins a turn, in which others wait for the device where it has a deadline. Its number.
  uint32_t grant(uint64_t deadline_ns = turns::kNoDeadline) {
    const uint32_t turn = grant_unheard(deadline_ns);
    syscall(SYS_futex, reinterpret_cast<const uint32_t*>(&page.turn), FUTEX_WAKE, INT_MAX, nullptr,
            nullptr, 0);
    return turn;
  }
  /// The same, and those who wait for it sleep on.
  uint32_t grant_unheard(uint64_t deadline_ns) {
    page.deadline_ns.store(deadline_ns);
    page.window_ns.store(window_ns);
    page.patience_ns.store(patience_ns);
    page.contended.store(deadline_ns != turns::kNoDeadline ? 1 : 0);
    return page.turn.fetch_add(1) + 1;
  }
  /// Others want the device from now on.
  void shorten(uint64_t deadline_ns) {
    page.deadline_ns.store(deadline_ns);
    page.contended.store(1);
  }
};

}  // namespace aliquot::test
