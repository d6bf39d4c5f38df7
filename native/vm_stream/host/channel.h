// One program of the guest VM, as the host's end sees it: what comes for its shared memory, and what
// the worker has written there that the program is to learn of.
//
// Nothing here knows sockets. All that `take` is given may be hostile; so may all that the worker
// writes, but that harms nobody except the VM, whose worker it is.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "protocol/connection_layout.h"
#include "vm_stream/host/out_buffer.h"
#include "vm_stream/messages.h"
#include "vm_stream/plane.h"

namespace aliquot::vm_stream {

class Channel {
 public:
  /// `memory` must outlive it.
  Channel(uint32_t number, layout::ConnectionMemory& memory) : number_(number), memory_(memory) {}

  void add_arena(uint32_t arena, SharedMapping mapping) { arenas_[arena] = std::move(mapping); }
  size_t arena_count() const { return arenas_.size(); }

  // ---- channel_take.cpp
  /// kCommands or kTimes. Null, or what was wrong with it: the VM breaks the protocol.
  const char* take(const Header& header, std::span<const unsigned char> payload);
  /// kFill, the same.
  const char* fill(const Bulk& bulk);

  // ---- channel_tell.cpp
  /// Puts into `out` what has come about, as far as it has room, and a few pieces of bulk data at most.
  /// False: there is more.
  bool tell(OutBuffer& out);
  /// Whether something is awaited from the worker, so that it is worth looking soon.
  bool awaits() const;

 private:
  struct Read {
    uint64_t sequence;
    uint64_t offset;
    uint64_t bytes;
    uint64_t done;
    uint32_t arena;
  };
  struct QueueWatch {
    uint64_t asked = 0;  // told when it has come there
    uint64_t told = 0;
    int32_t error = 0;      // taken from the slot, not told yet
    std::deque<Read> reads;  // by sequence, whose bytes have not been sent
  };
  struct EventWatch {
    uint64_t sequence;
    uint32_t queue;
    bool in_order;
    int32_t told;
  };
  struct Answer {
    bool awaited = false;
    bool fence = false;
    uint32_t arena = 0;
    uint64_t offset = 0;
    uint64_t capacity = 0;
    uint64_t done = 0;
  };

  const char* take_commands(uint32_t notes, std::span<const unsigned char> payload);
  const char* take_note(const Note& note);
  const char* await_reply(const Note& note);
  const char* expect_read(const Note& note);
  const char* watch(const Note& note);
  void put_into_ring(std::span<const unsigned char> frames);

  uint64_t ready_replies() const;
  bool tell_space(OutBuffer& out);
  bool tell_print(OutBuffer& out);
  bool tell_replies(OutBuffer& out, uint64_t ready, bool fences);
  bool tell_reply(OutBuffer& out, uint32_t number, Answer& answer);
  bool tell_queues(OutBuffer& out);
  bool tell_events(OutBuffer& out);
  bool tell_notices(OutBuffer& out, uint64_t tail);
  bool send_reads(OutBuffer& out, QueueWatch& queue, uint64_t up_to);
  bool send_own_read(OutBuffer& out, const EventWatch& event, bool wanted);
  bool send_bytes(OutBuffer& out, uint32_t arena, uint64_t offset, uint64_t bytes, uint64_t& done);
  Header header(MessageKind kind, uint32_t argument = 0) const {
    return {0, kind, 0, number_, argument};
  }

  const uint32_t number_;
  layout::ConnectionMemory& memory_;
  std::map<uint32_t, SharedMapping> arenas_;
  std::array<Answer, layout::kReplySlots> answers_;
  uint32_t answers_awaited_ = 0;
  std::map<uint32_t, QueueWatch> queues_;
  std::unordered_map<uint32_t, EventWatch> events_;
  size_t read_count_ = 0;
  uint64_t tail_ = 0;  // of the ring
  uint64_t head_told_ = 0;
  uint64_t notify_head_ = 0;
  uint64_t print_head_ = 0;
  size_t budget_ = 0;  // of bulk data, in one `tell`
  bool cut_short_ = false;
};

}  // namespace aliquot::vm_stream
