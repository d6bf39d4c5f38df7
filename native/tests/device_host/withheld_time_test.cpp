// What the system keeps from a worker: the rule, and the kernel's figures for threads that share
// one processor.
#include "device_host/withheld_time.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "check.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

constexpr uint64_t kMs = 1'000'000;

uint64_t withheld(uint64_t used_ms, uint64_t waited_ms, uint32_t processors) {
  return WithheldTime::withheld_ns(10 * kMs, used_ms * kMs, waited_ms * kMs, processors) / kMs;
}

// A child, of which each thread computes on the same processor, until this ends.
class Crowded {
 public:
  explicit Crowded(int threads)
      : ready_(static_cast<std::atomic<int>*>(::mmap(nullptr, sizeof(std::atomic<int>),
                                                     PROT_READ | PROT_WRITE,
                                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0))),
        child_(::fork()) {
    if (child_ == 0) crowd(threads);
    while (ready_->load() < threads) ::usleep(1000);
  }
  ~Crowded() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    ::munmap(ready_, sizeof(std::atomic<int>));
  }
  Crowded(const Crowded&) = delete;
  Crowded& operator=(const Crowded&) = delete;
  pid_t process() const { return child_; }

 private:
  [[noreturn]] void crowd(int threads) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(::sched_getcpu()), &one);
    ::sched_setaffinity(0, sizeof one, &one);
    const auto compute = [this] {
      ready_->fetch_add(1);
      for (;;) ::getppid();
    };
    for (int index = 1; index < threads; ++index) std::thread(compute).detach();
    compute();
    ::_exit(1);
  }
  std::atomic<int>* ready_;
  pid_t child_;
};

// What is withheld of turns of `turn_ns`, each so long that threads come to wait, when the worker
// says that it used one of two processors.
uint64_t seen(WithheldTime& withheld, uint64_t turn_ns) {
  uint64_t sum = 0;
  for (int turn = 0; turn < 5; ++turn) {
    withheld.granted();
    ::usleep(static_cast<useconds_t>(turn_ns / 1000));
    sum += withheld.finished(turn_ns, turn_ns, turn_ns);
  }
  return sum;
}

}  // namespace

void test_what_is_withheld() {
  CHECK(withheld(20, 0, 2) == 0);    // all was used
  CHECK(withheld(10, 0, 2) == 0);    // a kernel of one thread: nothing waited
  CHECK(withheld(10, 10, 2) == 5);   // two threads on one processor
  CHECK(withheld(14, 4, 2) == 2);    // for a part of the turn
  CHECK(withheld(20, 500, 2) == 0);  // many threads that wait for each other
  CHECK(withheld(30, 10, 2) == 0);   // more than there is: counted at different moments
  CHECK(withheld(0, 1000, 64) == 5);  // half at most
  CHECK(withheld(0, 1000, 1) == 5);
}

void test_what_is_left_unused_anyway_is_charged() {
  const auto withheld = [](uint64_t used_ms, double usual) {
    return WithheldTime::withheld_ns(10 * kMs, used_ms * kMs, 100 * kMs, 2, usual) / kMs;
  };
  CHECK(withheld(16, 1) == 2);
  CHECK(withheld(16, 0.8) == 0);  // as much as ever
  CHECK(withheld(8, 0.8) == 5);   // half of it
  double usual = 1;
  for (int turn = 0; turn < 200; ++turn)
    usual = WithheldTime::learned(usual, 2 * kMs, 3 * kMs, 0, 2);
  CHECK(usual > 0.749 && usual < 0.751);
  CHECK(WithheldTime::learned(usual, 2 * kMs, 0, kMs, 2) == usual);      // others kept it from them
  CHECK(WithheldTime::learned(usual, kMs / 10, 0, 0, 2) == usual);       // too short to tell
  for (int turn = 0; turn < 200; ++turn) usual = WithheldTime::learned(usual, 2 * kMs, 0, 0, 2);
  CHECK(usual > 0.499 && usual < 0.501);  // a worker that says that it worked pays for all of it
}

void test_threads_that_share_a_processor() {
  const Crowded worker(2);
  WithheldTime two;
  two.begin(worker.process(), 2);
  ::usleep(20'000);
  two.look();
  const uint64_t found = seen(two, 40 * kMs);
  CHECK(found > 20 * kMs && found <= 100 * kMs);
  // A device with processors of its own.
  WithheldTime none;
  none.begin(worker.process(), 0);
  none.look();
  CHECK(seen(none, 40 * kMs) == 0);
  two.end();
  CHECK(seen(two, kMs) == 0);
}

void test_a_thread_that_runs_waits_for_nobody() {
  const Crowded worker(1);
  WithheldTime withheld;
  withheld.begin(worker.process(), 2);
  ::usleep(20'000);
  withheld.look();
  CHECK(seen(withheld, 20 * kMs) < 45 * kMs);  // of 100: others may want its processor, too
}
