// The device host's end of one worker's turn page (turn_page.h): the only one that can write it.
#pragma once

#include "device_host/supervisor_link.h"
#include "protocol/descriptor.h"
#include "protocol/turn_page.h"

namespace aliquot {

class TurnPageMemory {
 public:
  TurnPageMemory() = default;
  ~TurnPageMemory();
  TurnPageMemory(const TurnPageMemory&) = delete;
  TurnPageMemory& operator=(const TurnPageMemory&) = delete;

  /// Makes and maps the page, and seals it: whoever gets the descriptor can map it for reading only.
  /// False with errno set where that can't be had.
  bool create(SupervisorLink& link, const KeptKey& key);
  /// Takes over what another device host has made and mapped.
  void adopt(Descriptor memory, void* page);
  int descriptor() const { return memory_.get(); }

  /// The number of the last turn that was granted.
  uint32_t turn() const { return page_->turn.load(std::memory_order_relaxed); }
  /// Whether that turn has not been taken back.
  bool holds() const { return turn() != page_->taken_back.load(std::memory_order_relaxed); }
  /// To be told before anybody else is granted one.
  void take_back() { page_->taken_back.store(turn(), std::memory_order_release); }
  /// Grants one more turn and wakes who waits for it.
  void grant(uint64_t deadline_ns, uint64_t window_ns, uint64_t patience_ns, bool contended);
  /// The turn that was granted last ends then: others wait.
  void shorten(uint64_t deadline_ns);
  /// How much may be copied from now on, bytes a second; 0: as much as turns allow.
  void limit_copies(uint64_t rate);
  /// How much the worker may hold from now on, bytes.
  void limit_memory(uint64_t bytes);

 private:
  Descriptor memory_;
  turns::TurnPage* page_ = nullptr;
};

}  // namespace aliquot
