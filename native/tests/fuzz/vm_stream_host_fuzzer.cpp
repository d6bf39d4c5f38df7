// Fuzzes the host's end of a guest VM's stream: what it makes of bytes from the VM, while a worker writes
// whatever it likes into the shared memory. Nothing may be read or written out of bounds, and what is told
// must be whole messages.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "protocol/frame_builder.h"
#include "vm_stream/host/channel.h"
#include "vm_stream/message_reader.h"

namespace {

using namespace aliquot;
using namespace aliquot::vm_stream;
using Bytes = std::vector<unsigned char>;

constexpr size_t kArena = size_t{256} << 10;

// Between pages that can't be touched, so that whoever goes beyond its end is found: once for each use, in
// a place of its own.
SharedMapping new_memory(size_t bytes, void*& place) {
  constexpr size_t kGuard = size_t{1} << 20;
  if (place == nullptr) {
    auto* reserved = static_cast<unsigned char*>(::mmap(nullptr, bytes + 2 * kGuard, PROT_NONE,
                                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (reserved == MAP_FAILED) std::abort();
    place = reserved + kGuard;
    ::munmap(place, bytes);
  }
  const Descriptor file(::memfd_create("fuzz", MFD_CLOEXEC));
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) std::abort();
  SharedMapping mapping = SharedMapping::of(file, bytes, PROT_READ | PROT_WRITE, place);
  if (mapping.base() != place) place = nullptr;  // somebody else was there first: another place next time
  return mapping;
}

uint64_t some_number(protocol::ByteSource& source) {
  const uint8_t choice = source.byte();
  if (choice < 160) return choice % 16;
  if (choice < 190) return kArena - choice % 16;
  if (choice < 220) return source.value<uint32_t>() % (2 * kArena);
  return source.value<uint64_t>();
}

Note some_note(protocol::ByteSource& source) {
  Note note;
  note.kind = static_cast<NoteKind>(source.byte() % 8);
  note.subject = static_cast<uint32_t>(some_number(source));
  note.queue = static_cast<uint32_t>(some_number(source));
  note.flags = source.byte();
  note.sequence = some_number(source);
  note.offset = some_number(source);
  note.bytes = some_number(source);
  note.arena = source.byte() % 3;
  return note;
}

Bytes some_payload(protocol::ByteSource& source, MessageKind kind, uint32_t& argument) {
  Bytes payload;
  const auto add = [&](const auto& value) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
    payload.insert(payload.end(), bytes, bytes + sizeof value);
  };
  if (kind == MessageKind::kFill) {
    add(Place{some_number(source), source.byte() % 3u, 0});
    if (source.byte() % 2 == 0) argument = static_cast<uint32_t>(some_number(source));
    else payload.resize(payload.size() + source.byte(), 1);
  } else if (kind == MessageKind::kCommands) {
    argument = source.byte() % 6;
    for (uint32_t i = 0; i < argument; ++i) add(some_note(source));
    const uint32_t size = source.byte() % 4 == 3 ? source.byte() : 8u * (source.byte() % 64u);
    if (size >= 8) {
      add(protocol::FrameHeader{size, 1, 0});
      payload.resize(payload.size() + size - 8);
    }
  } else {
    payload.resize(source.byte());
  }
  if (source.byte() % 16 == 15) payload.resize(source.byte());
  return payload;
}

void some_work(protocol::ByteSource& source, layout::ConnectionMemory& memory) {
  const auto number = static_cast<uint32_t>(some_number(source));
  switch (source.byte() % 8) {
    case 0:
      memory.replies[number % layout::kReplySlots].total_bytes = source.value<uint32_t>() >> 8;
      memory.replies[number % layout::kReplySlots].inline_bytes = source.value<uint32_t>() >> 16;
      memory.replies[number % layout::kReplySlots].state = layout::kReplyReady;
      break;
    case 1: memory.queues[number % layout::kQueueSlots].completed = some_number(source); break;
    case 2: memory.queues[number % layout::kQueueSlots].error = -5; break;
    case 3: memory.events[number % layout::kEventSlots].status = source.byte() % 4 - 1; break;
    case 4: memory.control.notify_tail = some_number(source); break;
    case 5: memory.control.print_tail = some_number(source); break;
    case 6: memory.control.command_head = some_number(source); break;
    default: memory.control.notify_overflow = 1;
  }
}

const char* take(Channel& channel, Plane& plane, const Header& header, std::span<const unsigned char> payload) {
  if (header.kind != MessageKind::kFill) return channel.take(header, payload);
  Bulk bulk;
  if (!read_bulk(header, payload, &plane, bulk)) return "bytes that can't be";
  const char* wrong = channel.fill(bulk);
  plane.reader().done();
  return wrong;
}

// What is told are whole messages of known kinds, never more than a buffer.
void check_told(Channel& channel, OutBuffer& out) {
  channel.tell(out);
  const auto told = out.waiting();
  for (size_t at = 0; at < told.size();) {
    Header header;
    if (told.size() - at < sizeof header) std::abort();
    std::memcpy(&header, told.data() + at, sizeof header);
    if (header.bytes > kMostPayload || told.size() - at - sizeof header < header.bytes) std::abort();
    at += sizeof header + header.bytes;
  }
  out.sent(told.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static void* memory_place = nullptr;
  static void* arena_place = nullptr;
  static SharedMapping mapping = new_memory(layout::kConnectionBytes, memory_place);
  ::madvise(mapping.base(), mapping.bytes(), MADV_REMOVE);
  auto& memory = *mapping.as<layout::ConnectionMemory>();
  protocol::ByteSource source({data, size});
  Channel channel(7, memory);
  channel.add_arena(1, new_memory(kArena, arena_place));
  static void* plane_place = nullptr;
  static Plane plane(new_memory(kLeastPlane, plane_place), {{1, 2}, kLeastPlane}, PlaneEnd::kHost);
  plane.begin();
  uint64_t* const read_by_guest = reinterpret_cast<uint64_t*>(static_cast<unsigned char*>(plane_place) +
                                                              offsetof(PlaneHead, guest_read));
  *read_by_guest = 0;
  OutBuffer out;
  out.use(&plane.writer());
  MessageReader reader;
  // Both what the reader makes of raw bytes and messages that are well made up to their content.
  while (!source.empty()) {
    const uint8_t choice = source.byte();
    if (choice < 128) {
      const auto kind = static_cast<MessageKind>(choice < 64 ? 5 : 4 + choice % 6);
      uint32_t argument = 0;
      const Bytes payload = some_payload(source, kind, argument);
      const Header header{static_cast<uint32_t>(payload.size()), kind, 0, 7, argument};
      if (take(channel, plane, header, payload)) break;
    } else if (choice < 192) {
      some_work(source, memory);
      if (choice % 8 == 0) *read_by_guest = some_number(source);
      if (choice % 8 == 1) *read_by_guest += some_number(source);
    } else if (choice < 240) {
      check_told(channel, out);
      channel.awaits();
    } else {
      const auto room = reader.room();
      const size_t count = 1 + source.byte() % 64;
      for (size_t i = 0; i < count; ++i)
        room[i] = choice < 248 ? kRunByte : static_cast<unsigned char>(source.byte());
      reader.filled(count);
      Header header;
      std::span<const unsigned char> payload;
      for (;;) {
        const auto next = reader.next(header, payload);
        if (next == MessageReader::Next::kMore) break;
        if (next == MessageReader::Next::kMessage) take(channel, plane, header, payload);
      }
    }
  }
  check_told(channel, out);
  return 0;
}
