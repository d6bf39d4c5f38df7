// How the worker's fuzzer hands over frames, waits and ends a connection.
#include <algorithm>
#include <cstring>

#include "hostile_guest.h"
#include "stub_objects.h"
#include "surroundings.h"
#include "worker/futex.h"

namespace aliquot::fuzz {

namespace {

constexpr int kMostTurns = 100'000;  // of waiting for what must come, 50 µs each
constexpr int kFewTurns = 40;        // of waiting for what may never come

}  // namespace

HostileGuest::~HostileGuest() {
  if (through_ring_) {
    for (int turn = 0; !connection_->finished(); ++turn) {
      if (turn >= kMostTurns) fail("the decode thread does not end");
      connection_->stop();
      if (turn > 0) pause();
    }
    connection_->join();
  }
  connection_->tear_down();
  connection_.reset();
  // The driver's threads give back the last objects a moment after the connection is gone.
  const auto nothing_left = [this] {
    return left_.expired() && mapped_->load() == 0 && stub::living() == 0 &&
           Surroundings::get().quota().used() == 0;
  };
  for (int turn = 0; turn < kMostTurns && !nothing_left(); ++turn) pause();
  if (!left_.expired()) fail("something holds the connection's memory after its end");
  if (mapped_->load() != 0) fail("an arena is still mapped after the connection's end");
  if (stub::living() != 0) fail("objects of the driver are left after the connection's end");
  if (!nothing_left()) fail("memory is still charged after the connection's end");
}

void HostileGuest::send_given(protocol::ByteSource& source, bool with_size) {
  const size_t length = std::min<size_t>(source.value<uint16_t>(), frame_.size());
  const size_t size = std::max(protocol::padded(length), protocol::kFrameHeaderBytes);
  std::memset(frame_.data(), 0, size);
  for (size_t i = 0; i < length && !source.empty(); ++i) frame_[i] = source.byte();
  if (with_size) {
    const auto stored = static_cast<uint32_t>(size);
    std::memcpy(frame_.data(), &stored, sizeof stored);
  }
  send_frame({frame_.data(), size});
}

void HostileGuest::send_frame(std::span<const unsigned char> frame) {
  if (ended_) return;
  if (through_ring_) return put_into_ring(frame);
  // What the ring's reader checks before the connection sees a frame.
  protocol::FrameHeader header;
  ended_ = !protocol::read_header(frame, header) || header.size > frame.size() ||
           !connection_->handle(frame.first(header.size));
}

void HostileGuest::put_into_ring(std::span<const unsigned char> bytes) {
  const size_t start = tail_ % layout::kCommandRingBytes;
  const size_t first = std::min(bytes.size(), layout::kCommandRingBytes - start);
  std::memcpy(memory_->commands + start, bytes.data(), first);
  std::memcpy(memory_->commands, bytes.data() + first, bytes.size() - first);
  publish(tail_ + bytes.size());
}

void HostileGuest::publish(uint64_t tail) {
  tail_ = tail;
  layout::Control& control = memory_->control;
  control.command_tail.store(tail);
  if (control.worker_sleeps.load() == 0) return;
  control.worker_sleeps.store(0);
  worker::futex_wake(control.worker_sleeps);
}

void HostileGuest::wait_until_read() {
  if (!through_ring_) return;
  for (int turn = 0; turn < kFewTurns; ++turn) {
    if (memory_->control.command_head.load() == tail_) return;
    ended_ = connection_->finished();
    if (ended_) return;
    pause();
  }
}

void HostileGuest::wait_for_reply(uint32_t slot) {
  for (int turn = 0; memory_->replies[slot].state.load() != layout::kReplyReady; ++turn) {
    if (turn >= kMostTurns) fail("no answer came");
    pause();
  }
}

}  // namespace aliquot::fuzz
