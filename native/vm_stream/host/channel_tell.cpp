// From the shared memory to the guest VM. The worker publishes data before the word that tells of it;
// here words are read first, and data are sent before them.
#include <algorithm>

#include "vm_stream/host/channel.h"

namespace aliquot::vm_stream {

namespace {

constexpr size_t kBudget = 2 * kPiece;  // of bulk data, before other channels have their turn
constexpr uint64_t kSpaceStep = layout::kCommandRingBytes / 8;
constexpr size_t kStatesAtOnce = 256;

}  // namespace

bool Channel::awaits() const {
  if (answers_awaited_ != 0 || !events_.empty() || cut_short_) return true;
  if (memory_.control.command_head.load(std::memory_order_relaxed) != tail_) return true;
  return std::any_of(queues_.begin(), queues_.end(),
                     [](const auto& queue) { return queue.second.told < queue.second.asked; });
}

bool Channel::tell(OutBuffer& out) {
  budget_ = kBudget;
  // A fence's answer vouches for what was published before it, and an entry of the notification ring for
  // its event: so these are looked at first, and told last.
  const uint64_t ready = ready_replies();
  const uint64_t notices = memory_.control.notify_tail.load(std::memory_order_acquire);
  const bool all = tell_space(out) && tell_print(out) && tell_replies(out, ready, false) &&
                   tell_queues(out) && tell_events(out) && tell_notices(out, notices) &&
                   tell_replies(out, ready, true);
  cut_short_ = !all;
  return all;
}

bool Channel::tell_space(OutBuffer& out) {
  const layout::Control& control = memory_.control;
  const uint64_t head = control.command_head.load(std::memory_order_acquire);
  if (head - head_told_ < kSpaceStep || head - head_told_ > tail_ - head_told_) return true;
  if (!out.fits(sizeof(Space))) return false;
  out.put(header(MessageKind::kSpace), {bytes_of(Space{head})});
  head_told_ = head;
  return true;
}

bool Channel::tell_print(OutBuffer& out) {
  layout::Control& control = memory_.control;
  for (;;) {
    const uint64_t tail = control.print_tail.load(std::memory_order_acquire);
    const uint64_t lost = control.print_dropped.load(std::memory_order_relaxed);
    if (tail - print_head_ > layout::kPrintBytes) print_head_ = tail;  // a faulty worker
    if (tail == print_head_ && lost == 0) return true;
    const size_t start = print_head_ % layout::kPrintBytes;
    const size_t bytes = std::min<uint64_t>({tail - print_head_, layout::kPrintBytes - start, kPiece});
    if (!out.fits(bytes)) return false;
    const uint64_t taken = std::min<uint64_t>(control.print_dropped.exchange(0), UINT32_MAX);
    out.put(header(MessageKind::kPrint, static_cast<uint32_t>(taken)), {{memory_.print + start, bytes}});
    print_head_ += bytes;
    control.print_head.store(print_head_, std::memory_order_release);
  }
}

uint64_t Channel::ready_replies() const {
  uint64_t ready = 0;
  if (answers_awaited_ == 0) return ready;
  for (size_t slot = 0; slot < layout::kReplySlots; ++slot) {
    if (answers_[slot].awaited &&
        memory_.replies[slot].state.load(std::memory_order_acquire) == layout::kReplyReady) {
      ready |= uint64_t{1} << slot;
    }
  }
  return ready;
}

bool Channel::tell_replies(OutBuffer& out, uint64_t ready, bool fences) {
  for (; ready != 0; ready &= ready - 1) {
    const auto slot = static_cast<uint32_t>(__builtin_ctzll(ready));
    Answer& answer = answers_[slot];
    if (answer.fence == fences && !tell_reply(out, slot, answer)) return false;
  }
  return true;
}

bool Channel::tell_reply(OutBuffer& out, uint32_t number, Answer& answer) {
  const layout::ReplySlot& slot = memory_.replies[number];
  const uint32_t total = slot.total_bytes;
  const size_t inside = std::min<size_t>(slot.inline_bytes, sizeof slot.data);
  const bool in_arena = inside == 0 && answer.arena != 0 && total <= answer.capacity;
  if (in_arena && !send_bytes(out, answer.arena, answer.offset, total, answer.done)) return false;
  if (!out.fits(sizeof(ReplyHead) + inside)) return false;
  out.put(header(MessageKind::kReply, number), {bytes_of(ReplyHead{slot.status, total}), {slot.data, inside}});
  answer.awaited = false;
  --answers_awaited_;
  return true;
}

bool Channel::tell_queues(OutBuffer& out) {
  std::vector<QueueState> states;
  bool all = true;
  for (auto& [number, queue] : queues_) {
    if (states.size() >= kStatesAtOnce) {
      all = false;
      break;
    }
    layout::QueueSlot& slot = memory_.queues[number - 1];
    const uint64_t completed = slot.completed.load(std::memory_order_acquire);
    if (queue.error == 0 && slot.error.load(std::memory_order_relaxed) != 0)
      queue.error = slot.error.exchange(0, std::memory_order_acq_rel);
    if (completed <= queue.told && queue.error == 0) continue;
    // The other queues go on while this one's bytes are sent.
    if (!send_reads(out, queue, completed)) {
      all = false;
      continue;
    }
    states.push_back({std::max(queue.told, completed), slot.began_ns.load(std::memory_order_relaxed),
                      slot.ended_ns.load(std::memory_order_relaxed), number, queue.error});
  }
  if (states.empty()) return all;
  // What kernels have printed is there before their end is told.
  const std::span whole(states);
  if (!tell_print(out) || !out.fits(whole.size_bytes())) return false;
  out.put(header(MessageKind::kQueues),
          {{reinterpret_cast<const unsigned char*>(states.data()), whole.size_bytes()}});
  for (const QueueState& state : states) {
    queues_[state.queue].told = state.completed;
    queues_[state.queue].error = 0;
  }
  return all;
}

bool Channel::tell_events(OutBuffer& out) {
  std::vector<EventState> states;
  bool all = true;
  for (auto& [number, event] : events_) {
    if (states.size() >= kStatesAtOnce) {
      all = false;
      break;
    }
    const layout::EventSlot& slot = memory_.events[number - 1];
    const int32_t status = slot.status.load(std::memory_order_acquire);
    if (status == event.told) continue;
    if (status <= 0) {
      // The end of a command of an in-order queue is that of all before it, where it went well.
      const bool done = status == 0 && event.in_order
                            ? send_reads(out, queues_[event.queue], event.sequence)
                            : send_own_read(out, event, status == 0);
      if (!done) {
        all = false;
        continue;
      }
    }
    states.push_back({{slot.queued, slot.submitted, slot.started, slot.ended},
                      slot.told_ns.load(std::memory_order_relaxed),
                      number,
                      status,
                      slot.has_times,
                      0});
  }
  if (states.empty()) return all;
  const std::span whole(states);
  if (!tell_print(out) || !out.fits(whole.size_bytes())) return false;
  out.put(header(MessageKind::kEvents),
          {{reinterpret_cast<const unsigned char*>(states.data()), whole.size_bytes()}});
  for (const EventState& state : states) {
    if (state.status <= 0) events_.erase(state.event);
    else events_.at(state.event).told = state.status;
  }
  return all;
}

bool Channel::tell_notices(OutBuffer& out, uint64_t tail) {
  layout::Control& control = memory_.control;
  if (tail - notify_head_ > layout::kNotifyEntries) notify_head_ = tail;  // a faulty worker
  while (tail != notify_head_ || control.notify_overflow.load(std::memory_order_relaxed) != 0) {
    uint64_t entries[kStatesAtOnce];
    const size_t count = std::min<uint64_t>(tail - notify_head_, kStatesAtOnce);
    if (!out.fits(count * sizeof entries[0])) return false;
    for (size_t i = 0; i < count; ++i) {
      entries[i] = memory_.notifications[(notify_head_ + i) % layout::kNotifyEntries].load(
          std::memory_order_relaxed);
    }
    const uint32_t lost = control.notify_overflow.exchange(0);
    out.put(header(MessageKind::kNotices, lost != 0 ? 1 : 0),
            {{reinterpret_cast<const unsigned char*>(entries), count * sizeof entries[0]}});
    notify_head_ += count;
    control.notify_head.store(notify_head_, std::memory_order_release);
  }
  return true;
}

bool Channel::send_reads(OutBuffer& out, QueueWatch& queue, uint64_t up_to) {
  while (!queue.reads.empty() && queue.reads.front().sequence <= up_to) {
    Read& read = queue.reads.front();
    if (!send_bytes(out, read.arena, read.offset, read.bytes, read.done)) return false;
    queue.reads.pop_front();
    --read_count_;
  }
  return true;
}

bool Channel::send_own_read(OutBuffer& out, const EventWatch& event, bool wanted) {
  auto& reads = queues_[event.queue].reads;
  const auto read = std::lower_bound(
      reads.begin(), reads.end(), event.sequence,
      [](const Read& one, uint64_t sequence) { return one.sequence < sequence; });
  if (read == reads.end() || read->sequence != event.sequence) return true;
  if (wanted && !send_bytes(out, read->arena, read->offset, read->bytes, read->done)) return false;
  reads.erase(read);
  --read_count_;
  return true;
}

// Of an arena that isn't there (any more) nothing is sent: who dropped it doesn't look.
bool Channel::send_bytes(OutBuffer& out, uint32_t arena, uint64_t offset, uint64_t bytes,
                         uint64_t& done) {
  const auto found = arenas_.find(arena);
  const unsigned char* from =
      found == arenas_.end() ? nullptr : found->second.range(offset, bytes);
  if (from == nullptr) return true;
  while (done < bytes) {
    if (budget_ == 0) return false;
    const Bulk rest{{offset + done, arena, 0}, {from + done, bytes - done}};
    const size_t put = out.put_bulk(header(MessageKind::kBytes), rest);
    if (put == 0) return false;
    done += put;
    budget_ -= std::min(budget_, put);
  }
  return true;
}

}  // namespace aliquot::vm_stream
