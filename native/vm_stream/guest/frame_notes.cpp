#include "vm_stream/guest/frame_notes.h"

#include <algorithm>

namespace aliquot::vm_stream {

namespace {

constexpr uint64_t kOutOfOrder = 1;  // CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE

/// Bytes of a rectangle that lies packed; 0 where that can't be.
uint64_t packed_bytes(std::span<const uint64_t> geometry) {
  uint64_t bytes = 0;
  if (geometry.size() != 8 || __builtin_mul_overflow(geometry[3], geometry[4], &bytes) ||
      __builtin_mul_overflow(bytes, geometry[5], &bytes)) {
    return 0;
  }
  return bytes;
}

bool is_event(uint32_t event) { return event >= 1 && event <= layout::kEventSlots; }
bool is_queue(uint32_t queue) { return queue >= 1 && queue <= layout::kQueueSlots; }

}  // namespace

void FrameNotes::await_reply(const opencl::ReplyTarget& reply, bool fence) {
  Note note;
  note.kind = NoteKind::kReply;
  note.subject = reply.slot;
  note.flags = fence ? uint32_t{kFence} : 0;
  note.arena = reply.arena;
  note.offset = reply.offset;
  note.bytes = reply.capacity;
  notes.push_back(note);
}

void FrameNotes::enter(uint32_t queue, uint32_t event) {
  if (!is_queue(queue)) return;
  const uint64_t sequence = ++queues_[queue].submitted;
  if (!is_event(event)) return;
  if (events_.size() <= event) events_.resize(std::max<size_t>(event + 1, events_.size() * 2));
  events_[event] = {sequence, queue, false};
}

void FrameNotes::expect_read(uint32_t queue, const ArenaRange& range) {
  if (!is_queue(queue)) return;
  Note note;
  note.kind = NoteKind::kRead;
  note.subject = queue;
  note.sequence = queues_[queue].submitted;
  note.arena = range.arena;
  note.offset = range.offset;
  note.bytes = range.bytes;
  notes.push_back(note);
}

// The guest driver may fill the arena as late as it sets the user event that a write waits for.
void FrameNotes::write(const ArenaRange& range, std::span<const uint32_t> wait) {
  bool late = false;
  for (const uint32_t event : wait) {
    const auto found = user_events_.find(event);
    if (found == user_events_.end()) continue;
    if (++late_ > kMostLateWrites) return;
    found->second.push_back(range);
    late = true;
  }
  if (!late) fills.push_back(range);
}

void FrameNotes::look_closer(const opencl::CreateQueueCommand& command) {
  if (is_queue(command.queue))
    queues_[command.queue].in_order = (command.properties & kOutOfOrder) == 0;
}

void FrameNotes::look_closer(const opencl::ReleaseCommand& command) {
  if (command.kind != static_cast<uint32_t>(opencl::ObjectKind::kEvent)) return;
  if (const auto found = user_events_.find(command.object); found != user_events_.end()) {
    late_ -= found->second.size();
    user_events_.erase(found);
  }
  if (command.object >= events_.size() || !events_[command.object].watched) return;
  events_[command.object] = {};
  Note note;
  note.kind = NoteKind::kForget;
  note.subject = command.object;
  notes.push_back(note);
}

void FrameNotes::look_closer(const opencl::DropArenaCommand& command) {
  dropped_arena = command.arena;
  Note note;
  note.kind = NoteKind::kDropArena;
  note.arena = command.arena;
  notes.push_back(note);
}

void FrameNotes::look_closer(const opencl::CreateProgramWithSourceCommand& command) {
  fills.push_back({command.arena, command.offset, command.size});
}

void FrameNotes::look_closer(const opencl::CreateProgramWithBinaryCommand& command) {
  uint64_t bytes = 0;
  for (const uint64_t size : command.sizes)
    if (__builtin_add_overflow(bytes, size, &bytes)) return;
  fills.push_back({command.arena, command.offset, bytes});
}

void FrameNotes::look_closer(const opencl::WriteBufferCommand& command) {
  write({command.arena, command.arena_offset, command.size}, command.wait);
}

void FrameNotes::look_closer(const opencl::WriteBufferRectCommand& command) {
  write({command.arena, command.arena_offset, packed_bytes(command.geometry)}, command.wait);
}

void FrameNotes::look_closer(const opencl::ReadBufferCommand& command) {
  expect_read(command.queue, {command.arena, command.arena_offset, command.size});
}

void FrameNotes::look_closer(const opencl::ReadBufferRectCommand& command) {
  expect_read(command.queue, {command.arena, command.arena_offset, packed_bytes(command.geometry)});
}

void FrameNotes::look_closer(const opencl::SyncCommand& command) {
  if (!is_queue(command.queue)) return;
  Note note;
  note.kind = NoteKind::kSync;
  note.subject = command.queue;
  note.sequence = command.sequence;
  notes.push_back(note);
}

void FrameNotes::look_closer(const opencl::WatchEventCommand& command) {
  if (command.event >= events_.size() || events_[command.event].queue == 0) return;
  Event& event = events_[command.event];
  if (event.watched) return;  // once more: the host's end still looks, or it has ended
  event.watched = true;
  Note note;
  note.kind = NoteKind::kWatch;
  note.subject = command.event;
  note.queue = event.queue;
  note.sequence = event.sequence;
  note.flags = kFresh | (queues_[event.queue].in_order ? uint32_t{kInOrder} : 0);
  notes.push_back(note);
}

void FrameNotes::look_closer(const opencl::CreateUserEventCommand& command) {
  if (is_event(command.event)) user_events_[command.event];
}

void FrameNotes::look_closer(const opencl::SetUserEventStatusCommand& command) {
  const auto found = user_events_.find(command.event);
  if (found == user_events_.end()) return;
  late_ -= found->second.size();
  fills = std::move(found->second);
  user_events_.erase(found);
}

}  // namespace aliquot::vm_stream
