#include "device_host/holder_process.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <string>

#include "device_host/descriptor_room.h"
#include "device_host/worker_family.h"

namespace aliquot {

namespace {

// Who started it, and as whom it runs: a program with root's rights is still of who started it.
bool users_of(uint32_t process, uid_t& real, uid_t& effective) {
  std::string status;
  if (!read_whole("/proc/" + std::to_string(process) + "/status", kLongestStatus, status))
    return false;
  const size_t line = status.find("\nUid:");
  return line != std::string::npos &&
         std::sscanf(status.c_str() + line, "\nUid: %u %u", &real, &effective) == 2;
}

}  // namespace

HolderProblem open_holder(uint32_t process, uid_t user, uid_t owner, Descriptor& holder) {
  if (process == 0 || process > INT_MAX) return HolderProblem::kNoProcess;
  holder.reset(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!holder)
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? HolderProblem::kNoDescriptor
                                                                 : HolderProblem::kNoProcess;
  if (!leaves_room(holder.get(), DescriptorUse::kLasting)) return HolderProblem::kNoDescriptor;
  uid_t real = 0, effective = 0;
  const bool seen = users_of(process, real, effective);
  // Looked at last: if it runs still, the number was its own all the time.
  pollfd ended{holder.get(), POLLIN, 0};
  if (!seen || ::poll(&ended, 1, 0) != 0) return HolderProblem::kNoProcess;
  const auto may_hold = [&](uid_t its) { return its == user || (user == 0 && its == owner); };
  return may_hold(real) && may_hold(effective) ? HolderProblem::kNone : HolderProblem::kOthers;
}

}  // namespace aliquot
