#include "worker/thread.h"

#include <signal.h>

namespace aliquot::worker {

bool Thread::start(void* (*entry)(void*), void* argument, const char* name) {
  if (started_) return false;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  started_ = pthread_create(&thread_, nullptr, entry, argument) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started_) pthread_setname_np(thread_, name);
  return started_;
}

void Thread::join() {
  if (!started_) return;
  pthread_join(thread_, nullptr);
  started_ = false;
}

void Thread::detach() {
  if (!started_) return;
  pthread_detach(thread_);
  started_ = false;
}

}  // namespace aliquot::worker
