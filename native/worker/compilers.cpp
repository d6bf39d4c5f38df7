#include "worker/compilers.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace aliquot::worker {

namespace {
// How soon it is seen that a build was left behind, so that one more may run.
constexpr std::chrono::milliseconds kLook{100};
}  // namespace

Compilers::Compilers(Count left_behind) {
  work_->left_behind = std::move(left_behind);
  work_->at_once = std::clamp<uint32_t>(std::thread::hardware_concurrency(), kLeast, kMost);
}

Compilers::~Compilers() {
  const std::lock_guard guard(work_->mutex);
  work_->stop = true;
  work_->wanted.notify_all();
}

void Compilers::run(const std::function<void()>& build) {
  Task task{build};
  std::unique_lock lock(work_->mutex);
  work_->waiting.push_back(&task);
  while (!task.done) {
    const size_t idle = work_->threads - work_->busy;
    const bool wants_thread = work_->waiting.size() > idle && work_->threads < work_->most();
    if (wants_thread && !start_thread() && work_->threads == 0) {
      // None is to be had, so it has to be the caller's.
      std::erase(work_->waiting, &task);
      lock.unlock();
      return build();
    }
    work_->wanted.notify_all();
    work_->ended.wait_for(lock, kLook);
  }
}

bool Compilers::start_thread() {
  auto* held = new std::shared_ptr<Work>(work_);
  Thread thread;
  if (!thread.start(work, held, "compiler")) {
    delete held;
    return false;
  }
  thread.detach();
  ++work_->threads;
  return true;
}

void* Compilers::work(void* argument) {
  auto* handed_over = static_cast<std::shared_ptr<Work>*>(argument);
  const std::shared_ptr<Work> held = std::move(*handed_over);
  delete handed_over;  // now: a thread that nobody joins may be left behind in a build
  Work& work = *held;
  std::unique_lock lock(work.mutex);
  while (!work.stop) {
    if (work.waiting.empty() || work.busy >= work.most()) {
      work.wanted.wait(lock);
      continue;
    }
    Task* task = work.waiting.front();
    work.waiting.pop_front();
    ++work.busy;
    lock.unlock();
    task->build();
    lock.lock();
    --work.busy;
    task->done = true;
    work.ended.notify_all();
  }
  return nullptr;
}

}  // namespace aliquot::worker
