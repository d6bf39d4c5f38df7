#include "worker/compilers.h"

#include <algorithm>
#include <chrono>
#include <list>
#include <thread>
#include <utility>

namespace aliquot::worker {

namespace {
// How soon it is seen that a build was left behind, so that one more may run.
constexpr std::chrono::milliseconds kLook{100};
}  // namespace

// What threads work with that nobody joins. It is found from here until the last of them has let go:
// leak checkers don't see the stack of every such thread.
class Compilers::Kept {
 public:
  static Kept& get() {
    static auto& kept = *new Kept;  // never destroyed: threads may outlive the program's end
    return kept;
  }

  /// The same as `work`, where it stays until it is let go of.
  std::shared_ptr<Work>* keep(std::shared_ptr<Work> work) {
    const std::lock_guard guard(mutex_);
    return &kept_.emplace_back(std::move(work));
  }

  void let_go(const std::shared_ptr<Work>* work) {
    const std::lock_guard guard(mutex_);
    kept_.remove_if([work](const std::shared_ptr<Work>& one) { return &one == work; });
  }

 private:
  std::mutex mutex_;
  std::list<std::shared_ptr<Work>> kept_;
};

Compilers::Compilers(Count left_behind, bool together) {
  work_->left_behind = std::move(left_behind);
  work_->at_once =
      together ? std::clamp<uint32_t>(std::thread::hardware_concurrency(), kLeast, kMost) : 1;
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
  std::shared_ptr<Work>* kept = Kept::get().keep(work_);
  Thread thread;
  if (!thread.start(work, kept, "compiler")) {
    Kept::get().let_go(kept);
    return false;
  }
  thread.detach();
  ++work_->threads;
  return true;
}

void* Compilers::work(void* argument) {
  const auto* kept = static_cast<std::shared_ptr<Work>*>(argument);
  (*kept)->serve();
  Kept::get().let_go(kept);
  return nullptr;
}

void Compilers::Work::serve() {
  std::unique_lock lock(mutex);
  while (!stop) {
    if (waiting.empty() || busy >= most()) {
      wanted.wait(lock);
      continue;
    }
    Task* task = waiting.front();
    waiting.pop_front();
    ++busy;
    lock.unlock();
    task->build();
    lock.lock();
    --busy;
    task->done = true;
    ended.notify_all();
  }
}

}  // namespace aliquot::worker
