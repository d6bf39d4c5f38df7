#include "device_host/holder_process.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <string>

#include "device_host/descriptor_room.h"

namespace aliquot {

HolderProblem open_holder(uint32_t process, uid_t user, Descriptor& holder) {
  if (process == 0 || process > INT_MAX) return HolderProblem::kNoProcess;
  holder.reset(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!holder)
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? HolderProblem::kNoDescriptor
                                                                 : HolderProblem::kNoProcess;
  if (!leaves_room(holder.get(), DescriptorUse::kLasting)) return HolderProblem::kNoDescriptor;
  struct stat status;
  const bool seen = ::stat(("/proc/" + std::to_string(process)).c_str(), &status) == 0;
  // Looked at last: if it runs still, the number was its own all the time.
  pollfd ended{holder.get(), POLLIN, 0};
  if (!seen || ::poll(&ended, 1, 0) != 0) return HolderProblem::kNoProcess;
  return user == 0 || status.st_uid == user ? HolderProblem::kNone : HolderProblem::kOthers;
}

}  // namespace aliquot
