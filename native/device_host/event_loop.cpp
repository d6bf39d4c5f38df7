#include "device_host/event_loop.h"

#include <sys/epoll.h>
#include <time.h>

#include <algorithm>

namespace aliquot {

uint64_t monotonic_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t monotonic_milliseconds() { return monotonic_nanoseconds() / 1'000'000; }

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

uint64_t EventLoop::watch(int descriptor, uint32_t events, Callback callback) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = ++last_token_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) return 0;
  watched_.emplace(last_token_, Watched{descriptor, std::move(callback)});
  return last_token_;
}

void EventLoop::change(uint64_t token, uint32_t events) {
  const auto found = watched_.find(token);
  if (found == watched_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.descriptor, &event);
}

void EventLoop::unwatch(uint64_t token) {
  const auto found = watched_.find(token);
  if (found == watched_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.descriptor, nullptr);
  watched_.erase(found);
}

uint64_t EventLoop::schedule(uint64_t milliseconds, std::function<void()> callback) {
  const uint64_t id = ++last_token_;
  timers_.emplace(monotonic_milliseconds() + milliseconds, Timer{id, std::move(callback)});
  return id;
}

void EventLoop::cancel(uint64_t timer) {
  const auto found = std::find_if(timers_.begin(), timers_.end(),
                                  [&](const auto& entry) { return entry.second.id == timer; });
  if (found != timers_.end()) timers_.erase(found);
}

int EventLoop::milliseconds_to_next_timer() const {
  if (timers_.empty()) return -1;
  const uint64_t now = monotonic_milliseconds();
  const uint64_t due = timers_.begin()->first;
  return due <= now ? 0 : static_cast<int>(std::min<uint64_t>(due - now, 60000));
}

void EventLoop::run_due_timers() {
  const uint64_t now = monotonic_milliseconds();
  // A timer that a callback schedules is never due before `now`, so this ends.
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const std::function<void()> callback = std::move(timers_.begin()->second.callback);
    timers_.erase(timers_.begin());
    callback();
    if (monotonic_milliseconds() > now + 50) break;  // let descriptors have their turn
  }
}

void EventLoop::run_once() {
  epoll_event events[64];
  const int count = ::epoll_wait(epoll_.get(), events, 64, milliseconds_to_next_timer());
  for (int index = 0; index < count; ++index) {
    const uint64_t token = events[index].data.u64;  // a copy: the kernel's struct is packed
    const auto found = watched_.find(token);
    if (found == watched_.end()) continue;  // unwatched by an earlier callback of this round
    const Callback callback = found->second.callback;
    callback(events[index].events);
  }
  run_due_timers();
}

}  // namespace aliquot
