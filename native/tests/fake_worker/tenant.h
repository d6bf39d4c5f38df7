// A tenant that wants the whole device: it computes on two threads whenever it has a turn, and tells the
// truth about that, or not.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/records.h"
#include "protocol/turn_page.h"

namespace aliquot::fake_worker {

class Tenant {
 public:
  /// Begins with threads that wait. `honesty` is one of
  ///   honest        it says of each turn how long it computed
  ///   half, nothing it says that it was half of that, or nothing
  ///   around        it says that it all lay around the span in which the device worked
  ///   lingering     it gives a turn back, and goes on for as long again
  ///   turnless      it takes no turns, and computes always
  explicit Tenant(const std::string& honesty);
  /// Its threads know it for as long as the process lives.
  Tenant(const Tenant&) = delete;
  Tenant& operator=(const Tenant&) = delete;

  /// Where turns are told. False: it can't be had.
  bool take_page(int memory);
  bool wants_turn();
  /// Waits a little, or for a turn; computes in it; returns what to say of it at its end.
  std::optional<records::TurnFinished> step();
  /// How much it has computed: pieces of equal size.
  uint64_t work() const { return work_.load(); }

 private:
  void compute();
  void compute_until(uint64_t time_ns);

  const uint64_t told_percent_;
  const uint64_t told_around_span_ns_;
  const bool lingers_;
  const bool takes_turns_;
  const turns::TurnPage* page_ = nullptr;
  bool announced_ = false;
  uint32_t returned_ = 0;
  uint64_t began_ns_ = 0;  // the turn; 0: it has none
  std::atomic<uint64_t> until_ns_{0};
  std::atomic<uint64_t> work_{0};
};

}  // namespace aliquot::fake_worker
