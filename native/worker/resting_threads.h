// A driver's threads that have found no work look for more before they sleep: TBB's, on which Intel's
// CPU runtime computes, for a millisecond, and with each look they yield their processor. While the
// device is another vGPU's they take that time from it, and a turn brings less work than it should.
// So who yields meanwhile sleeps instead. One for the whole process, as threads are.
#pragma once

#include <cstdint>

namespace aliquot::worker {

/// The turn is over: the device is another vGPU's.
void rest_threads();
/// Work is about to be handed to the driver. One load where nobody was told to rest.
void rouse_threads();
/// In a thread that wants to yield its processor. False: it should, as usual.
bool slept_instead_of_yielding();

}  // namespace aliquot::worker
