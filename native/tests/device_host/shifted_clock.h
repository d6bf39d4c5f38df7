// The monotonic clock of this program, which a test may put forward: what is due in a minute is due
// at once.
#pragma once

#include <cstdint>

namespace aliquot {

void put_clock_forward(uint64_t milliseconds);

}  // namespace aliquot
