// A device host that only listens, and a page on which the test grants turns.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "check.h"
#include "protocol/socket.h"
#include "turn_granter.h"
#include "worker/futex.h"
#include "worker/turn_gate.h"

namespace aliquot::test {

constexpr uint64_t kMillisecond = 1'000'000;

class TurnHost final : public worker::HostLink {
 public:
  void send(const records::Record& record) override {
    const std::lock_guard guard(mutex_);
    if (record.header.kind == records::Kind::kTurnWanted) ++wanted_;
    if (record.header.kind != records::Kind::kTurnFinished) return;
    finished_.push_back(payload_of<records::TurnFinished>(record));
  }
  int wanted() {
    const std::lock_guard guard(mutex_);
    return wanted_;
  }
  size_t finished() {
    const std::lock_guard guard(mutex_);
    return finished_.size();
  }
  records::TurnFinished last() {
    const std::lock_guard guard(mutex_);
    return finished_.empty() ? records::TurnFinished{} : finished_.back();
  }

 private:
  std::mutex mutex_;
  int wanted_ = 0;
  std::vector<records::TurnFinished> finished_;
};

/// A gate with its page.
struct TurnDouble {
  explicit TurnDouble(const worker::Driver& driver) : gate(driver, host) {
    gate.use(std::shared_ptr<const turns::TurnPage>(page));
  }
  TurnHost host;
  const std::shared_ptr<turns::TurnPage> page = std::make_shared<turns::TurnPage>();
  TurnGranter turns{*page};
  worker::TurnGate gate;
};

/// A turn in which others wait, so many milliseconds long.
inline uint32_t grant_ms(TurnGranter& turns, uint64_t milliseconds) {
  return turns.grant(worker::now_ns() + milliseconds * kMillisecond);
}

inline void pause_ms(uint64_t milliseconds) {
  timespec pause{0, static_cast<long>(milliseconds * kMillisecond)};
  nanosleep(&pause, nullptr);
}

}  // namespace aliquot::test
