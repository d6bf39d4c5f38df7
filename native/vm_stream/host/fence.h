// What the host's end is shut in by, once its sockets are made.
#pragma once

namespace aliquot::vm_stream {

/// No capabilities, no new privileges, no file, no network, few system calls, bounded memory. False where
/// the system calls can't be bounded; what else this kernel lacks is left out.
bool shut_in();

}  // namespace aliquot::vm_stream
