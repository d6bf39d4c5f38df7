// Keeping descriptors for those who need them most. One process serves all tenants of a device, and
// each arena and each connection of theirs takes one: who asks for the most must not take the last.
#pragma once

#include <sys/resource.h>

#include <algorithm>

namespace aliquot {

enum class DescriptorUse {
  kArena,       // leaves the last quarter to others
  kLasting,     // likewise: vGPUs that last, and the processes that lease them
  kConnection,  // leaves the last eighth, 128 at most, to control connections, workers and /proc
};

/// Whether a descriptor just made leaves enough for others. The kernel gives the lowest number that
/// is free, so the number tells how many are open.
inline bool leaves_room(int descriptor, DescriptorUse use) {
  rlimit limit{};
  if (descriptor < 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const rlim_t kept =
      use != DescriptorUse::kConnection ? limit.rlim_cur / 4
                                        : std::min<rlim_t>(limit.rlim_cur / 8, 128);
  return static_cast<rlim_t>(descriptor) < limit.rlim_cur - kept;
}

}  // namespace aliquot
