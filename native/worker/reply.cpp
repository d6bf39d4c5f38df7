#include "worker/reply.h"

#include "worker/futex.h"

namespace aliquot::worker {

void ReplyWriter::answer(const opencl::ReplyTarget& target, cl_int status,
                         std::span<const unsigned char> bytes) {
  if (!valid(target) || muted_.load(std::memory_order_relaxed)) return;
  layout::ReplySlot& slot = memory_.replies[target.slot];
  // The slot may have been filled by the other thread before; the guest process took that answer.
  slot.state.load(std::memory_order_acquire);
  slot.status = status;
  slot.total_bytes = static_cast<uint32_t>(bytes.size());
  slot.inline_bytes = 0;
  if (!bytes.empty() && bytes.size() <= sizeof slot.data) {
    std::memcpy(slot.data, bytes.data(), bytes.size());
    slot.inline_bytes = static_cast<uint32_t>(bytes.size());
  } else if (!bytes.empty() && target.arena != 0 && bytes.size() <= target.capacity) {
    const auto arena = arenas_.find(target.arena);
    unsigned char* out = arena ? arena->range(target.offset, bytes.size()) : nullptr;
    if (out != nullptr) {
      std::memcpy(out, bytes.data(), bytes.size());
    } else {
      slot.status = CL_OUT_OF_RESOURCES;
      slot.total_bytes = 0;
    }
  }
  if (slot.state.exchange(layout::kReplyReady) == layout::kReplyWaited) futex_wake(slot.state);
}

}  // namespace aliquot::worker
