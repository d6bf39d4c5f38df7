#include "worker/lent_thread.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "worker/futex.h"
#include "worker/thread.h"

namespace aliquot::worker {

/// Outlives the object when the thread waits for the device meanwhile.
struct LentThread::State {
  decltype(cl_icd_dispatch::clFinish) finish;
  decltype(cl_icd_dispatch::clReleaseCommandQueue) release;
  std::mutex mutex;  // guards `next`
  std::function<cl_command_queue()> next;
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> awake{1};  // futex word

  cl_command_queue take() {
    const std::lock_guard guard(mutex);
    return next ? next() : nullptr;
  }
};

LentThread::LentThread(const cl_icd_dispatch& calls, std::function<cl_command_queue()> next)
    : state_(std::make_shared<State>()) {
  state_->finish = calls.clFinish;
  state_->release = calls.clReleaseCommandQueue;
  state_->next = std::move(next);
  auto* shared = new std::shared_ptr<State>(state_);
  Thread thread;
  if (thread.start(run, shared, "lent", Thread::Work::kOfDevice)) {
    thread.detach();
  } else {
    delete shared;
  }
}

LentThread::~LentThread() {
  {
    const std::lock_guard guard(state_->mutex);
    state_->next = nullptr;
  }
  state_->stop.store(true);
  lend();
}

void LentThread::lend() {
  if (state_->awake.load() != 0 || state_->awake.exchange(1) != 0) return;
  futex_wake(state_->awake);
}

void* LentThread::run(void* data) {
  const std::unique_ptr<std::shared_ptr<State>> shared(static_cast<std::shared_ptr<State>*>(data));
  State& state = **shared;
  while (!state.stop.load()) {
    cl_command_queue queue = state.take();
    if (queue == nullptr) {
      state.awake.store(0);
      queue = state.take();  // of work that came before `lend` could see that
    }
    if (queue != nullptr) {
      state.awake.store(1);
      state.finish(queue);
      state.release(queue);
    } else if (!state.stop.load()) {
      futex_wait(state.awake, 0, 0);
    }
  }
  return nullptr;
}

}  // namespace aliquot::worker
