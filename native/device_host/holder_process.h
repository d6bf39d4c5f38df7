// A process that is to hold something until it ends.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "protocol/descriptor.h"

namespace aliquot {

enum class HolderProblem { kNone, kNoProcess, kOthers, kNoDescriptor };

/// A pidfd of the process, if it runs and is the user's own; root may name any.
HolderProblem open_holder(uint32_t process, uid_t user, Descriptor& holder);

}  // namespace aliquot
