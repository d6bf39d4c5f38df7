// Where device commands wait until their worker has the device; see turn_page.h. Between turns they
// wait here; within one they pass, no further ahead of the device than the page allows; at its end
// nothing more passes, what is under way is awaited, and the turn is given back.
//
// Any thread may come in. The gate's mutex is never held while a driver is waited for.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/descriptor.h"
#include "protocol/turn_page.h"
#include "worker/copy_pacer.h"
#include "worker/driver.h"
#include "worker/host_link.h"
#include "worker/turn_window.h"

namespace aliquot::worker {

class TurnGate {
 public:
  using Lane = TurnWindow::Lane;

  TurnGate(const Driver& driver, HostLink& host);

  /// From now on the page tells when the device may be used. Before that everything passes.
  void use(std::shared_ptr<const turns::TurnPage> page);
  bool on() const { return page_.load(std::memory_order_acquire) != nullptr; }
  /// The device host is gone: nothing passes any more, nobody waits.
  void hang_up();

  // ---- decode threads
  /// The commands of a queue; to be closed before the queue is released.
  std::shared_ptr<Lane> open(cl_command_queue queue, bool in_order);
  void close(const std::shared_ptr<Lane>& lane);
  /// Waits until the command may be handed to the driver, and says what it is expected to take.
  /// After true `submitted` or `passed` must follow. False: `stop` came, and nothing may be handed
  /// over.
  bool enter(Work& work, uint32_t owner, const std::atomic<bool>& stop);
  uint64_t expected_ns(const Work& work);
  /// How long a launch should be at most that can be made in pieces; 0: as long as it likes, since
  /// nobody else has wanted the device for a while.
  uint64_t longest_piece_ns() const;
  /// It was handed over. `event` null: another launch of that queue will follow, and cover it.
  void submitted(Lane& lane, cl_event event, const Work& work);
  /// It was not, or `begun` was told what it set off.
  void passed(const Work& work);
  /// `event` of a command that did not pass here comes after all that is in the queue.
  void cover(Lane& lane, cl_event event);
  /// Something in the queue waits for a user event, and all that comes after it.
  void hold_up(Lane& lane);
  /// A command that lay in the driver already may begin.
  void begun(Lane& lane, cl_event event, const Work& work);
  /// `owner` has nothing to do. Where it was the last to pass, it has to call again after the
  /// returned ns, until it is given work or 0 comes; so a turn that nobody uses is given back.
  uint64_t idle(uint32_t owner);
  /// `owner` is gone, and all that it had submitted has ended.
  void left(uint32_t owner);

  // ---- the server's thread
  /// The turn is to end earlier than the page said when it began.
  void recall();
  /// Gives the turn back where nobody else does. To be called when `bell` can be read, and again
  /// after the returned ns; 0: not before that.
  uint64_t look();
  /// Readable when `look` should be called.
  int bell() const { return bell_.get(); }

  // ---- the watchdog's thread
  TurnWindow::Copies copies();
  std::vector<records::UnsplitKernel> take_changed_unsplit_kernels();

  // ---- any thread
  /// Keeps copies below the limit that the page tells.
  CopyPacer& pacer() { return pacer_; }
  /// Lets go of the events of commands that have ended.
  void prune();
  /// Threads at the gate. For tests.
  uint32_t waiting();

 private:
  using Lock = std::unique_lock<std::mutex>;

  bool has_turn() const { return page().turn.load(std::memory_order_acquire) != returned_; }
  /// That turn goes on: neither has it been given back, nor has a later one begun since.
  bool holds(uint32_t turn) const { return has_turn() && page().turn.load() == turn; }
  bool draining() const { return draining_ != 0 && draining_ == page().turn.load(); }
  const turns::TurnPage& page() const { return *page_.load(std::memory_order_acquire); }
  uint64_t under_way() const { return window_.expected_ns() + reserved_ns_; }
  bool admit(uint64_t expected_ns);
  void wait(Lock& lock, uint64_t expected_ns, const std::atomic<bool>& stop);
  void await_turn(Lock& lock);
  void make_room(Lock& lock, uint64_t expected_ns, const std::atomic<bool>& stop);
  void drain(Lock& lock, const std::atomic<bool>& stop);
  void await_end(Lock& lock, const TurnWindow::Flight* flight);
  bool all_ended();
  bool end_inside(Lock& lock, uint32_t turn);
  void ended_inside(uint32_t turn);
  uint64_t look_at_turn(Lock& lock);
  uint64_t give_back_unused(Lock& lock);
  void give_back();
  void announce();
  void leave(const Work& work);

  const cl_icd_dispatch& calls_;
  const bool native_kernels_;
  HostLink& host_;
  std::shared_ptr<const turns::TurnPage> kept_page_;
  std::atomic<const turns::TurnPage*> page_{nullptr};
  std::atomic<bool> hung_up_{false};
  std::atomic<uint64_t> contended_at_ns_{0};
  CopyPacer pacer_;
  Descriptor bell_;
  // Futex word: a command has ended, or passed. Shared with callbacks of the driver, which may come
  // when the gate is gone.
  const std::shared_ptr<std::atomic<uint32_t>> ends_ = std::make_shared<std::atomic<uint32_t>>(0);

  std::mutex mutex_;
  TurnWindow window_;
  uint32_t returned_ = 0;   // the last turn that was given back
  uint32_t begun_ = 0;      // the last turn in which something passed
  uint64_t begun_at_ns_ = 0;  // when that turn's first command did
  bool closing_ = false;    // the turn is over: nothing more passes
  uint32_t draining_ = 0;   // a thread awaits what is under way in that turn; 0: none does
  uint64_t minded_since_ = 0;  // a thread awaits room in the window; 0: none
  std::atomic<uint32_t> rooms_{0};  // futex word of those who leave that to it
  bool announced_ = false;  // the device host knows that there is work, and it has not begun
  bool recalled_ = false;
  uint32_t entered_ = 0;       // commands between `enter` and `submitted`
  uint64_t reserved_ns_ = 0;   // theirs
  uint32_t waiting_ = 0;       // threads at the gate
  uint32_t blind_ = 0;         // those of them that have no event to wait for, but `submitted`
  uint32_t last_owner_ = 0;    // who passed last
  uint64_t unused_since_ = 0;  // nothing is under way; 0: that was not seen
  uint32_t calm_looks_ = 0;    // of the server's thread, at which nothing was to do
  bool server_sleeps_ = true;
};

}  // namespace aliquot::worker
