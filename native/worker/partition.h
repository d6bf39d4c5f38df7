// Sub-devices of a device whose driver reports more compute units than there are (compute_threads.h).
#pragma once

#include <CL/cl_icd.h>

#include <cstdint>
#include <vector>

namespace aliquot::worker {

/// Makes a list for clCreateSubDevices, which ends with three zeros, one that leaves out the units
/// beyond `units`. Else the error that a driver gives which has no more than those.
cl_int fit_partition(std::vector<cl_device_partition_property>& properties, uint32_t units);

}  // namespace aliquot::worker
