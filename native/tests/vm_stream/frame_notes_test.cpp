// What is said of frames: sequences, reads, late writes, events.
#include <cstring>
#include <vector>

#include "check.h"
#include "vm_stream/guest/frame_notes.h"

using namespace aliquot;
using namespace aliquot::vm_stream;

namespace {

template <class Command>
bool look(FrameNotes& notes, const Command& command) {
  std::vector<uint64_t> frame(encoded_size(command) / 8);
  auto* bytes = reinterpret_cast<unsigned char*>(frame.data());
  encode(command, bytes);
  return notes.look({bytes, frame.size() * 8});
}

opencl::WriteBufferCommand write_of(uint32_t queue, std::span<const uint32_t> wait) {
  opencl::WriteBufferCommand write;
  write.queue = queue;
  write.buffer = 1;
  write.arena = 3;
  write.arena_offset = 4096;
  write.size = 100;
  write.wait = wait;
  return write;
}

void test_sequences() {
  FrameNotes notes;
  opencl::CreateQueueCommand queue;
  queue.queue = 2;
  queue.reply.slot = 9;
  CHECK(look(notes, queue));
  CHECK(notes.notes.size() == 1 && notes.notes[0].kind == NoteKind::kReply &&
        notes.notes[0].subject == 9 && notes.notes[0].flags == 0);
  opencl::MarkerCommand marker;
  marker.queue = 2;
  CHECK(look(notes, marker) && notes.notes.empty());
  opencl::ReadBufferCommand read;
  read.queue = 2;
  read.event = 5;
  read.arena = 1;
  read.arena_offset = 8;
  read.size = 16;
  CHECK(look(notes, read) && notes.notes.size() == 1);
  const Note note = notes.notes[0];
  CHECK(note.kind == NoteKind::kRead && note.subject == 2 && note.sequence == 2 && note.arena == 1 &&
        note.offset == 8 && note.bytes == 16);
  opencl::WatchEventCommand watch;
  watch.event = 5;
  CHECK(look(notes, watch) && notes.notes.size() == 1);
  CHECK(notes.notes[0].kind == NoteKind::kWatch && notes.notes[0].sequence == 2 &&
        notes.notes[0].queue == 2 && notes.notes[0].flags == (kFresh | kInOrder));
  CHECK(look(notes, watch) && notes.notes.empty());
  opencl::ReleaseCommand release;
  release.kind = static_cast<uint32_t>(opencl::ObjectKind::kEvent);
  release.object = 5;
  CHECK(look(notes, release) && notes.notes.size() == 1 &&
        notes.notes[0].kind == NoteKind::kForget);
  CHECK(look(notes, release) && notes.notes.empty());
  opencl::LastErrorCommand fence;
  fence.queue = 2;
  CHECK(look(notes, fence) && notes.notes[0].flags == kFence);
  // Rectangles lie packed; one that can't be has no bytes.
  const uint64_t geometry[8] = {0, 0, 0, 4, 5, 6, 0, 0};
  const uint64_t too_large[8] = {0, 0, 0, 1ull << 40, 1ull << 40, 6, 0, 0};
  opencl::ReadBufferRectCommand rectangle;
  rectangle.queue = 2;
  rectangle.geometry = geometry;
  CHECK(look(notes, rectangle) && notes.notes[0].bytes == 120 && notes.notes[0].sequence == 3);
  rectangle.geometry = too_large;
  CHECK(look(notes, rectangle) && notes.notes[0].bytes == 0);
}

void test_late_writes() {
  FrameNotes notes;
  opencl::CreateUserEventCommand gate;
  gate.event = 7;
  CHECK(look(notes, gate));
  const uint32_t waits[] = {6, 7};
  CHECK(look(notes, write_of(1, waits)) && notes.fills.empty());
  CHECK(look(notes, write_of(1, {})) && notes.fills.size() == 1);
  opencl::SetUserEventStatusCommand set;
  set.event = 7;
  CHECK(look(notes, set) && notes.fills.size() == 1 && notes.fills[0].arena == 3 &&
        notes.fills[0].offset == 4096 && notes.fills[0].bytes == 100);
  CHECK(look(notes, set) && notes.fills.empty());
  // It is set: what waits for it now waits no more.
  CHECK(look(notes, write_of(1, waits)) && notes.fills.size() == 1);
}

// A program that never sets its user events has no more kept for it than so much.
void test_bound_of_late_writes() {
  FrameNotes notes;
  opencl::CreateUserEventCommand gate;
  const uint32_t gates[] = {7, 8};
  for (const uint32_t event : gates) {
    gate.event = event;
    CHECK(look(notes, gate));
  }
  const auto both = write_of(1, gates);  // counts twice
  for (size_t i = 0; i < kMostLateWrites / 2; ++i) CHECK(look(notes, both));
  opencl::ReleaseCommand release;
  release.kind = static_cast<uint32_t>(opencl::ObjectKind::kEvent);
  release.object = 7;
  CHECK(look(notes, release));
  const uint32_t one[] = {8};
  for (size_t i = 0; i < kMostLateWrites / 2; ++i) CHECK(look(notes, write_of(1, one)));
  CHECK(!look(notes, write_of(1, one)));
}

}  // namespace

void test_frame_notes() {
  test_bound_of_late_writes();
  test_sequences();
  test_late_writes();
  FrameNotes notes;
  const uint64_t nonsense[2] = {0xffff'ffff'ffff'ffff, 1};
  CHECK(!notes.look({reinterpret_cast<const unsigned char*>(nonsense), sizeof nonsense}));
}
