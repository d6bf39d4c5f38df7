#include "tenant.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace aliquot::fake_worker {

namespace {

constexpr int kThreads = 2;
constexpr uint64_t kLongestTurnNs = 2'000'000;
constexpr uint64_t kStepNs = 100'000;
constexpr timespec kLongestWait{0, 1'000'000};
constexpr uint64_t kPieceLoops = 10'000;  // some 10 µs
constexpr uint64_t kAlways = ~uint64_t{0};

uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Tenant::Tenant(const std::string& honesty)
    : told_percent_(honesty == "half"                                ? 50
                    : honesty == "nothing" || honesty == "around" ? 0
                                                                    : 100),
      told_around_span_ns_(honesty == "around" ? ~uint64_t{0} : 0),
      lingers_(honesty == "lingering"),
      takes_turns_(honesty != "turnless") {
  for (int thread = 0; thread < kThreads; ++thread) std::thread([this] { compute(); }).detach();
  if (!takes_turns_) compute_until(kAlways);
}

bool Tenant::take_page(int memory) {
  void* data = ::mmap(nullptr, turns::kTurnPageSize, PROT_READ, MAP_SHARED, memory, 0);
  if (data == MAP_FAILED) return false;
  page_ = static_cast<const turns::TurnPage*>(data);
  return true;
}

void Tenant::compute() {
  for (;;) {
    const uint64_t until = until_ns_.load();
    if (now_ns() >= until) {
      until_ns_.wait(until);
      continue;
    }
    for (uint64_t loop = 0; loop < kPieceLoops; ++loop) asm volatile("" : "+r"(loop));
    ++work_;
  }
}

void Tenant::compute_until(uint64_t time_ns) {
  if (until_ns_.exchange(time_ns) != time_ns) until_ns_.notify_all();
}

bool Tenant::wants_turn() {
  return takes_turns_ && page_ != nullptr && !std::exchange(announced_, true);
}

std::optional<records::TurnFinished> Tenant::step() {
  if (page_ == nullptr || !takes_turns_ || page_->turn.load() == returned_) {
    static const std::atomic<uint32_t> nothing{0};
    const std::atomic<uint32_t>& word = page_ == nullptr ? nothing : page_->turn;
    ::syscall(SYS_futex, &word, FUTEX_WAIT, returned_, &kLongestWait, nullptr, 0);
    return {};
  }
  const uint64_t now = now_ns();
  if (began_ns_ == 0) began_ns_ = now;
  // It may be brought forward meanwhile.
  const uint64_t end = std::min(page_->deadline_ns.load(), began_ns_ + kLongestTurnNs);
  compute_until(end);
  if (now < end) {
    ::usleep(static_cast<useconds_t>(std::min(end - now, kStepNs) / 1000));
    return {};
  }
  const uint64_t length = now - began_ns_;
  if (lingers_) compute_until(now + length);
  records::TurnFinished finished;
  finished.turn = returned_ = page_->turn.load();
  finished.more = 1;
  finished.busy_ns = finished.span_ns = length * told_percent_ / 100;
  finished.around_span_ns = told_around_span_ns_;
  finished.kernels = 1;
  began_ns_ = 0;
  return finished;
}

}  // namespace aliquot::fake_worker
