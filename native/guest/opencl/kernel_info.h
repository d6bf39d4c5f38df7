// What a launch must know about a kernel on a device.
#pragma once

#include "guest/opencl/internal.h"

namespace aliquot::guest::opencl {

/// Asked for at the first launch that names a work-group size, then kept with the kernel.
struct GroupLimits {
  GroupLimits* next;
  uint32_t device;     // its id
  size_t required[3];  // reqd_work_group_size; zeros: none
  size_t most_items;   // CL_KERNEL_WORK_GROUP_SIZE
};

/// nullptr: no memory. No lock may be held.
const GroupLimits* group_limits(Kernel& kernel, const Device& device);

void free_limits(Kernel& kernel);

}  // namespace aliquot::guest::opencl
