// What the host says of the worker, into the memory that the program's guest driver looks at: as the
// worker itself would write it there.
#include <algorithm>
#include <cstring>

#include "vm_stream/guest/program.h"
#include "vm_stream/wake.h"

namespace aliquot::vm_stream {

namespace {

/// Calls `each` with every value of an array that is a message's whole payload. False: it isn't one.
template <class Value, class Each>
bool for_each_value(std::span<const unsigned char> payload, Each each) {
  if (payload.size() % sizeof(Value) != 0) return false;
  for (size_t at = 0; at < payload.size(); at += sizeof(Value)) {
    Value value;
    std::memcpy(&value, payload.data() + at, sizeof value);
    if (!each(value)) return false;
  }
  return true;
}

void raise(std::atomic<uint64_t>& word, uint64_t value) {
  uint64_t seen = word.load(std::memory_order_relaxed);
  while (seen < value && !word.compare_exchange_weak(seen, value, std::memory_order_acq_rel)) {
  }
}

}  // namespace

// Of an arena that the program has dropped meanwhile nothing is wanted.
bool Program::put_bytes(const Bulk& bulk) {
  if (state_ != State::kOpen) return false;
  const auto target = arena(bulk.place.arena);
  if (target == nullptr || bulk.data.empty()) return true;
  unsigned char* where = target->range(bulk.place.offset, bulk.data.size());
  if (where != nullptr) std::memcpy(where, bulk.data.data(), bulk.data.size());
  return where != nullptr;
}

bool Program::put_reply(uint32_t number, std::span<const unsigned char> payload) {
  ReplyHead head;
  if (number >= layout::kReplySlots || payload.size() < sizeof head) return false;
  layout::ReplySlot& slot = memory().replies[number];
  const auto data = payload.subspan(sizeof head);
  if (data.size() > sizeof slot.data) return false;
  std::memcpy(&head, payload.data(), sizeof head);
  slot.status = head.status;
  slot.total_bytes = head.total_bytes;
  slot.inline_bytes = static_cast<uint32_t>(data.size());
  if (!data.empty()) std::memcpy(slot.data, data.data(), data.size());
  if (slot.state.exchange(layout::kReplyReady) == layout::kReplyWaited) wake_all(slot.state);
  return true;
}

bool Program::put_queues(std::span<const unsigned char> payload, const ClockDifference& clock) {
  return for_each_value<QueueState>(payload, [&](const QueueState& state) {
    if (state.queue == 0 || state.queue > layout::kQueueSlots) return false;
    layout::QueueSlot& slot = memory().queues[state.queue - 1];
    int32_t none = 0;
    if (state.error < 0) slot.error.compare_exchange_strong(none, state.error);
    slot.began_ns.store(clock.ours(state.began_ns), std::memory_order_relaxed);
    slot.ended_ns.store(clock.ours(state.ended_ns), std::memory_order_relaxed);
    raise(slot.completed, state.completed);
    slot.changed.fetch_add(1);
    if (slot.waiters.load() != 0) {
      slot.waiters.store(0);
      wake_all(slot.changed);
    }
    return true;
  });
}

bool Program::put_events(std::span<const unsigned char> payload, const ClockDifference& clock) {
  return for_each_value<EventState>(payload, [&](const EventState& state) {
    if (state.event == 0 || state.event > layout::kEventSlots) return false;
    layout::EventSlot& slot = memory().events[state.event - 1];
    slot.queued = state.times[0];
    slot.submitted = state.times[1];
    slot.started = state.times[2];
    slot.ended = state.times[3];
    slot.has_times = state.has_times != 0 ? 1 : 0;
    slot.told_ns.store(clock.ours(state.told_ns), std::memory_order_relaxed);
    slot.status.store(state.status);
    if (slot.waiters.load() != 0) {
      slot.waiters.store(0);
      wake_all(slot.status);
    }
    return true;
  });
}

bool Program::put_notices(bool lost, std::span<const unsigned char> payload) {
  layout::Control& control = memory().control;
  const bool sound = for_each_value<uint64_t>(payload, [&](uint64_t entry) {
    const uint64_t used = notify_tail_ - control.notify_head.load(std::memory_order_acquire);
    if (used >= layout::kNotifyEntries) {
      lost = true;
      return true;
    }
    memory().notifications[notify_tail_ % layout::kNotifyEntries].store(entry,
                                                                        std::memory_order_relaxed);
    control.notify_tail.store(++notify_tail_, std::memory_order_release);
    return true;
  });
  if (lost) control.notify_overflow.store(1);
  control.notify_count.fetch_add(1);
  wake_all(control.notify_count);
  return sound;
}

void Program::put_print(uint32_t lost, std::span<const unsigned char> bytes) {
  layout::Control& control = memory().control;
  const uint64_t used = print_tail_ - control.print_head.load(std::memory_order_acquire);
  const size_t room = used > layout::kPrintBytes ? 0 : layout::kPrintBytes - used;
  const size_t taken = std::min(room, bytes.size());
  const size_t start = print_tail_ % layout::kPrintBytes;
  const size_t first = std::min(taken, layout::kPrintBytes - start);
  if (first != 0) std::memcpy(memory().print + start, bytes.data(), first);
  if (first < taken) std::memcpy(memory().print, bytes.data() + first, taken - first);
  print_tail_ += taken;
  control.print_tail.store(print_tail_, std::memory_order_release);
  const uint64_t dropped = lost + (bytes.size() - taken);
  if (dropped != 0) control.print_dropped.fetch_add(dropped);
}

bool Program::put_space(std::span<const unsigned char> payload) {
  Space space;
  if (payload.size() != sizeof space) return false;
  std::memcpy(&space, payload.data(), sizeof space);
  layout::Control& control = memory().control;
  if (space.command_head < host_head_) return false;
  host_head_ = space.command_head;
  control.command_head.store(space.command_head);
  if (control.space_wanted.load() != 0) {
    control.space_wanted.store(0);
    wake_all(control.space_wanted);
  }
  return true;
}

bool Program::put_page(std::span<const unsigned char> payload, const ClockDifference& clock) {
  PageState state;
  if (payload.size() != sizeof state) return false;
  std::memcpy(&state, payload.data(), sizeof state);
  __atomic_store_n(&account_.as<records::AccountPage>()->memory_limit, state.memory_limit,
                   __ATOMIC_RELEASE);
  vgpu_page::Page& page = *page_.as<vgpu_page::Page>();
  page.sequence.fetch_add(1, std::memory_order_acq_rel);
  page.state.store(state.state);
  page.gone.store(state.gone);
  page.at_ns.store(clock.ours(state.at_ns));
  page.waited_ns.store(state.waited_ns);
  page.limited_ns.store(state.limited_ns);
  page.memory_limit.store(state.memory_limit);
  page.sequence.fetch_add(1, std::memory_order_release);
  return true;
}

}  // namespace aliquot::vm_stream
