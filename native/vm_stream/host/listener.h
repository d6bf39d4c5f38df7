// The socket at which QEMU hands over the guest VM's port.
#pragma once

#include <string>

#include "protocol/descriptor.h"

namespace aliquot::vm_stream {

/// Listens at `path` for streams, mode 0600; what is there already is replaced where nobody listens at it.
/// Invalid with `problem` said where that can't be.
Descriptor listen_for_vm(const std::string& path, std::string& problem);

/// Takes one that waits, non-blocking; invalid where there is none.
Descriptor accept_vm(int listener);

}  // namespace aliquot::vm_stream
