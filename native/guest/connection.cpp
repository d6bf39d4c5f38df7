// What a connection does once it exists: the ring's producer, requests to the device host, and
// finding out that the peer is gone.
#include "guest/connection.h"

#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/socket.h"

namespace aliquot::guest {

namespace {

constexpr size_t kRingMask = layout::kCommandRingBytes - 1;
static_assert((layout::kCommandRingBytes & kRingMask) == 0);

constexpr int kRequestMs = 30'000;  // the device host answers at once or never

}  // namespace

void Connection::mark_dead() { dead_.store(true, std::memory_order_relaxed); }

bool Connection::check_alive() {
  if (dead()) return false;
  if (memory_->control.worker_closed.load(std::memory_order_acquire) != 0 ||
      peer_hung_up(socket_)) {
    mark_dead();
    return false;
  }
  return true;
}

unsigned char* Connection::reserve(size_t size) {
  if (dead() || size > layout::kLargestFrame) return nullptr;
  if (tail_ + size - known_head_ > layout::kCommandRingBytes && !wait_for_space(tail_, size)) {
    return nullptr;
  }
  const size_t offset = tail_ & kRingMask;
  wraps_ = offset + size > layout::kCommandRingBytes;
  return wraps_ ? scratch_ : memory_->commands + offset;
}

void Connection::commit(size_t size) {
  layout::Control& control = memory_->control;
  if (wraps_) {
    const size_t offset = tail_ & kRingMask;
    const size_t first = layout::kCommandRingBytes - offset;
    memcpy(memory_->commands + offset, scratch_, first);
    memcpy(memory_->commands, scratch_ + first, size - first);
  }
  tail_ += size;
  // Sequentially consistent on both sides: either the worker sees this tail before it sleeps, or
  // we see that it sleeps. Clearing the word keeps later frames from waking it again.
  control.command_tail.store(tail_, std::memory_order_seq_cst);
  if (!holds_wake_) wake_sleeping_worker();
}

void Connection::wake_sleeping_worker() {
  std::atomic<uint32_t>& sleeps = memory_->control.worker_sleeps;
  if (sleeps.load(std::memory_order_seq_cst) != 0 &&
      sleeps.exchange(0, std::memory_order_seq_cst) != 0) {
    Counted counted{times, Reason::kWaking};
    counted.begin(now_ns());
    futex_wake(sleeps, 1);
    counted.end(now_ns());
  }
}

void Connection::wake_worker() {
  holds_wake_ = false;
  wake_sleeping_worker();
}

bool Connection::wait_for_space(uint64_t tail, size_t size) {
  if (holds_wake_) wake_sleeping_worker();
  layout::Control& control = memory_->control;
  // True when `room` bytes can be written; notes how far the worker has come.
  const auto has_room = [&](size_t room) {
    const uint64_t head = control.command_head.load(std::memory_order_acquire);
    if (tail - head > layout::kCommandRingBytes) {  // can't be: the worker is broken
      mark_dead();
      return true;
    }
    known_head_ = head;
    return tail + room - head <= layout::kCommandRingBytes;
  };
  if (has_room(size)) return !dead();
  // A full ring is milliseconds of work ahead: nap until a good part of it is free, which costs
  // neither end a system call a frame. When nothing moves for long, let the worker call.
  const size_t wanted = size + layout::kCommandRingBytes / 4;
  Counted counted{times, Reason::kRing};
  counted.begin(now_ns());
  int naps = 0;
  bool ready = false;
  while (!ready) {
    if (++naps <= 64) {
      const timespec nap = {0, 200'000};
      nanosleep(&nap, nullptr);
      ready = has_room(wanted);
      continue;
    }
    control.space_wanted.store(1, std::memory_order_seq_cst);
    if (!has_room(size)) futex_wait(control.space_wanted, 1u, kSliceMs);
    ready = has_room(size);
    if (!ready && !check_alive()) break;
    counted.look(now_ns());
  }
  counted.end(now_ns());
  return ready && !dead();
}

bool Connection::request(const records::Record& request, records::Kind expected,
                         records::Record* answer, int* descriptor) {
  if (descriptor != nullptr) *descriptor = -1;
  if (dead()) return false;
  LockGuard guard(socket_lock_);
  Counted counted{times, Reason::kAnswer};
  counted.begin(now_ns());
  const bool answered = exchange(request, expected, answer, descriptor);
  counted.end(now_ns());
  return answered;
}

bool Connection::exchange(const records::Record& request, records::Kind expected,
                          records::Record* answer, int* descriptor) {
  records::Record numbered = request;
  numbered.header.sequence = ++request_sequence_;
  for (int waited = 0;; waited += 1) {
    const SocketResult sent = send_record(socket_, numbered);
    if (sent == SocketResult::kOk) break;
    if (sent != SocketResult::kWouldBlock || waited >= kRequestMs || !check_alive()) return false;
    const timespec pause = {0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  for (int waited = 0; waited < kRequestMs;) {
    DescriptorList descriptors;
    const SocketResult result = receive_record(socket_, *answer, descriptors);
    if (result == SocketResult::kWouldBlock) {
      if (!wait_readable(socket_, kSliceMs)) {
        waited += kSliceMs;
        if (!check_alive()) return false;
      }
      continue;
    }
    if (result != SocketResult::kOk) {
      mark_dead();
      return false;
    }
    if (answer->header.sequence != numbered.header.sequence) continue;  // late answer
    if (answer->header.kind != expected) return false;
    if (descriptor != nullptr && descriptors.count > 0) {
      *descriptor = descriptors.items[0].release();
    }
    return true;
  }
  return false;
}

uint32_t Connection::take_reply_slot() {
  for (uint32_t attempt = 1;; ++attempt) {
    uint64_t free = free_slots_.load(std::memory_order_relaxed);
    while (free != 0) {
      const uint64_t lowest = free & (~free + 1);
      if (free_slots_.compare_exchange_weak(free, free & ~lowest, std::memory_order_acquire)) {
        return static_cast<uint32_t>(__builtin_ctzll(lowest));
      }
    }
    // Sixty-four threads wait for answers at this moment; one of them will be done soon.
    const timespec pause = {0, 100'000};
    nanosleep(&pause, nullptr);
    if (dead() || (attempt % 1000 == 0 && !check_alive())) return layout::kReplySlots;
  }
}

void Connection::give_back_reply_slot(uint32_t slot) {
  free_slots_.fetch_or(uint64_t{1} << slot, std::memory_order_release);
}

}  // namespace aliquot::guest
