#include "worker/turn_gate.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "worker/futex.h"
#include "worker/inside_calls.h"
#include "worker/resting_threads.h"

namespace aliquot::worker {

namespace {

// A thread that waits looks so often whether it should stop, and whether a driver forgot to call.
constexpr uint64_t kSliceNs = 20'000'000;
// How often to look whether work has ended that nobody waits for: a part of what it should take.
constexpr uint64_t kShortestStepNs = 100'000;
constexpr uint64_t kLongestStepNs = 1'000'000;
// The server's thread goes on looking for a second after there was last something to see: to wake
// it costs more than that.
constexpr uint32_t kCalmLooks = 50;
// So long after the end of a contended turn launches are made in pieces.
constexpr uint64_t kContentionNs = 1'000'000'000;
// To launch a piece and to wait for its last group takes 0.1 ms: shorter ones would cost too much.
constexpr uint64_t kShortestPieceNs = 2'000'000;

using Word = std::shared_ptr<std::atomic<uint32_t>>;

void bump(std::atomic<uint32_t>& word) {
  word.fetch_add(1);
  futex_wake(word);
}

void CL_CALLBACK ended(cl_event, cl_int, void* data) {
  auto* word = static_cast<Word*>(data);
  bump(**word);
  delete word;
}

void flush_all(const cl_icd_dispatch& calls, const std::vector<cl_command_queue>& queues) {
  for (const cl_command_queue queue : queues) {
    calls.clFlush(queue);
    calls.clReleaseCommandQueue(queue);
  }
}

}  // namespace

TurnGate::TurnGate(const Driver& driver, HostLink& host)
    : calls_(driver.calls),
      native_kernels_(driver.native_kernels),
      host_(host),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      window_(calls_) {}

void TurnGate::use(std::shared_ptr<const turns::TurnPage> page) {
  const std::lock_guard guard(mutex_);
  if (kept_page_ != nullptr || page == nullptr) return;
  kept_page_ = std::move(page);
  pacer_.use(kept_page_->copy_rate);
  page_.store(kept_page_.get(), std::memory_order_release);
}

void TurnGate::hang_up() {
  hung_up_.store(true);
  bump(*ends_);
}

std::shared_ptr<TurnGate::Lane> TurnGate::open(cl_command_queue queue, bool in_order) {
  auto lane = std::make_shared<Lane>();
  lane->queue = queue;
  lane->in_order = in_order;
  const std::lock_guard guard(mutex_);
  window_.open(lane);
  return lane;
}

void TurnGate::close(const std::shared_ptr<Lane>& lane) {
  const std::lock_guard guard(mutex_);
  window_.close(lane);
}

bool TurnGate::enter(Work& work, uint32_t owner, const std::atomic<bool>& stop) {
  Lock lock(mutex_);
  if (work.cost != nullptr) work.expected_ns = work.cost->expected_ns(work.amount);
  bool passes = admit(work.expected_ns);
  if (!passes) {
    ++waiting_;
    while (!passes && !stop.load() && !hung_up_.load()) {
      wait(lock, work.expected_ns, stop);
      passes = admit(work.expected_ns);
    }
    --waiting_;
  }
  if (passes) last_owner_ = owner;
  return passes;
}

// Contention is what the present turn says, or one that was given back not long ago.
uint64_t TurnGate::longest_piece_ns() const {
  const bool contended = page().contended.load(std::memory_order_relaxed) != 0 ||
                         now_ns() - contended_at_ns_.load(std::memory_order_relaxed) < kContentionNs;
  if (!contended) return 0;
  return std::max(page().window_ns.load(std::memory_order_relaxed), kShortestPieceNs);
}

uint64_t TurnGate::expected_ns(const Work& work) {
  const std::lock_guard guard(mutex_);
  return work.cost->expected_ns(work.amount);
}

bool TurnGate::admit(uint64_t expected_ns) {
  if (!has_turn() || closing_) return false;
  if (under_way() != 0) {
    const uint64_t most = page().window_ns.load(std::memory_order_relaxed);
    if (under_way() + expected_ns > most) return false;
    // Or those that ask for little would go on passing one that asks for more.
    if (minded_since_ != 0 && now_ns() - minded_since_ > most) return false;
  }
  const uint64_t deadline = page().deadline_ns.load(std::memory_order_relaxed);
  if (deadline != turns::kNoDeadline) {
    const uint64_t now = now_ns();
    if (now + under_way() + expected_ns > deadline) {
      window_.retire();
      closing_ =
          now >= deadline || (under_way() != 0 && now + under_way() + expected_ns > deadline);
      if (closing_) return false;
    }
  }
  if (const uint32_t turn = page().turn.load(); begun_ != turn) {
    begun_ = turn;
    begun_at_ns_ = now_ns();
  }
  rouse_threads();
  ++entered_;
  reserved_ns_ += expected_ns;
  announced_ = false;
  unused_since_ = 0;
  return true;
}

void TurnGate::wait(Lock& lock, uint64_t expected_ns, const std::atomic<bool>& stop) {
  if (!has_turn()) {
    announce();
    await_turn(lock);
  } else if (!closing_) {
    make_room(lock, expected_ns, stop);
  } else if (draining()) {
    await_turn(lock);
  } else {
    drain(lock, stop);
  }
}

// Until a turn after this one begins.
void TurnGate::await_turn(Lock& lock) {
  const std::atomic<uint32_t>& turn = page().turn;
  const uint32_t seen = turn.load();
  if (seen != returned_ && !closing_) return;
  lock.unlock();
  futex_wait(turn, seen, kSliceNs);
  lock.lock();
}

// Half of the window at once: to wake up for every command would cost more than it.
void TurnGate::make_room(Lock& lock, uint64_t expected_ns, const std::atomic<bool>& stop) {
  const uint64_t most = page().window_ns.load(std::memory_order_relaxed);
  const uint64_t left = std::min(most / 2, most - std::min(most, expected_ns));
  // By one thread: were all to wait for the device, each end would wake them all.
  if (minded_since_ != 0) {
    const uint32_t seen = rooms_.load();
    lock.unlock();
    futex_wait(rooms_, seen, kSliceNs);
    lock.lock();
    return;
  }
  minded_since_ = now_ns();
  for (;;) {
    window_.retire();
    if (under_way() <= left || closing_ || !has_turn() || stop.load() || hung_up_.load()) break;
    const TurnWindow::Flight* next = window_.next_to_end(left);
    if (next == nullptr) {
      window_.cover_all();
      next = window_.next_to_end(left);
    }
    await_end(lock, next);
  }
  minded_since_ = 0;
  bump(rooms_);
}

// A thread that is late may wake up when later turns have come and gone.
void TurnGate::drain(Lock& lock, const std::atomic<bool>& stop) {
  const uint32_t turn = page().turn.load();
  draining_ = turn;
  bool inside = false;
  while (holds(turn) && !stop.load() && !hung_up_.load()) {
    if (all_ended()) {
      give_back();
    } else if (!inside && entered_ == 0 && end_inside(lock, turn)) {
      inside = true;
      if (!holds(turn)) break;
      lock.unlock();
      futex_wait(page().turn, turn, kSliceNs);
      lock.lock();
    } else {
      await_end(lock, entered_ != 0 ? nullptr : window_.next_to_end(0));
    }
  }
  if (draining_ == turn) draining_ = 0;
}

// The queue itself gives the turn back when it has come to its end: no thread has to wake up for
// that, neither the driver's for callbacks nor this one. False: it can't.
bool TurnGate::end_inside(Lock& lock, uint32_t turn) {
  Lane* lane = native_kernels_ ? window_.only_lane() : nullptr;
  if (lane == nullptr) return false;
  const cl_command_queue queue = lane->queue;
  calls_.clRetainCommandQueue(queue);
  lane->flushed = true;
  lock.unlock();
  const uint64_t call = note_call([this, turn] { ended_inside(turn); });
  const bool taken =
      calls_.clEnqueueNativeKernel(queue, make_call, const_cast<uint64_t*>(&call), sizeof call, 0,
                                   nullptr, nullptr, 0, nullptr, nullptr) == CL_SUCCESS;
  if (!taken) drop_call(call);
  calls_.clFlush(queue);
  calls_.clReleaseCommandQueue(queue);
  lock.lock();
  return taken;
}

void TurnGate::ended_inside(uint32_t turn) {
  const std::lock_guard guard(mutex_);
  if (!holds(turn) || !closing_) return;
  window_.retire();
  if (entered_ == 0 && window_.empty()) give_back();
}

bool TurnGate::all_ended() {
  window_.retire();
  if (entered_ == 0) window_.cover_all();
  return entered_ == 0 && window_.empty();
}

// By its callback, not by clWaitForEvents: whose guest process has vanished must not have to wait
// for the end of another one's kernel.
void TurnGate::await_end(Lock& lock, const TurnWindow::Flight* flight) {
  const uint32_t seen = ends_->load();
  const std::vector<cl_command_queue> unflushed = window_.take_unflushed();
  const cl_event event = flight != nullptr ? flight->event : nullptr;
  if (event != nullptr) calls_.clRetainEvent(event);
  if (event == nullptr) ++blind_;
  lock.unlock();
  flush_all(calls_, unflushed);
  if (event != nullptr) {
    auto* word = new Word(ends_);
    if (calls_.clSetEventCallback(event, CL_COMPLETE, ended, word) != CL_SUCCESS) delete word;
    calls_.clReleaseEvent(event);
  }
  futex_wait(*ends_, seen, kSliceNs);
  lock.lock();
  if (event == nullptr) --blind_;
}

void TurnGate::leave(const Work& work) {
  --entered_;
  reserved_ns_ -= work.expected_ns;
  if (blind_ != 0) bump(*ends_);
}

void TurnGate::submitted(Lane& lane, cl_event event, const Work& work) {
  const std::lock_guard guard(mutex_);
  if (event != nullptr) {
    window_.add(lane, event, work);
  } else {
    window_.hide(lane, work);
  }
  leave(work);
}

void TurnGate::passed(const Work& work) {
  const std::lock_guard guard(mutex_);
  leave(work);
}

void TurnGate::cover(Lane& lane, cl_event event) {
  const std::lock_guard guard(mutex_);
  window_.cover(lane, event);
}

void TurnGate::hold_up(Lane& lane) {
  const std::lock_guard guard(mutex_);
  lane.held_up = true;
}

void TurnGate::begun(Lane& lane, cl_event event, const Work& work) {
  rouse_threads();
  const std::lock_guard guard(mutex_);
  window_.add(lane, event, work);
}

void TurnGate::announce() {
  if (announced_) return;
  announced_ = true;
  host_.turn_wanted();
  if (!server_sleeps_) return;
  server_sleeps_ = false;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(bell_.get(), &one, sizeof one);
}

// With the mutex held, so that records come in the order of what they say.
void TurnGate::give_back() {
  const TurnWindow::Tally tally = window_.take_tally();
  contended_at_ns_.store(now_ns(), std::memory_order_relaxed);  // else nobody gives a turn back
  records::TurnFinished finished;
  finished.turn = returned_ = page().turn.load();
  finished.more = waiting_ != 0 ? 1 : 0;
  finished.busy_ns = tally.busy_ns;
  finished.span_ns = tally.last_end_ns - tally.first_start_ns;
  // Drivers compile before the first command begins; and where the machine is busy this thread sees the
  // end of the last one late, while threads of the driver look for more to do.
  const uint64_t used_ns = begun_ == finished.turn ? now_ns() - begun_at_ns_ : 0;
  finished.around_span_ns = tally.unmeasured ? ~uint64_t{0}  // the whole turn
                                             : used_ns - std::min(used_ns, finished.span_ns);
  finished.kernels = tally.kernels;
  finished.copied_bytes = window_.copies().bytes;
  finished.copy_ns = window_.copies().ns;
  announced_ = waiting_ != 0;
  closing_ = recalled_ = false;
  unused_since_ = 0;
  rest_threads();
  host_.turn_finished(finished);
}

uint64_t TurnGate::give_back_unused(Lock& lock) {
  const uint64_t now = now_ns();
  if (now >= page().deadline_ns.load(std::memory_order_relaxed)) closing_ = true;
  if (entered_ != 0 || (waiting_ != 0 && !closing_)) return kLongestStepNs;
  window_.retire();
  if (closing_) window_.cover_all();
  if (!window_.empty()) {
    unused_since_ = 0;
    const uint64_t step = window_.expected_ns() / 16;
    const std::vector<cl_command_queue> unflushed = window_.take_unflushed();
    lock.unlock();
    flush_all(calls_, unflushed);
    lock.lock();
    return std::clamp(step, kShortestStepNs, kLongestStepNs);
  }
  if (unused_since_ == 0) unused_since_ = now;
  const uint64_t patience = page().patience_ns.load(std::memory_order_relaxed);
  const uint64_t unused = now - unused_since_;
  if (!closing_ && unused < patience) return patience - unused;
  give_back();
  return 0;
}

uint64_t TurnGate::idle(uint32_t owner) {
  if (!on()) return 0;
  Lock lock(mutex_);
  if (!has_turn() || last_owner_ != owner || announced_) return 0;
  if (page().contended.load(std::memory_order_relaxed) != 0) return give_back_unused(lock);
  if (unused_since_ == 0) unused_since_ = now_ns();
  return 0;
}

void TurnGate::left(uint32_t owner) {
  if (!on()) return;
  const std::lock_guard guard(mutex_);
  if (!has_turn() || last_owner_ != owner) return;
  if (page().contended.load(std::memory_order_relaxed) == 0) return;
  if (waiting_ == 0 && all_ended()) return give_back();
  recalled_ = true;
}

void TurnGate::recall() {
  const std::lock_guard guard(mutex_);
  recalled_ = true;
}

uint64_t TurnGate::look() {
  uint64_t rung = 0;
  [[maybe_unused]] const ssize_t bytes = read(bell_.get(), &rung, sizeof rung);
  if (!on()) return 0;
  Lock lock(mutex_);
  const uint64_t next = look_at_turn(lock);
  calm_looks_ = next != 0 ? 0 : calm_looks_ + 1;
  server_sleeps_ = calm_looks_ > kCalmLooks;
  if (server_sleeps_) return 0;
  return next != 0 ? next : kSliceNs;
}

// The threads that submit give the turn back themselves, while they have something to do with it.
uint64_t TurnGate::look_at_turn(Lock& lock) {
  if (!has_turn()) {
    recalled_ = false;
    return announced_ ? kSliceNs : 0;
  }
  if (announced_ && waiting_ == 0) {  // who wanted it is gone
    give_back();
    return 0;
  }
  const uint64_t deadline = page().deadline_ns.load(std::memory_order_relaxed);
  if (deadline == turns::kNoDeadline && !closing_) {
    recalled_ = false;
    return 0;
  }
  if (draining() || announced_) return kSliceNs;
  if (!recalled_ && !closing_ && now_ns() < deadline) return kSliceNs;
  return give_back_unused(lock);
}

TurnWindow::Copies TurnGate::copies() {
  const std::lock_guard guard(mutex_);
  return window_.copies();
}

std::vector<records::UnsplitKernel> TurnGate::take_changed_unsplit_kernels() {
  const std::lock_guard guard(mutex_);
  return window_.unsplit_kernels().take_changed();
}

uint32_t TurnGate::waiting() {
  const std::lock_guard guard(mutex_);
  return waiting_;
}

void TurnGate::prune() {
  if (!on()) return;
  const std::lock_guard guard(mutex_);
  window_.retire();
}

}  // namespace aliquot::worker
