// From the guest VM into the shared memory. Every length, place and number is checked before it is used.
#include <algorithm>

#include "protocol/frame.h"
#include "vm_stream/host/channel.h"
#include "vm_stream/wake.h"

namespace aliquot::vm_stream {

namespace {

constexpr uint64_t kRing = layout::kCommandRingBytes;

bool is_queue(uint32_t number) { return number >= 1 && number <= layout::kQueueSlots; }
bool is_event(uint32_t number) { return number >= 1 && number <= layout::kEventSlots; }

/// Whether the bytes are whole frames.
bool are_frames(std::span<const unsigned char> bytes) {
  while (!bytes.empty()) {
    protocol::FrameHeader header;
    if (!protocol::read_header(bytes, header) || header.size > bytes.size()) return false;
    bytes = bytes.subspan(header.size);
  }
  return true;
}

}  // namespace

const char* Channel::take(const Header& header, std::span<const unsigned char> payload) {
  if (header.kind == MessageKind::kCommands) return take_commands(header.argument, payload);
  if (header.kind != MessageKind::kTimes) return "a message of a kind that has no place here";
  uint64_t claims[layout::kSpentKinds + 3];
  static_assert(sizeof claims == sizeof(layout::TimeClaims));
  if (!value_of(payload, claims)) return "claims of time of another length";
  for (size_t i = 0; i < layout::kSpentKinds; ++i)
    memory_.times.spent_ns[i].store(claims[i], std::memory_order_relaxed);
  memory_.times.syncs.store(claims[layout::kSpentKinds], std::memory_order_relaxed);
  memory_.times.round_trips.store(claims[layout::kSpentKinds + 1], std::memory_order_relaxed);
  memory_.times.builds.store(claims[layout::kSpentKinds + 2], std::memory_order_relaxed);
  return nullptr;
}

const char* Channel::fill(const Bulk& bulk) {
  const auto arena = arenas_.find(bulk.place.arena);
  unsigned char* target =
      arena == arenas_.end() ? nullptr : arena->second.range(bulk.place.offset, bulk.data.size());
  if (target == nullptr) return "bytes for a place that isn't";
  if (!bulk.data.empty()) std::memcpy(target, bulk.data.data(), bulk.data.size());
  return nullptr;
}

const char* Channel::take_commands(uint32_t notes, std::span<const unsigned char> payload) {
  if (notes > kMostNotes || payload.size() < notes * sizeof(Note)) return "notes that aren't there";
  const auto frames = payload.subspan(notes * sizeof(Note));
  if (!are_frames(frames)) return "what is no frame";
  const uint64_t used = tail_ - memory_.control.command_head.load(std::memory_order_acquire);
  if (used > kRing || frames.size() > kRing - used) return "more frames than have room";
  for (uint32_t i = 0; i < notes; ++i) {
    Note note;
    std::memcpy(&note, payload.data() + i * sizeof note, sizeof note);
    if (const char* wrong = take_note(note)) return wrong;
  }
  if (!frames.empty()) put_into_ring(frames);
  return nullptr;
}

const char* Channel::take_note(const Note& note) {
  switch (note.kind) {
    case NoteKind::kReply:
      return await_reply(note);
    case NoteKind::kRead:
      return expect_read(note);
    case NoteKind::kSync:
      if (!is_queue(note.subject)) return "a queue that can't be";
      queues_[note.subject].asked = std::max(queues_[note.subject].asked, note.sequence);
      return nullptr;
    case NoteKind::kWatch:
      return watch(note);
    case NoteKind::kForget:
      events_.erase(note.subject);
      return nullptr;
    case NoteKind::kDropArena:
      arenas_.erase(note.arena);
      return nullptr;
  }
  return "a note that nobody knows";
}

const char* Channel::await_reply(const Note& note) {
  if (note.subject >= layout::kReplySlots) return "a reply slot that can't be";
  Answer& answer = answers_[note.subject];
  if (answer.awaited) return "a reply slot that is in use";
  answer = {true, (note.flags & kFence) != 0, note.arena, note.offset, note.bytes, 0};
  ++answers_awaited_;
  memory_.replies[note.subject].state.store(layout::kReplyEmpty, std::memory_order_relaxed);
  return nullptr;
}

const char* Channel::expect_read(const Note& note) {
  if (!is_queue(note.subject)) return "a queue that can't be";
  if (read_count_ >= kMostReads) return "too many reads";
  QueueWatch& queue = queues_[note.subject];
  if (!queue.reads.empty() && note.sequence <= queue.reads.back().sequence)
    return "reads out of their order";
  queue.reads.push_back({note.sequence, note.offset, note.bytes, 0, note.arena});
  ++read_count_;
  return nullptr;
}

// The guest driver has put the slot into this state in the memory that it sees.
const char* Channel::watch(const Note& note) {
  if (!is_event(note.subject) || !is_queue(note.queue)) return "an event or queue that can't be";
  if ((note.flags & kFresh) == 0) return nullptr;
  layout::EventSlot& slot = memory_.events[note.subject - 1];
  slot.has_times = 0;
  slot.status.store(layout::kEventPending, std::memory_order_release);
  events_[note.subject] = {note.sequence, note.queue, (note.flags & kInOrder) != 0,
                           layout::kEventPending};
  return nullptr;
}

void Channel::put_into_ring(std::span<const unsigned char> frames) {
  const size_t start = tail_ % kRing;
  const size_t first = std::min<size_t>(frames.size(), kRing - start);
  std::memcpy(memory_.commands + start, frames.data(), first);
  if (first < frames.size())
    std::memcpy(memory_.commands, frames.data() + first, frames.size() - first);
  tail_ += frames.size();
  // As the guest driver does: either the worker sees this tail before it sleeps, or it is seen to sleep.
  memory_.control.command_tail.store(tail_, std::memory_order_seq_cst);
  std::atomic<uint32_t>& sleeps = memory_.control.worker_sleeps;
  if (sleeps.load(std::memory_order_seq_cst) != 0 && sleeps.exchange(0) != 0) wake_one(sleeps);
}

}  // namespace aliquot::vm_stream
