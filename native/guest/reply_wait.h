// A command's answer: takes a reply slot, waits for it, gives it back.
//
//   ReplyWait reply(connection);
//   if (!reply.usable()) return CL_OUT_OF_RESOURCES;         // dead
//   command.reply = reply.fields<decltype(command.reply)>();
//   send(connection, command);
//   if (!reply.wait()) …                                      // dead
//   reply.status(), reply.data(), reply.bytes()
//
// The slot can be written by a faulty worker at any time, so lengths are read once and clamped;
// the bytes must be read once too, or copied first.
#pragma once

#include "guest/connection.h"
#include "guest/time_account.h"

namespace aliquot::guest {

class ReplyWait {
 public:
  explicit ReplyWait(Connection& connection, Reason reason = Reason::kAnswer)
      : connection_(connection), reason_(reason), slot_(connection.take_reply_slot()) {
    if (usable()) slot().state.store(layout::kReplyEmpty, std::memory_order_relaxed);
  }
  ~ReplyWait() {
    // A slot whose answer never came is lost on purpose: the worker may still write there.
    if (usable() && answered_) connection_.give_back_reply_slot(slot_);
    else if (usable() && !sent_) connection_.give_back_reply_slot(slot_);
  }
  ReplyWait(const ReplyWait&) = delete;
  ReplyWait& operator=(const ReplyWait&) = delete;

  bool usable() const { return slot_ < layout::kReplySlots; }

  /// The reply fields of a command; `arena` etc. say where a long answer may go.
  template <class Fields>
  Fields fields(uint32_t arena = 0, uint64_t offset = 0, uint64_t capacity = 0) {
    sent_ = true;
    Fields fields;
    fields.slot = slot_;
    fields.arena = arena;
    fields.offset = offset;
    fields.capacity = capacity;
    return fields;
  }

  /// False: the connection died before the answer came.
  bool wait() {
    layout::ReplySlot& waited = slot();
    const bool ready = wait_until(
        connection_.reply_spin,
        [&] { return waited.state.load(std::memory_order_acquire) == layout::kReplyReady; },
        [&] {
          uint32_t empty = layout::kReplyEmpty;
          waited.state.compare_exchange_strong(empty, layout::kReplyWaited);
          futex_wait(waited.state, uint32_t{layout::kReplyWaited}, kSliceMs);
        },
        [&] { return connection_.check_alive(); }, Counted{connection_.times, reason_});
    if (!ready) return false;
    answered_ = true;
    status_ = waited.status;
    bytes_ = waited.inline_bytes;
    if (bytes_ > sizeof waited.data) bytes_ = sizeof waited.data;
    total_ = waited.total_bytes;
    return true;
  }

  int32_t status() const { return status_; }
  /// The answer, where it fitted the slot. Valid until this object goes.
  const unsigned char* data() { return slot().data; }
  size_t bytes() const { return bytes_; }
  /// The whole answer's length, wherever it lies (or would have to).
  size_t total_bytes() const { return total_; }

 private:
  layout::ReplySlot& slot() { return connection_.memory().replies[slot_]; }

  Connection& connection_;
  const Reason reason_;
  uint32_t slot_;
  bool sent_ = false;
  bool answered_ = false;
  int32_t status_ = 0;
  uint32_t bytes_ = 0;
  uint32_t total_ = 0;
};

}  // namespace aliquot::guest
