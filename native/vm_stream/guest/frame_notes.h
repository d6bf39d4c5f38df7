// What the host's end is to be told of a program's frames: which slots and events to watch, which bytes to
// fetch; and which bytes it must have before a frame. Sees each frame in the order of the ring.
//
// Counts sequences as the guest driver does (guest/opencl/objects.h): every command for a queue takes
// the next number as it enters the ring.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "generated/opencl_dispatch.h"
#include "vm_stream/messages.h"

namespace aliquot::vm_stream {

/// Bytes of an arena.
struct ArenaRange {
  uint32_t arena = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

class FrameNotes {
 public:
  /// Looks at one frame (8-aligned, private). False: it is none, or more writes wait for user events than
  /// are kept.
  bool look(std::span<const unsigned char> frame) {
    notes.clear();
    fills.clear();
    dropped_arena = 0;
    return opencl::dispatch(*this, frame) == protocol::Outcome::kHandled && late_ <= kMostLateWrites;
  }

  // Of the frame that was looked at last.
  std::vector<Note> notes;
  std::vector<ArenaRange> fills;  // to be sent before it
  uint32_t dropped_arena = 0;     // 0: none

  /// For the dispatcher.
  template <class Command>
  void on(const Command& command) {
    if constexpr (requires { command.reply; }) await_reply(command.reply, kFenceOf<Command>);
    if constexpr (requires { command.wait; command.queue; command.event; })
      enter(command.queue, command.event);
    look_closer(command);
  }

 private:
  struct Event {
    uint64_t sequence = 0;
    uint32_t queue = 0;
    bool watched = false;
  };
  struct Queue {
    uint64_t submitted = 0;
    bool in_order = true;
  };

  template <class Command>
  static constexpr bool kFenceOf = std::is_same_v<Command, opencl::LastErrorCommand>;

  void await_reply(const opencl::ReplyTarget& reply, bool fence);
  void enter(uint32_t queue, uint32_t event);
  void expect_read(uint32_t queue, const ArenaRange& range);
  void write(const ArenaRange& range, std::span<const uint32_t> wait);

  template <class Command>
  void look_closer(const Command&) {}
  void look_closer(const opencl::CreateQueueCommand& command);
  void look_closer(const opencl::ReleaseCommand& command);
  void look_closer(const opencl::DropArenaCommand& command);
  void look_closer(const opencl::CreateProgramWithSourceCommand& command);
  void look_closer(const opencl::CreateProgramWithBinaryCommand& command);
  void look_closer(const opencl::WriteBufferCommand& command);
  void look_closer(const opencl::WriteBufferRectCommand& command);
  void look_closer(const opencl::ReadBufferCommand& command);
  void look_closer(const opencl::ReadBufferRectCommand& command);
  void look_closer(const opencl::SyncCommand& command);
  void look_closer(const opencl::WatchEventCommand& command);
  void look_closer(const opencl::CreateUserEventCommand& command);
  void look_closer(const opencl::SetUserEventStatusCommand& command);

  std::map<uint32_t, Queue> queues_;
  std::vector<Event> events_;  // by id
  // User events that have no status yet, with what writes that wait for them will take then.
  std::map<uint32_t, std::vector<ArenaRange>> user_events_;
  size_t late_ = 0;  // ranges in all of them
};

}  // namespace aliquot::vm_stream
