// The memory that the driver holds for all connections of a worker, against the vGPU's limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace aliquot::worker {

class MemoryQuota {
 public:
  explicit MemoryQuota(uint64_t limit) : first_limit_(limit) {}

  /// From now on the limit is what stands there, unless that is 0. Once, and before anything is
  /// charged.
  void follow(std::shared_ptr<const std::atomic<uint64_t>> limit) { limit_ = std::move(limit); }

  /// Sets `bytes` aside; false when that would exceed the limit, whatever other threads do.
  bool charge(uint64_t bytes);
  void refund(uint64_t bytes);
  /// Like charge, but waits for memory that was given up and is still in use by the device, as a
  /// driver would. Ends when nothing was freed for `patience_ns`, or when `stop` becomes true.
  bool charge_patiently(uint64_t bytes, uint64_t patience_ns, const std::atomic<bool>& stop);

  /// `bytes` of what is charged have been released by their owner and wait for their last use.
  void condemn(uint64_t bytes) { condemned_.fetch_add(bytes); }
  void absolve(uint64_t bytes) { condemned_.fetch_sub(bytes); }

  uint64_t used() const { return used_.load(); }
  uint64_t limit() const {
    const uint64_t told = limit_ ? limit_->load() : 0;
    return told != 0 ? told : first_limit_;
  }

 private:
  void make_allocator_give_back();

  const uint64_t first_limit_;
  std::shared_ptr<const std::atomic<uint64_t>> limit_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> condemned_{0};
  std::atomic<uint32_t> refunds_{0};  // futex word: changes with every refund
  std::atomic<uint64_t> maybe_kept_{0};  // refunded since the allocator last gave back what it keeps
};

}  // namespace aliquot::worker
