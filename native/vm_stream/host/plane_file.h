// The file whose memory is a plane: QEMU maps it as well, as the memory of the guest VM's ivshmem device.
#pragma once

#include <memory>
#include <string>

#include "vm_stream/plane.h"

namespace aliquot::vm_stream {

/// Makes a plane at `path`, mode 0600, with all of its memory taken from the file system; what an earlier one
/// left there is replaced, any other file isn't. Null with `problem` said where that can't be.
std::unique_ptr<Plane> make_plane(const std::string& path, uint64_t bytes, std::string& problem);

/// Whether what is at `path` lies in memory alone, and not on a disk.
bool lies_in_memory(const std::string& path);

}  // namespace aliquot::vm_stream
