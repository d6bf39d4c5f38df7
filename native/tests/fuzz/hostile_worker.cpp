#include "hostile_worker.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "generated/opencl_dispatch.h"
#include "guest/connection.h"
#include "surroundings.h"
#include "worker/futex.h"

namespace aliquot::fuzz {

using layout::ConnectionMemory;

/// Remembers where a command wants its answer, and how far a queue was asked about.
struct ReplyFinder {
  HostileWorker& worker;
  template <class Command>
  void on(const Command& command) {
    if constexpr (requires { command.reply.slot; }) {
      worker.has_reply_ = true;
      worker.reply_ = command.reply;
    }
    if constexpr (std::is_same_v<Command, opencl::SyncCommand>) {
      if (command.queue == 0 || command.queue > layout::kQueueSlots) fail("a bad queue");
      uint64_t& last = worker.last_sync_[command.queue - 1];
      last = std::max(last, command.sequence);
    }
  }
};

void HostileWorker::begin() {
  const worker::WorkerContext context = Surroundings::get().context();
  builds_left_behind_ = context.builds_left_behind;
  connection_ = std::make_unique<worker::Connection>(
      context, 1, std::shared_ptr<ConnectionMemory>(memory_, [](ConnectionMemory*) {}));
  host_.for_each_arena([this](const SharedArena& arena) { add_arena(arena); });
  host_.on_arena([this](const SharedArena& arena) { add_arena(arena); });
}

void HostileWorker::add_arena(const SharedArena& arena) {
  connection_->arenas().add(arena.id, arena.descriptor.get(), arena.bytes, nullptr);
}

void HostileWorker::attach() {
  host_.on_arena(nullptr);
  if (connection_ != nullptr) connection_->tear_down();
  connection_.reset();
  memory_ = host_.memory();
  head_ = 0;
  spent_ = false;
  std::fill(std::begin(last_sync_), std::end(last_sync_), 0);
  begin();
}

void HostileWorker::start_over() {
  serve();
  host_.on_arena(nullptr);
  connection_->tear_down();
  connection_.reset();
  memory_->control.worker_closed.store(0);
  begin();
}

void HostileWorker::end_threads() {
  const worker::Builder::Count builds = builds_left_behind_;
  if (spent_) {
    connection_->tear_down();  // the next input attaches to another
  } else {
    start_over();
  }
  while (builds->load() != 0) pause();
}

void HostileWorker::follow(protocol::ByteSource* source) {
  source_ = source;
  waits_ = 0;
  leap_ = 1;
}

void HostileWorker::serve() {
  if (host_.memory() != memory_) attach();
  layout::Control& control = memory_->control;
  while (head_ != control.command_tail.load(std::memory_order_acquire)) {
    const auto take = [&](size_t offset, size_t bytes) {
      for (size_t i = 0; i < bytes; ++i) {
        frame_[offset + i] = memory_->commands[(head_ + offset + i) % layout::kCommandRingBytes];
      }
    };
    take(0, protocol::kFrameHeaderBytes);
    protocol::FrameHeader header;
    if (!protocol::read_header({frame_, protocol::kFrameHeaderBytes}, header)) {
      fail("the guest driver wrote a bad header");
    }
    take(protocol::kFrameHeaderBytes, header.size - protocol::kFrameHeaderBytes);
    head_ += header.size;
    has_reply_ = false;
    ReplyFinder finder{*this};
    if (opencl::dispatch(finder, {frame_, header.size}) != protocol::Outcome::kHandled ||
        !connection_->handle({frame_, header.size})) {
      fail("the guest driver wrote a command that the worker refuses");
    }
    control.command_head.store(head_, std::memory_order_release);
    if (has_reply_) spoil_reply();
  }
}

void HostileWorker::spoil_reply() {
  layout::ReplySlot& slot = memory_->replies[reply_.slot % layout::kReplySlots];
  // Builds are answered by another thread.
  for (int turn = 0; slot.state.load(std::memory_order_acquire) != layout::kReplyReady; ++turn) {
    // The guest driver's helper thread had its answer at once and asks again, in the same slot.
    if (head_ != memory_->control.command_tail.load()) return;
    if (turn > 100'000) fail("the worker does not answer");
    pause();
  }
  if (!spoil()) return;
  const uint8_t what = source_->byte();
  if ((what & 1) == 0) return;
  if ((what & 2) != 0) slot.status = static_cast<int8_t>(source_->byte());
  if ((what & 4) != 0) slot.inline_bytes = source_->value<uint32_t>();
  if ((what & 8) != 0) slot.total_bytes = source_->value<uint32_t>();
  if ((what & 16) != 0) slot.state.store(source_->value<uint32_t>());
  if ((what & 32) != 0) {
    const size_t at = source_->value<uint16_t>() % sizeof slot.data;
    const size_t bytes = std::min<size_t>(source_->byte(), sizeof slot.data - at);
    for (size_t i = 0; i < bytes; ++i) slot.data[at + i] = source_->byte();
  }
  if ((what & 64) != 0) {
    const uint64_t at = reply_.offset + source_->value<uint16_t>();
    const uint8_t value = source_->byte();
    host_.for_each_arena([&](const SharedArena& arena) {
      if (arena.id == reply_.arena && at < arena.bytes) arena.data[at] = value;
    });
  }
}

void HostileWorker::wait(const void* word, uint32_t expected) {
  if (host_.memory() != memory_) attach();  // the guest driver has just connected
  serve();
  const auto& value = *static_cast<const std::atomic<uint32_t>*>(word);
  ++waits_;
  if (spoil() && waits_ <= kMostHostileWaits) {
    const uint8_t choice = source_->byte() % 4;
    if (choice == 0) return scribble();
    if (choice == 1) return satisfy(word);
  }
  // The driver's threads may be about to publish it. A word that was spoilt is no longer what is
  // expected and still nothing to go on with, so there is an end to looking.
  for (int turn = 0; turn < 10 && waits_ <= kMostWaits; ++turn) {
    if (value.load() != expected) return;
    pause();
  }
  satisfy(word);
}

void HostileWorker::satisfy(const void* word) {
  // The guest driver has a mapping of its own.
  const auto* base = reinterpret_cast<const unsigned char*>(&guest::Connection::get()->memory());
  const size_t at = static_cast<size_t>(static_cast<const unsigned char*>(word) - base);
  const auto index_in = [at](size_t begin, size_t bytes, size_t each, size_t* index) {
    *index = (at - begin) / each;
    return at >= begin && at - begin < bytes;
  };
  size_t index = 0;
  if (index_in(offsetof(ConnectionMemory, replies), sizeof memory_->replies,
               sizeof(layout::ReplySlot), &index)) {
    layout::ReplySlot& slot = memory_->replies[index];
    slot.status = CL_SUCCESS;
    slot.inline_bytes = slot.total_bytes = 0;
    slot.state.store(layout::kReplyReady);
  } else if (index_in(offsetof(ConnectionMemory, queues), sizeof memory_->queues,
                      sizeof(layout::QueueSlot), &index)) {
    // A number that was spoilt before may be far below what is waited for.
    std::atomic<uint64_t>& completed = memory_->queues[index].completed;
    if (completed.load() < last_sync_[index]) {
      completed.store(last_sync_[index]);
    } else if (leap_ < kFarthestLeap) {
      completed.fetch_add(leap_ *= 2);
    } else {
      completed.store(~uint64_t{0});
      spent_ = true;
    }
    memory_->queues[index].changed.fetch_add(1);
  } else if (index_in(offsetof(ConnectionMemory, events), sizeof memory_->events,
                      sizeof(layout::EventSlot), &index)) {
    memory_->events[index].status.store(spoil() ? static_cast<int8_t>(source_->byte() | 0x80) : 0);
  } else {
    pause();  // a word of the guest driver's own: another of its threads changes it
  }
}

void HostileWorker::scribble() {
  layout::Control& control = memory_->control;
  const uint8_t which = source_->byte();
  const uint64_t value = source_->value<uint64_t>();
  switch (which % 12) {
    case 0: {
      std::atomic<uint64_t>& completed = memory_->queues[which / 12 % 4].completed;
      completed.fetch_add(static_cast<uint64_t>(int64_t{static_cast<int8_t>(value)}));
      if (value >> 58 != 63 || host_.connections() > kMostConnections) break;
      completed.store(value << 8);  // far away: nothing sensible comes after that
      spent_ = true;
      break;
    }
    case 1:
      memory_->queues[which / 12 % 4].error.store(static_cast<int32_t>(value));
      break;
    case 2:
      memory_->events[value % 16].status.store(static_cast<int32_t>(value >> 32));
      break;
    case 3:
      memory_->events[value % 16].has_times = static_cast<uint32_t>(value >> 32);
      memory_->events[value % 16].started = value;
      break;
    case 4: {
      const uint64_t tail = control.notify_tail.load();
      memory_->notifications[tail % layout::kNotifyEntries].store(value);
      control.notify_tail.store(tail + 1);
      break;
    }
    case 5:
      control.notify_tail.store(value);
      break;
    case 6:
      control.notify_overflow.store(static_cast<uint32_t>(value));
      break;
    case 7:
      control.print_tail.store(control.print_head.load() + value % (2 * layout::kPrintBytes));
      break;
    case 8:
      control.print_tail.store(value);
      break;
    case 9:
      control.command_head.store(head_ - value % 64);  // backwards a little: it has more to read
      break;
    case 10:
      memory_->replies[value % 4].state.store(static_cast<uint32_t>(value >> 32));
      break;
    default:
      if (value % 64 != 63 || host_.connections() > kMostConnections) break;  // seldom
      spent_ = true;
      control.worker_closed.store(1);
  }
  control.notify_count.fetch_add(1);
  worker::futex_wake(control.notify_count);
}

void HostileWorker::conclude_all() {
  layout::Control& control = memory_->control;
  for (size_t i = 0; i < 4096; ++i) {
    if (memory_->events[i].status.load() > 0) memory_->events[i].status.store(0);
  }
  // The guest driver's helper thread asks too, and its waits don't come here.
  for (layout::ReplySlot& slot : memory_->replies) {
    if (slot.state.exchange(layout::kReplyReady) == layout::kReplyReady) continue;
    worker::futex_wake(slot.state);
  }
  control.notify_overflow.store(1);
  control.notify_count.fetch_add(1);
  worker::futex_wake(control.notify_count);
}

}  // namespace aliquot::fuzz
