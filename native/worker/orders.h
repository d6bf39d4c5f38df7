// What the device host wants of a connection's decode thread, from the server's thread to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "protocol/descriptor.h"

namespace aliquot::worker {

struct Order {
  enum class Kind { kSketch, kFreeze, kSave, kRestore, kThaw };
  Kind kind{};
  uint32_t patience_ms = 0;
  Descriptor image;
  uint64_t bytes = 0;  // of the image
};

class Orders {
 public:
  void add(Order order) {
    const std::lock_guard guard(mutex_);
    orders_.push_back(std::move(order));
    changed_.notify_one();
  }
  std::optional<Order> take() {
    const std::lock_guard guard(mutex_);
    if (orders_.empty()) return std::nullopt;
    Order first = std::move(orders_.front());
    orders_.pop_front();
    return first;
  }
  /// Until there is one, `wake` is called, or the time is over.
  void wait(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [&] { return !orders_.empty() || woken_; });
    woken_ = false;
  }
  void wake() {
    const std::lock_guard guard(mutex_);
    woken_ = true;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Order> orders_;
  bool woken_ = false;
};

}  // namespace aliquot::worker
