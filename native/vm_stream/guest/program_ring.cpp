// The thread that reads a program's ring, as the worker would, and sends what it reads on.
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "vm_stream/guest/program.h"
#include "vm_stream/wake.h"

namespace aliquot::vm_stream {

namespace {

constexpr uint64_t kRing = layout::kCommandRingBytes;
constexpr size_t kBatch = size_t{32} << 10;  // of frames, before they are sent
constexpr uint64_t kLongestSleepNs = 2'000'000'000;
// A frame has few notes, so that one more always fits.
constexpr size_t kNotesOfAFrame = 4;
static_assert(kMostNotes * sizeof(Note) + kBatch + layout::kLargestFrame <= kMostPayload);

}  // namespace

void Program::read_ring() {
  while (!stop_) {
    if (sweep_wanted_ && !sweep_credit()) break;
    const uint64_t tail = memory().control.command_tail.load(std::memory_order_acquire);
    if (tail == head_) {
      sleep_for_frames();
      continue;
    }
    if (!may_read_to(tail) || !read_frames(tail)) break;
  }
  if (stop_) return;
  ring_broken_ = true;
  poke();
}

void Program::poke() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(poke_, &one, sizeof one);
}

// A guest driver releases a buffer before it returns the credit: the worker must learn of it in that order,
// or it would find the memory still taken.
bool Program::sweep_credit() {
  const Amount amount{__atomic_exchange_n(&account_.as<records::AccountPage>()->credit, uint64_t{0},
                                          __ATOMIC_ACQ_REL)};
  const uint64_t tail = memory().control.command_tail.load(std::memory_order_acquire);
  if (!may_read_to(tail) || !read_frames(tail)) return false;
  if (amount.bytes != 0 && !writer_.send(MessageKind::kCreditBack, channel_, 0, {as_bytes_of(amount)}))
    return false;
  sweep_wanted_ = false;
  poke();
  return true;
}

// More than the host has told of room for can't be there.
bool Program::may_read_to(uint64_t tail) const {
  return tail - head_ <= kRing && tail - host_head_ <= kRing && tail % 8 == 0;
}

void Program::sleep_for_frames() {
  std::atomic<uint32_t>& sleeps = memory().control.worker_sleeps;
  sleeps.store(1);
  // Either we see the frame, or who wrote it sees that we sleep.
  if (memory().control.command_tail.load() == head_ && !stop_ && !sweep_wanted_)
    sleep_on(sleeps, 1, kLongestSleepNs);
  sleeps.store(0, std::memory_order_relaxed);
}

bool Program::read_frames(uint64_t tail) {
  const auto copy = [&](uint64_t position, unsigned char* out, size_t bytes) {
    const size_t start = position % kRing;
    const size_t first = std::min<size_t>(bytes, kRing - start);
    std::memcpy(out, memory().commands + start, first);
    if (first < bytes) std::memcpy(out + first, memory().commands, bytes - first);
  };
  while (head_ != tail) {
    protocol::FrameHeader header;
    copy(head_, frame_, sizeof header);
    if (!protocol::read_header({frame_, sizeof header}, header) || header.size > tail - head_)
      return false;
    copy(head_ + sizeof header, frame_ + sizeof header, header.size - sizeof header);
    head_ += header.size;
    const std::span<const unsigned char> frame{frame_, header.size};
    if (!frame_notes_.look(frame)) return false;
    // What came before need not wait for much that is to be sent first.
    if (!frame_notes_.fills.empty() && !frames_.empty() && !send_batch()) return false;
    for (const ArenaRange& fill : frame_notes_.fills)
      if (!send_fill(fill)) return false;
    if (frame_notes_.dropped_arena != 0) {
      const std::lock_guard guard(arenas_mutex_);
      arenas_.erase(frame_notes_.dropped_arena);
    }
    notes_.insert(notes_.end(), frame_notes_.notes.begin(), frame_notes_.notes.end());
    frames_.insert(frames_.end(), frame.begin(), frame.end());
    const bool full = frames_.size() >= kBatch || notes_.size() + kNotesOfAFrame > kMostNotes;
    if (full && !send_batch()) return false;
  }
  return frames_.empty() || send_batch();
}

bool Program::send_batch() {
  const std::span notes(reinterpret_cast<const unsigned char*>(notes_.data()),
                        notes_.size() * sizeof(Note));
  const bool sent = writer_.send(MessageKind::kCommands, channel_, static_cast<uint32_t>(notes_.size()),
                                 {notes, frames_});
  notes_.clear();
  frames_.clear();
  return sent;
}

// What isn't there the worker will find wrong as well.
bool Program::send_fill(const ArenaRange& range) {
  const auto from = arena(range.arena);
  if (from == nullptr || from->range(range.offset, range.bytes) == nullptr) return true;
  for (uint64_t done = 0; done < range.bytes;) {
    const Bulk rest{{range.offset + done, range.arena, 0},
                    {from->base() + range.offset + done, range.bytes - done}};
    const size_t sent = writer_.fill(channel_, rest);
    if (sent == 0) return false;
    done += sent;
  }
  return true;
}

}  // namespace aliquot::vm_stream
