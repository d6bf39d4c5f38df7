#include "guest/time_account.h"

namespace aliquot::guest {

using layout::Spent;

namespace {

uint64_t smaller(uint64_t one, uint64_t other) { return one < other ? one : other; }
uint64_t larger(uint64_t one, uint64_t other) { return one > other ? one : other; }
uint64_t above(uint64_t value, uint64_t base) { return value > base ? value - base : 0; }

}  // namespace

void TimeAccount::open(const vgpu_page::Page& page, layout::TimeClaims& claims) {
  page_ = &page;
  claims_ = &claims;
}

// Under the lock where two threads might add to the same sum, but for short copies, of which some may
// get lost.
void TimeAccount::add(Spent spent, uint64_t ns) {
  if (claims_ == nullptr || ns == 0) return;
  std::atomic<uint64_t>& sum = claims_->spent_ns[static_cast<size_t>(spent)];
  sum.store(sum.load(std::memory_order_relaxed) + ns, std::memory_order_relaxed);
}

void TimeAccount::begin(Reason reason, uint64_t now) {
  if (claims_ == nullptr) return;
  LockGuard guard(lock_);
  settle(now, nullptr);
  // The worker was woken for what is waited for next.
  if (reason != Reason::kWaking) {
    add(reason == Reason::kAnswer ? Spent::kRoundTrips : Spent::kSyncs, waking_ns_);
    waking_ns_ = 0;
  }
  ++inside_[static_cast<size_t>(reason)];
}

void TimeAccount::look(uint64_t now) {
  if (claims_ == nullptr) return;
  LockGuard guard(lock_);
  settle(now, nullptr);
}

void TimeAccount::end(Reason reason, uint64_t now, const WorkSpan& span) {
  if (claims_ == nullptr) return;
  LockGuard guard(lock_);
  // Another thread that awaits work still does: then the device has it.
  const bool last = reason == Reason::kWork && inside_[static_cast<size_t>(reason)] == 1;
  settle(now, last ? &span : nullptr);
  --inside_[static_cast<size_t>(reason)];
  count(reason);
}

void TimeAccount::count(Reason reason) {
  std::atomic<uint64_t>* sum = nullptr;
  if (reason == Reason::kWork || reason == Reason::kTransfer) sum = &claims_->syncs;
  if (reason == Reason::kCompiler) sum = &claims_->builds;
  if (reason == Reason::kAnswer) sum = &claims_->round_trips;
  if (sum != nullptr) sum->store(sum->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

// What has passed since the last time belongs to the first reason for which a thread is here.
void TimeAccount::settle(uint64_t now, const WorkSpan* ended) {
  const uint64_t from = settled_ns_;
  const vgpu_page::Waits before = seen_;
  settled_ns_ = larger(now, from);
  vgpu_page::read_waits(*page_, settled_ns_, seen_);
  size_t reason = 0;
  while (reason < kReasons && inside_[reason] == 0) ++reason;
  if (reason == kReasons || settled_ns_ == from) return;
  const uint64_t passed = settled_ns_ - from;
  if (static_cast<Reason>(reason) == Reason::kCopy) return add(Spent::kCopies, passed);
  if (static_cast<Reason>(reason) == Reason::kWaking) {
    waking_ns_ += passed;
    return;
  }
  const uint64_t waited = smaller(passed, above(seen_.waited_ns, before.waited_ns));
  const uint64_t limited = smaller(waited, above(seen_.limited_ns, before.limited_ns));
  add(Spent::kLimit, limited);
  add(Spent::kOthers, waited - limited);
  divide(static_cast<Reason>(reason), from, waited, ended);
}

// The rest, in which the device was not waited for.
void TimeAccount::divide(Reason reason, uint64_t from, uint64_t waited, const WorkSpan* ended) {
  const uint64_t rest = settled_ns_ - from - waited;
  if (reason == Reason::kCompiler) return add(Spent::kCompiling, rest);
  if (reason == Reason::kAnswer) return add(Spent::kRoundTrips, rest);
  if (reason == Reason::kTransfer) return add(Spent::kCopies, rest);
  if (reason == Reason::kRing || ended == nullptr) return add(Spent::kKernels, rest);
  const uint64_t began = larger(from, ended->began_ns);
  uint64_t work = above(smaller(ended->ended_ns, settled_ns_), began);
  // A turn is waited for before the work begins, as far as there is time before that. So the work is
  // never more than the rest.
  work = above(work, above(waited, began - from));
  const uint64_t copies = smaller(work, ended->copy_ns);
  add(Spent::kCopies, copies);
  add(Spent::kKernels, work - copies);
  add(Spent::kSyncs, rest - work);
}

}  // namespace aliquot::guest
