#include "device_host/child_processes.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace aliquot {

namespace {
constexpr uint64_t kAgainMilliseconds = 10;
}  // namespace

ChildProcesses::~ChildProcesses() {
  loop_.cancel(again_);
  // Whoever comes next waits for our lock, and what a helper didn't come to is done another time.
  while (!helpers_.empty()) {
    ::kill(helpers_.back().process, SIGKILL);
    reap(helpers_.back().process);
  }
}

uint64_t ChildProcesses::run_helper(const std::function<int()>& work,
                                    std::function<void(int)> done) {
  const pid_t helper = ::fork();
  if (helper < 0) return 0;
  if (helper == 0) {
    // Here, too, locks and memory of the device host's would outlive it, or what it gives back meanwhile.
    ::syscall(SYS_close_range, 3U, ~0U, 0U);
    ::_exit(work());
  }
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, helper, 0));
  const uint64_t token =
      loop_.watch(descriptor, EPOLLIN, [this, helper](uint32_t) { reap(helper); });
  helpers_.push_back({++last_helper_, std::move(done), helper, descriptor, token});
  return last_helper_;
}

void ChildProcesses::abandon(uint64_t helper) {
  for (Helper& entry : helpers_)
    if (entry.id == helper) entry.done = nullptr;
}

void ChildProcesses::reap(pid_t helper) {
  const auto found = std::find_if(helpers_.begin(), helpers_.end(),
                                  [&](const Helper& entry) { return entry.process == helper; });
  if (found == helpers_.end()) return;
  int status = 0;
  ::waitpid(helper, &status, 0);
  loop_.unwatch(found->token);
  ::close(found->process_descriptor);
  const std::function<void(int)> done = std::move(found->done);
  helpers_.erase(found);
  if (done) done(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

void ChildProcesses::kill_orphans() {
  // The end of one may bring its own children here, so look again until there are none.
  if (!link_.kill_orphans() || again_ != 0) return;
  again_ = loop_.schedule(kAgainMilliseconds, [this] {
    again_ = 0;
    kill_orphans();
  });
}

}  // namespace aliquot
