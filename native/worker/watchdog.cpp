#include "worker/watchdog.h"

#include <time.h>

#include <algorithm>

namespace aliquot::worker {

bool Watchdog::start(std::function<void()> after_look) {
  after_look_ = std::move(after_look);
  return thread_.start(run, this, "watchdog");
}

void Watchdog::stop() {
  stop_.store(true);
  alarm_->raise();
  thread_.join();
}

void Watchdog::add(uint32_t connection, std::weak_ptr<QueueProgress> queue) {
  const std::lock_guard guard(mutex_);
  std::erase_if(queues_, [](const Watched& watched) { return watched.queue.expired(); });
  queues_.push_back({connection, std::move(queue)});
}

std::vector<Watchdog::Watched> Watchdog::all() {
  const std::lock_guard guard(mutex_);
  return queues_;
}

uint64_t Watchdog::period_ns() const {
  if (limit_ms_ == 0) return 250'000'000;
  return std::clamp<uint64_t>(uint64_t{limit_ms_} * 1'000'000 / 8, 10'000'000, 250'000'000);
}

void* Watchdog::run(void* argument) {
  auto* self = static_cast<Watchdog*>(argument);
  while (!self->stop_.load()) {
    if (!self->alarm_->wait(self->period_ns())) continue;
    if (self->look(now_ns())) self->alarm_->stay_armed();
    if (self->after_look_) self->after_look_();
    // However often it is called: the commands that fail are the tenant's.
    const timespec breath{0, 1'000'000};
    nanosleep(&breath, nullptr);
  }
  return nullptr;
}

// A watchdog that couldn't run itself, say in a process that was stopped, blames no kernel for that
// time: the kernel will have been stopped, too.
uint64_t Watchdog::unseen_ns(uint64_t now) {
  const uint64_t most = 2 * period_ns();
  const uint64_t before = looked_at_.load();
  const uint64_t step = before != 0 ? now - std::min(now, before) : 0;
  return step - std::min(step, most);
}

bool Watchdog::look(uint64_t now) {
  const uint64_t unseen = unseen_ns(now);
  const std::vector<Watched> queues = all();
  // What is known to run may be what a hidden command elsewhere waits for, unless it came later.
  bool busy = false;
  uint64_t first_running = ~uint64_t{0};  // when the earliest of them was seen for the first time
  for (const Watched& watched : queues) {
    const auto queue = watched.queue.lock();
    if (queue == nullptr) continue;
    queue->recheck();
    queue->visit_outstanding([&](OutstandingCommand& command, cl_int status) {
      busy = true;
      if (command.running_since != 0) command.running_since += unseen;
      if (command.seen_since == 0) command.seen_since = now;
      if (status == CL_RUNNING) first_running = std::min(first_running, command.seen_since);
    });
  }
  for (const Watched& watched : queues) {
    const auto queue = watched.queue.lock();
    if (queue == nullptr) continue;
    bool first = true;
    queue->visit_outstanding([&](OutstandingCommand& command, cl_int status) {
      if (first && command.front_since == 0) command.front_since = now;
      const bool hidden_run =
          first && command.hidden_before != 0 && first_running > command.front_since;
      check(watched, command, status == CL_RUNNING, hidden_run, now);
      first = false;
    });
  }
  looked_at_.store(busy ? now : 0);
  return busy;
}

// Of hidden commands nobody knows which one runs, so they have the time of all of them together.
void Watchdog::check(const Watched& watched, OutstandingCommand& command, bool runs,
                     bool hidden_run, uint64_t now) {
  const auto& kernel = runs ? command.kernel : command.hidden_kernel;
  if ((!runs && !hidden_run) || kernel == nullptr) {
    command.running_since = 0;
    return;
  }
  if (command.running_since == 0 || command.itself_runs != runs) command.running_since = now;
  command.itself_runs = runs;
  const uint64_t limit = uint64_t{limit_ms_} * (runs ? 1 : command.hidden_before);
  const uint64_t milliseconds = (now - command.running_since) / 1'000'000;
  if (limit_ms_ == 0 || milliseconds <= limit || reported_.exchange(true)) return;
  host_.overrun(watched.connection, static_cast<uint32_t>(milliseconds), kernel->c_str());
}

}  // namespace aliquot::worker
