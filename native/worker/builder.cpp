#include "worker/builder.h"

namespace aliquot::worker {

bool Builder::add(std::function<void()> task) {
  const std::lock_guard guard(mutex_);
  if (stop_ || tasks_.size() >= kMostWaiting) return false;
  if (!thread_.started() && !thread_.start(run, this, "builder")) return false;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
  return true;
}

void Builder::finish() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
    dropped.swap(tasks_);
    changed_.notify_one();
  }
  thread_.join();
}

void* Builder::run(void* argument) {
  auto* self = static_cast<Builder*>(argument);
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(self->mutex_);
      self->changed_.wait(lock, [&] { return self->stop_ || !self->tasks_.empty(); });
      if (self->stop_) return nullptr;
      task = std::move(self->tasks_.front());
      self->tasks_.pop_front();
    }
    task();
  }
}

}  // namespace aliquot::worker
