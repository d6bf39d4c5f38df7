// The memory that host and guest VM share, as the guest VM sees it: an ivshmem device on its PCI bus.
#pragma once

#include <memory>
#include <string>

#include "vm_stream/plane.h"

namespace aliquot::vm_stream {

/// Looks for the plane that the host offers among the VM's ivshmem devices, or maps `file` in their place where
/// that isn't empty. Null with `problem` said where it isn't there.
std::unique_ptr<Plane> find_plane(const PlaneOffer& offer, const std::string& file,
                                  std::string& problem);

}  // namespace aliquot::vm_stream
