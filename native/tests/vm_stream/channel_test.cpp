// The host's end of one program: what it refuses, and in which order it tells.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "protocol/frame.h"
#include "vm_stream/host/channel.h"

using namespace aliquot;
using namespace aliquot::vm_stream;

namespace {

using Bytes = std::vector<unsigned char>;

SharedMapping anonymous_memory(size_t bytes) {
  Descriptor file(::memfd_create("test", MFD_CLOEXEC));
  CHECK(::ftruncate(file.get(), static_cast<off_t>(bytes)) == 0);
  return SharedMapping::of(file, bytes, PROT_READ | PROT_WRITE);
}

/// A channel with an arena of 1 MiB, number 1, and what it told.
struct Bench {
  SharedMapping mapping = anonymous_memory(layout::kConnectionBytes);
  layout::ConnectionMemory& memory = *mapping.as<layout::ConnectionMemory>();
  Channel channel{7, memory};
  OutBuffer out;
  unsigned char* arena = nullptr;

  Bench() {
    SharedMapping made = anonymous_memory(1 << 20);
    arena = made.base();
    channel.add_arena(1, std::move(made));
  }

  const char* take(MessageKind kind, uint32_t argument, const Bytes& payload) {
    return channel.take({static_cast<uint32_t>(payload.size()), kind, 0, 7, argument}, payload);
  }

  const char* fill(uint32_t arena, uint64_t offset, size_t bytes) {
    const Bytes data(bytes, 9);
    return channel.fill({{offset, arena, 0}, data});
  }

  const char* command(std::vector<Note> notes, const Bytes& frames = {}) {
    Bytes payload(notes.size() * sizeof(Note));
    if (!notes.empty()) std::memcpy(payload.data(), notes.data(), payload.size());
    payload.insert(payload.end(), frames.begin(), frames.end());
    return take(MessageKind::kCommands, static_cast<uint32_t>(notes.size()), payload);
  }

