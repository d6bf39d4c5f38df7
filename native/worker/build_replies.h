// Answers of the builder's thread. It may outlive the connection, which then takes none any more.
#pragma once

#include <mutex>
#include <span>

#include "worker/reply.h"

namespace aliquot::worker {

class BuildReplies {
 public:
  /// `replies` must live until `close`.
  explicit BuildReplies(ReplyWriter& replies) : replies_(&replies) {}

  void answer(const opencl::ReplyTarget& target, cl_int status,
              std::span<const unsigned char> bytes = {}) {
    const std::lock_guard guard(mutex_);
    if (replies_ != nullptr) replies_->answer(target, status, bytes);
  }
  /// Nothing is answered after this has returned.
  void close() {
    const std::lock_guard guard(mutex_);
    replies_ = nullptr;
  }

 private:
  std::mutex mutex_;
  ReplyWriter* replies_;
};

}  // namespace aliquot::worker
