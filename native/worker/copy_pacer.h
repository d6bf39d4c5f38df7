// Keeps what a worker copies below its vGPU's limit, which stands in the turn page: bytes that begin
// to be copied are a debt, which is paid off at the limit's rate, and nothing begins before it's paid.
// Nobody waits in here, and no clock is read.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace aliquot::worker {

class CopyPacer {
 public:
  /// What was left unused for so long may be made up for at once: turns come when they come.
  static constexpr uint64_t kSavedNs = 50'000'000;
  /// The limit may change at any time, so whoever waits looks again after this.
  static constexpr uint64_t kLongestWaitNs = 50'000'000;

  /// `rate`: bytes a second, 0 without limit; it must outlive this.
  void use(const std::atomic<uint64_t>& rate) { rate_.store(&rate, std::memory_order_release); }
  bool limited() const { return rate() != 0; }
  /// Whether a copy may begin at `now`, ns. If so, it counts.
  bool begin(uint64_t bytes, uint64_t now);
  /// In how many ns to ask again; 0: at once.
  uint64_t wait_ns(uint64_t now);

 private:
  uint64_t rate() const {
    const auto* rate = rate_.load(std::memory_order_acquire);
    return rate != nullptr ? rate->load(std::memory_order_relaxed) : 0;
  }
  void pay(uint64_t rate, uint64_t now);

  std::atomic<const std::atomic<uint64_t>*> rate_{nullptr};
  std::mutex mutex_;
  double debt_bytes_ = 0;  // negative: saved
  uint64_t paid_at_ns_ = 0;
};

}  // namespace aliquot::worker