  /// All that is to be told, one letter a message: b bytes, r reply, q queues, e events, n notices, p print.
  std::string told() {
    std::string letters;
    bool all = false;
    do {
      all = channel.tell(out);
      Bytes bytes(out.waiting().begin(), out.waiting().end());
      out.sent(bytes.size());
      for (size_t at = 0; at < bytes.size();) {
        Header header;
        std::memcpy(&header, bytes.data() + at, sizeof header);
        CHECK(header.channel == 7 && at + sizeof header + header.bytes <= bytes.size());
        last.assign(bytes.begin() + static_cast<long>(at + sizeof header),
                    bytes.begin() + static_cast<long>(at + sizeof header + header.bytes));
        at += sizeof header + header.bytes;
        switch (header.kind) {
          case MessageKind::kBytes: letters += 'b'; break;
          case MessageKind::kReply: letters += 'r'; break;
          case MessageKind::kQueues: letters += 'q'; break;
          case MessageKind::kEvents: letters += 'e'; break;
          case MessageKind::kNotices: letters += 'n'; break;
          case MessageKind::kPrint: letters += 'p'; break;
          case MessageKind::kSpace: letters += 's'; break;
          default: letters += '?';
        }
      }
    } while (!all);
    return letters;
  }
  Bytes last;  // payload of the last message
};

Note note_of(NoteKind kind, uint32_t subject, uint64_t sequence = 0) {
  Note note;
  note.kind = kind;
  note.subject = subject;
  note.sequence = sequence;
  return note;
}

Note read_of(uint32_t queue, uint64_t sequence, uint64_t offset, uint64_t bytes, uint32_t arena = 1) {
  Note note = note_of(NoteKind::kRead, queue, sequence);
  note.arena = arena;
  note.offset = offset;
  note.bytes = bytes;
  return note;
}

Note watch_of(uint32_t event, uint32_t queue, uint64_t sequence, bool in_order) {
  Note note = note_of(NoteKind::kWatch, event, sequence);
  note.queue = queue;
  note.flags = kFresh | (in_order ? uint32_t{kInOrder} : 0);
  return note;
}

Bytes frame_of(uint32_t size, unsigned char filling) {
  Bytes bytes(size, filling);
  const protocol::FrameHeader header{size, 1, 0};
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

void test_what_is_refused() {
  Bench bench;
  CHECK(bench.fill(2, 0, 8) != nullptr);
  CHECK(bench.fill(1, (1 << 20) - 7, 8) != nullptr);
  CHECK(bench.fill(1, ~uint64_t{0}, 8) != nullptr);
  CHECK(bench.fill(1, (1 << 20) - 8, 8) == nullptr);
  CHECK(bench.arena[(1 << 20) - 1] == 9 && bench.arena[(1 << 20) - 9] == 0);
  CHECK(bench.take(MessageKind::kTimes, 0, Bytes(8)) != nullptr);
  CHECK(bench.take(MessageKind::kWelcome, 0, {}) != nullptr);
  CHECK(bench.take(MessageKind::kCommands, 1, Bytes(sizeof(Note) - 1)) != nullptr);
  CHECK(bench.take(MessageKind::kCommands, kMostNotes + 1, Bytes(100'000)) != nullptr);
  CHECK(bench.take(MessageKind::kCommands, 0x2000'0000, Bytes(100)) != nullptr);
  CHECK(bench.command({}, Bytes(7)) != nullptr);
  CHECK(bench.command({}, Bytes(16)) != nullptr);  // a frame of size 0
  Bytes long_frame = frame_of(16, 0);
  long_frame.resize(8);
  CHECK(bench.command({}, long_frame) != nullptr);
  CHECK(bench.command({note_of(NoteKind::kReply, layout::kReplySlots)}) != nullptr);
  CHECK(bench.command({note_of(NoteKind::kReply, 1)}) == nullptr);
  CHECK(bench.command({note_of(NoteKind::kReply, 1)}) != nullptr);
  CHECK(bench.command({note_of(NoteKind::kSync, 0)}) != nullptr);
  CHECK(bench.command({note_of(NoteKind::kSync, layout::kQueueSlots + 1)}) != nullptr);
  CHECK(bench.command({watch_of(layout::kEventSlots + 1, 1, 1, true)}) != nullptr);
  CHECK(bench.command({watch_of(1, 0, 1, true)}) != nullptr);
  CHECK(bench.command({read_of(1, 5, 0, 8)}) == nullptr);
  CHECK(bench.command({read_of(1, 5, 0, 8)}) != nullptr);
  CHECK(bench.command({note_of(static_cast<NoteKind>(99), 1)}) != nullptr);
  const char* refused = nullptr;
  for (uint64_t i = 0; refused == nullptr && i <= kMostReads; ++i)
    refused = bench.command({read_of(1, 6 + i, 0, 8)});
  CHECK(refused != nullptr);
}

void test_the_ring() {
  Bench bench;
  layout::Control& control = bench.memory.control;
  const Bytes frame = frame_of(60'000, 5);
  size_t put = 0;
  while (bench.command({}, frame) == nullptr) ++put;
  CHECK(put == layout::kCommandRingBytes / 60'000);
  CHECK(control.command_tail.load() == put * 60'000);
  CHECK(bench.channel.awaits());
  CHECK(bench.told().empty());
  control.command_head.store(put * 60'000);
  CHECK(bench.told() == "s" && !bench.channel.awaits());
  // It wraps.
  CHECK(bench.command({}, frame) == nullptr);
  CHECK(bench.memory.commands[(put * 60'000 + 59'999) % layout::kCommandRingBytes] == 5);
  // A worker that has read what was never written.
  control.command_head.store(put * 60'000 + 120'000);
  CHECK(bench.command({}, frame_of(8, 0)) != nullptr);
}

void test_reads_come_before_what_tells_of_them() {
  Bench bench;
  bench.arena[10] = 77;
  CHECK(bench.command({read_of(3, 1, 10, 100), read_of(3, 2, 0, 300'000),
                       note_of(NoteKind::kSync, 3, 2), watch_of(4, 3, 2, true)}) == nullptr);
  CHECK(bench.channel.awaits() && bench.told().empty());
  bench.memory.queues[2].completed.store(1);
  CHECK(bench.told() == "bq" && bench.channel.awaits());
  bench.memory.events[3].status.store(0);
  CHECK(bench.told() == "bbbbbe");  // in pieces of 64 KiB
  bench.memory.queues[2].completed.store(2);
  CHECK(bench.told() == "q" && !bench.channel.awaits());
  QueueState state;
  std::memcpy(static_cast<void*>(&state), bench.last.data(), sizeof state);
  CHECK(state.queue == 3 && state.completed == 2);
}

void test_events_out_of_order() {
  Bench bench;
  CHECK(bench.command({read_of(1, 1, 0, 8), read_of(1, 2, 8, 8), read_of(1, 3, 8, 8),
                       watch_of(1, 1, 1, false), watch_of(2, 1, 2, false), watch_of(3, 1, 3, false)}) ==
        nullptr);
  CHECK(bench.memory.events[1].status.load() == layout::kEventPending);
  bench.memory.events[1].status.store(0);
  CHECK(bench.told() == "be");
  Place place;
  bench.memory.events[2].status.store(-5);  // it failed: there are no bytes
  CHECK(bench.told() == "e");
  bench.memory.queues[0].completed.store(3);
  CHECK(bench.told() == "bq");
  CHECK(bench.channel.awaits());
  CHECK(bench.command({note_of(NoteKind::kForget, 1)}) == nullptr);
  CHECK(!bench.channel.awaits());
  static_cast<void>(place);
}

void test_fences_and_notices() {
  Bench bench;
  Note fence = note_of(NoteKind::kReply, 2);
  fence.flags = kFence;
  CHECK(bench.command({note_of(NoteKind::kReply, 1), fence, watch_of(9, 1, 1, true),
                       note_of(NoteKind::kSync, 1, 1)}) == nullptr);
  bench.memory.replies[1].status = -7;
  bench.memory.replies[1].inline_bytes = 1u << 30;  // a faulty worker
  for (const size_t slot : {1, 2}) bench.memory.replies[slot].state.store(layout::kReplyReady);
  bench.memory.events[8].status.store(2);
  bench.memory.queues[0].completed.store(1);
  bench.memory.notifications[0].store(9);
  bench.memory.control.notify_tail.store(1);
  bench.memory.control.print_tail.store(5);
  CHECK(bench.told() == "prqenr");
  CHECK(bench.memory.control.notify_head.load() == 1 && bench.memory.control.print_head.load() == 5);
  bench.memory.control.notify_tail.store(1u << 30);
  bench.memory.control.print_tail.store(1u << 30);
  CHECK(bench.told().empty());
}

void test_answers_in_arenas() {
  Bench bench;
  Note long_answer = note_of(NoteKind::kReply, 0);
  long_answer.arena = 1;
  long_answer.offset = 64;
  long_answer.bytes = 200'000;
  CHECK(bench.command({long_answer}) == nullptr);
  bench.memory.replies[0].total_bytes = 150'000;
  bench.memory.replies[0].state.store(layout::kReplyReady);
  CHECK(bench.told() == "bbbr");
  // Of an arena that is gone, or beyond its end, nothing is sent.
  CHECK(bench.command({long_answer}) == nullptr);
  Note dropped = note_of(NoteKind::kDropArena, 0);
  dropped.arena = 1;
  CHECK(bench.command({dropped}) == nullptr);
  bench.memory.replies[0].state.store(layout::kReplyReady);
  CHECK(bench.told() == "r");
}

}  // namespace

void test_channel() {
  test_what_is_refused();
  test_the_ring();
  test_reads_come_before_what_tells_of_them();
  test_events_out_of_order();
  test_fences_and_notices();
  test_answers_in_arenas();
}
