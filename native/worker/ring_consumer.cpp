#include "worker/ring_consumer.h"

#include <algorithm>
#include <cstring>

#include "worker/completion.h"
#include "worker/futex.h"
#include "worker/turn_gate.h"

namespace aliquot::worker {

namespace {
constexpr uint64_t kRingMask = layout::kCommandRingBytes - 1;
static_assert((layout::kCommandRingBytes & kRingMask) == 0);
constexpr uint32_t kFramesBetweenOffers = 32;
// A guest process can move the sleeper to another word, out of the reach of `wake`.
constexpr uint64_t kLongestSleepNs = 2'000'000'000;
}  // namespace

void RingConsumer::copy(uint64_t position, void* out, size_t bytes) const {
  const size_t start = position & kRingMask;
  const size_t first = std::min(bytes, layout::kCommandRingBytes - start);
  std::memcpy(out, memory_.commands + start, first);
  if (first < bytes) {
    std::memcpy(static_cast<unsigned char*>(out) + first, memory_.commands, bytes - first);
  }
}

// True when there is something to read. A tail that can't be is remembered as a broken ring.
bool RingConsumer::refresh_tail() {
  const uint64_t tail = control_.command_tail.load(std::memory_order_acquire);
  if (tail - head_ > layout::kCommandRingBytes || tail % 8 != 0) {
    broken_ = true;
    return true;
  }
  known_tail_ = tail;
  return tail != head_;
}

// Lets a guest process go on that waits for room in the ring.
void RingConsumer::offer_space() {
  since_offer_ = 0;
  control_.command_head.store(head_);  // in order with the load below
  if (control_.space_wanted.load() != 0) {
    control_.space_wanted.store(0);
    futex_wake(control_.space_wanted);
  }
}

// True when there is something to read.
bool RingConsumer::spin(uint64_t budget_ns) {
  uint64_t begin = now_ns();
  for (uint64_t now = begin; now - begin < budget_ns; now = now_ns()) {
    for (int i = 0; i < 16; ++i) {
      if (refresh_tail()) return true;
      cpu_pause();
    }
    if (poll_.look()) begin = now_ns();  // the next command will follow soon
    if (call_due(now)) return true;
    if (stop_.load(std::memory_order_relaxed)) return false;
  }
  return false;
}

uint64_t RingConsumer::next_call_ns() const {
  if (attend_.load(std::memory_order_relaxed)) return 1;
  if (call_at_ns_ == 0 || attend_at_ns_ == 0) return call_at_ns_ + attend_at_ns_;
  return std::min(call_at_ns_, attend_at_ns_);
}

bool RingConsumer::call_due(uint64_t now) const {
  const uint64_t next = next_call_ns();
  return next != 0 && now >= next;
}

// Until the guest process sends something, `wake` is called, or, where that is wished, a completion
// was published.
void RingConsumer::sleep() {
  poll_.forget();
  const uint32_t how = policy_.wakes_for_completions() ? kSleepsUntilCompletion : kSleeps;
  control_.worker_sleeps.store(how);
  while (control_.worker_sleeps.load() == how && control_.command_tail.load() == head_ &&
         !stop_.load()) {
    const uint64_t step = gate_ != nullptr ? gate_->idle(owner_) : 0;
    uint64_t most = step != 0 ? step : kLongestSleepNs;
    if (const uint64_t next = next_call_ns()) {
      const uint64_t now = now_ns();
      if (now >= next) break;
      most = std::min(most, next - now);
    }
    futex_wait(control_.worker_sleeps, how, most);
    if (step == 0) break;
  }
  control_.worker_sleeps.store(0, std::memory_order_relaxed);
}

// True when there is something to read or to do.
bool RingConsumer::wait() {
  offer_space();
  uint64_t budget = policy_.begin_wait(now_ns(), awaited_.load(std::memory_order_relaxed) != 0);
  for (;;) {
    if (budget != 0 && spin(budget)) return true;
    if (stop_.load()) return false;
    sleep();
    if (stop_.load()) return false;
    if (refresh_tail() || (next_call_ns() != 0 && call_due(now_ns()))) return true;
    budget = policy_.after_completion(bytes_read_);
  }
}

RingState RingConsumer::next(std::span<const unsigned char>& frame) {
  for (;;) {
    if (next_call_ns() != 0 && call_due(now_ns())) {
      attend_.store(false);
      return RingState::kCall;
    }
    if (head_ != known_tail_) break;
    if (stop_.load(std::memory_order_relaxed)) return RingState::kStopped;
    if (refresh_tail()) break;
    if (!wait()) return RingState::kStopped;
  }
  if (broken_ || stop_.load(std::memory_order_relaxed)) {
    return broken_ ? RingState::kBroken : RingState::kStopped;
  }
  // The tail is a multiple of 8, so eight bytes are there and don't wrap.
  copy(head_, frame_, protocol::kFrameHeaderBytes);
  protocol::FrameHeader header;
  if (!protocol::read_header({frame_, protocol::kFrameHeaderBytes}, header) ||
      header.size > known_tail_ - head_) {
    broken_ = true;
    return RingState::kBroken;
  }
  copy(head_ + protocol::kFrameHeaderBytes, frame_ + protocol::kFrameHeaderBytes,
       header.size - protocol::kFrameHeaderBytes);
  head_ += header.size;
  if (header.opcode != static_cast<uint16_t>(opencl::Opcode::kSync)) bytes_read_ = 0;
  control_.command_head.store(head_, std::memory_order_release);
  if (++since_offer_ >= kFramesBetweenOffers) offer_space();
  frame = {frame_, header.size};
  return RingState::kFrame;
}

bool RingConsumer::launch_follows(uint32_t queue) {
  if (head_ == known_tail_ && (!refresh_tail() || broken_)) return false;
  if (known_tail_ - head_ < 2 * protocol::kFrameHeaderBytes) return false;
  protocol::FrameHeader header;
  uint32_t next_queue = 0;  // the first field of a launch
  copy(head_, &header, sizeof header);
  copy(head_ + sizeof header, &next_queue, sizeof next_queue);
  return header.opcode == static_cast<uint16_t>(opencl::Opcode::kLaunch) && next_queue == queue;
}

void RingConsumer::wake() {
  control_.worker_sleeps.store(0);
  futex_wake(control_.worker_sleeps);
}

}  // namespace aliquot::worker
