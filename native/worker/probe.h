// `aliquot-worker probe`: what one driver has, as JSON, for the discovery of devices. Its keys are
// documented in src/aliquot/devices/opencl.py, which reads them.
#pragma once

#include <string>

namespace aliquot::worker {

/// Loads `library` and describes its platforms and devices. Never fails: a library that is no
/// usable driver gives no platforms and an error sentence.
std::string probe_driver(const char* library);

}  // namespace aliquot::worker
