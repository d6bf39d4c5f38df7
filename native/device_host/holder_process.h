// A process that is to hold something until it ends.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "protocol/descriptor.h"

namespace aliquot {

enum class HolderProblem { kNone, kNoProcess, kOthers, kNoDescriptor };

/// A pidfd of the process, if it runs and belongs to the user who asks, or to `owner` where that
/// user is root.
HolderProblem open_holder(uint32_t process, uid_t user, uid_t owner, Descriptor& holder);

}  // namespace aliquot
