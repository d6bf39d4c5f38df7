#include "worker/builder.h"

namespace aliquot::worker {

bool Builder::add(std::function<void()> task) {
  const std::lock_guard guard(work_->mutex);
  if (work_->stop || work_->tasks.size() >= kMostWaiting) return false;
  if (!thread_.started()) {
    auto* work = new std::shared_ptr<Work>(work_);
    if (!thread_.start(run, work, "builder")) {
      delete work;
      return false;
    }
  }
  work_->tasks.push_back(std::move(task));
  work_->changed.notify_one();
  return true;
}

bool Builder::idle() {
  const std::lock_guard guard(work_->mutex);
  return !work_->running && work_->tasks.empty();
}

void Builder::stop() {
  const std::lock_guard guard(work_->mutex);
  work_->stop = true;
  work_->changed.notify_one();
}

void Builder::take(const std::shared_ptr<const void>& thing) {
  const std::lock_guard guard(work_->mutex);
  if (!work_->running && work_->tasks.empty()) return;
  if (work_->taken.size() < kMostTaken) work_->taken.push_back(thing);
}

bool Builder::leave(const Count& left_behind) {
  stop();
  const std::lock_guard guard(work_->mutex);
  if (!work_->running) return true;
  if (left_behind->fetch_add(1) >= kMostLeftBehind) {
    left_behind->fetch_sub(1);
    return false;
  }
  work_->left_behind = left_behind;
  thread_.detach();
  return true;
}

void Builder::finish() {
  stop();
  thread_.join();
}

void* Builder::run(void* argument) {
  auto* given = static_cast<std::shared_ptr<Work>*>(argument);
  const std::shared_ptr<Work> held = std::move(*given);
  delete given;
  Work& work = *held;
  std::unique_lock lock(work.mutex);
  while (!work.stop) {
    work.changed.wait(lock, [&] { return work.stop || !work.tasks.empty(); });
    if (work.stop) break;
    work.task = std::move(work.tasks.front());
    work.tasks.pop_front();
    work.running = true;
    lock.unlock();
    work.task();
    work.task = nullptr;
    lock.lock();
    work.running = false;
    work.ended.swap(work.taken);
    lock.unlock();
    work.ended.clear();
    lock.lock();
  }
  std::deque<std::function<void()>> dropped = std::move(work.tasks);
  work.ended.swap(work.taken);
  const Count left_behind = work.left_behind;
  lock.unlock();
  dropped.clear();
  work.ended.clear();
  if (left_behind != nullptr) left_behind->fetch_sub(1);
  return nullptr;
}

}  // namespace aliquot::worker
