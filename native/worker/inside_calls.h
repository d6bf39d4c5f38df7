// Calls that a driver's queue makes itself, as native kernels. They are known to it by numbers only: a
// queue that fails before it comes to one never makes it, and one that comes late finds nothing.
#pragma once

#include <CL/cl_icd.h>

#include <cstdint>
#include <functional>

namespace aliquot::worker {

/// Notes a call; returns the number to hand to the driver, never 0.
uint64_t note_call(std::function<void()> call);
/// Makes the call whose number lies at `number`, once. For clEnqueueNativeKernel.
void CL_CALLBACK make_call(void* number);
/// The call will not be made. False: it was, or is being made.
bool drop_call(uint64_t number);

}  // namespace aliquot::worker
