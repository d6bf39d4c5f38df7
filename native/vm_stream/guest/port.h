// The guest VM's virtio-serial port that leads to the host.
#pragma once

#include <string>

#include "protocol/descriptor.h"

namespace aliquot::vm_stream {

/// Opens a port by its name, or by the path of a device or of a Unix socket in its place. Non-blocking; invalid
/// with errno set where that can't be.
Descriptor open_port(const std::string& name);

}  // namespace aliquot::vm_stream
