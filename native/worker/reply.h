// Answers to the guest driver: into the reply slot that it named, or into an arena when they are
// too long for that.
#pragma once

#include <CL/cl.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "generated/opencl_commands.h"
#include "protocol/connection_layout.h"
#include "worker/arenas.h"

namespace aliquot::worker {

/// Puts an answer's bytes together.
class ReplyBytes {
 public:
  template <class Number>
  void add(Number number) {
    // An array would decay to its address, and that be sent.
    static_assert(!std::is_pointer_v<Number>);
    add_bytes(&number, sizeof number);
  }
  void add_bytes(const void* data, size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  void pad(size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
  std::span<const unsigned char> bytes() const { return bytes_; }

 private:
  std::vector<unsigned char> bytes_;
};

class ReplyWriter {
 public:
  /// `arenas` must outlive the writer. Usable from the decode thread and the builder at once.
  ReplyWriter(layout::ConnectionMemory& memory, Arenas& arenas)
      : memory_(memory), arenas_(arenas) {}

  /// False where the slot doesn't exist: a violation.
  static bool valid(const opencl::ReplyTarget& target) { return target.slot < layout::kReplySlots; }

  /// From now on nothing is answered, or it is again.
  void mute(bool muted) { muted_.store(muted); }

  /// Fills the slot and wakes who waits for it. An answer that fits nowhere leaves its size only.
  void answer(const opencl::ReplyTarget& target, cl_int status,
              std::span<const unsigned char> bytes = {});

 private:
  layout::ConnectionMemory& memory_;
  Arenas& arenas_;
  std::atomic<bool> muted_{false};
};

}  // namespace aliquot::worker
