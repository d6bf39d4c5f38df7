// The worker's end of the command ring. The guest process can change every byte at any time: the
// tail is read once and checked, a frame's size is read once and checked, and a frame is copied out
// before anybody looks into it.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "generated/opencl_commands.h"
#include "protocol/connection_layout.h"
#include "protocol/frame.h"
#include "worker/completion_poll.h"
#include "worker/spin_policy.h"

namespace aliquot::worker {

enum class RingState { kFrame, kStopped, kBroken, kCall };

class TurnGate;

class RingConsumer {
 public:
  /// `stop` ends waiting; who sets it calls `wake` until the consumer has returned. `awaited`:
  /// how many completions the guest process has asked for that have not come yet; `poll`: what
  /// to look at while spinning.
  RingConsumer(layout::ConnectionMemory& memory, const std::atomic<bool>& stop,
               const std::atomic<uint32_t>& awaited, CompletionPoll& poll)
      : memory_(memory), control_(memory.control), stop_(stop), awaited_(awaited), poll_(poll) {}

  /// The next frame, waiting for it. It lies in private memory until the next call.
  RingState next(std::span<const unsigned char>& frame);

  /// From this time on, ns, `next` returns kCall instead of waiting or a frame, until another time is
  /// given; 0: never.
  void call_at(uint64_t when) { call_at_ns_ = when; }

  /// The same for another purpose.
  void attend_at(uint64_t when) { attend_at_ns_ = when; }
  /// From another thread: the same at once, and once.
  void attend() {
    attend_.store(true);
    wake();
  }
  /// How far it has read, and where another worker's consumer of the ring had come.
  uint64_t head() const { return head_; }
  void continue_from(uint64_t head) { head_ = known_tail_ = head; }

  /// A hint and no more: whether the next frame, if it is there already, seems to launch on
  /// `queue`. The answer may be wrong at any time.
  bool launch_follows(uint32_t queue);

  /// The command given out last reads so many bytes, which the guest process will copy out.
  void guest_copies(uint64_t bytes) { bytes_read_ = bytes; }

  /// Where a turn is to be given back while there is nothing to do.
  void watch_idle(TurnGate& gate, uint32_t owner) {
    gate_ = &gate;
    owner_ = owner;
  }

  /// Called when the ring has run dry, before the thread spins or sleeps.
  bool dry() const { return head_ == known_tail_; }

  /// From another thread: ends a sleep.
  void wake();

 private:
  bool wait();
  bool spin(uint64_t budget_ns);
  void sleep();
  bool refresh_tail();
  uint64_t next_call_ns() const;
  bool call_due(uint64_t now) const;
  void copy(uint64_t position, void* out, size_t bytes) const;
  void offer_space();

  layout::ConnectionMemory& memory_;
  layout::Control& control_;
  const std::atomic<bool>& stop_;
  const std::atomic<uint32_t>& awaited_;
  CompletionPoll& poll_;
  TurnGate* gate_ = nullptr;
  uint32_t owner_ = 0;
  SpinPolicy policy_;
  uint64_t head_ = 0;
  uint64_t known_tail_ = 0;
  uint32_t since_offer_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t call_at_ns_ = 0, attend_at_ns_ = 0;  // 0: never
  std::atomic<bool> attend_{false};
  bool broken_ = false;
  alignas(64) unsigned char frame_[layout::kLargestFrame];
};

}  // namespace aliquot::worker
