// For tests of what happens where no descriptor is to be had, or a peer takes nothing.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "protocol/socket.h"

namespace aliquot {

/// Of this process, by number.
inline void permit_descriptors(rlim_t count) {
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = count;
  CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/// Runs `work` in a process of its own, for what changes a process; its checks count here.
template <class Work>
void in_a_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    g_failures = 0;
    work();
    ::_exit(g_failures == 0 ? 0 : 1);
  }
  int status = 1;
  CHECK(::waitpid(child, &status, 0) == child && status == 0);
}

/// With records, so that no more go into it.
inline void fill(int socket) {
  while (send_record(socket, make_record(records::Kind::kDone, 1)) == SocketResult::kOk) {
  }
}

}  // namespace aliquot
