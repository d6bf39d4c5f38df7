// Which part of the device falls to each vGPU that wants it now.
#pragma once

#include <cstdint>
#include <vector>

#include "device_host/arbiter/shares.h"

namespace aliquot::arbiter {

/// What is known of a vGPU's right to the device.
struct Title {
  Shares shares;
  uint32_t maximum = 1;  // `fixed-share`: how many of its size the device has room for
  bool running = false;  // `equal-share`: it is one of those who share
};

/// The part of the device, of 1, that the vGPU may never exceed. `running`: how many vGPUs do.
double limit_of(const Policy& policy, const Title& title, uint32_t running);

/// The part of the device, of 1, of each of these, which all want it. They sum up to 1, or to less
/// where limits leave some of it to nobody.
std::vector<double> rates_of(const Policy& policy, const std::vector<const Title*>& titles,
                             uint32_t running);

}  // namespace aliquot::arbiter
