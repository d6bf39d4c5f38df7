#include "worker/thread.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <mutex>
#include <unordered_set>

namespace aliquot::worker {

namespace {

uint64_t read_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// The threads that run, by their clocks, and what those took that have ended.
struct ClockedThreads {
  std::mutex mutex;
  std::unordered_set<clockid_t> running;
  uint64_t ended_ns = 0;
};

ClockedThreads& work() {
  static ClockedThreads& all = *new ClockedThreads;  // never destroyed: threads may outlive main
  return all;
}

// What a thread brings upon itself. Were it blocked, no handler would be asked, neither a driver's nor ours,
// which says where it was.
constexpr int kOwnFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

struct Start {
  void* (*entry)(void*);
  void* argument;
};

void* run(void* data) {
  const Start start = *static_cast<Start*>(data);
  delete static_cast<Start*>(data);
  clockid_t clock{};
  const bool counted = pthread_getcpuclockid(pthread_self(), &clock) == 0;
  if (counted) {
    const std::lock_guard guard(work().mutex);
    work().running.insert(clock);
  }
  void* result = start.entry(start.argument);
  if (counted) {
    const std::lock_guard guard(work().mutex);
    work().running.erase(clock);
    work().ended_ns += read_ns(clock);
  }
  return result;
}

}  // namespace

bool Thread::start(void* (*entry)(void*), void* argument, const char* name) {
  if (started_) return false;
  sigset_t others;
  sigset_t before;
  sigfillset(&others);
  for (const int number : kOwnFaults) sigdelset(&others, number);
  pthread_sigmask(SIG_SETMASK, &others, &before);
  auto* begin = new Start{entry, argument};
  started_ = pthread_create(&thread_, nullptr, run, begin) == 0;
  if (!started_) delete begin;
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

uint64_t host_work_ns() {
  uint64_t sum = 0;
  {
    const std::lock_guard guard(work().mutex);
    sum = work().ended_ns;
    for (const clockid_t clock : work().running) sum += read_ns(clock);
  }
  rusage children{};
  getrusage(RUSAGE_CHILDREN, &children);
  for (const timeval& time : {children.ru_utime, children.ru_stime}) {
    sum += static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(time.tv_usec) * 1'000;
  }
  return sum;
}

}  // namespace aliquot::worker
