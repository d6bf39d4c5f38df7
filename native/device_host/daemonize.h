// Becoming a background process, and being the only one for a device.
#pragma once

#include <string>

#include "device_host/options.h"
#include "protocol/descriptor.h"

namespace aliquot {

/// Makes the runtime directory and the device's folder in it, private to this user, or where that is
/// root such that others can pass but not list them. False with a sentence in `problem` when they
/// belong to somebody else or can't be made.
bool prepare_folders(const Options& options, std::string& problem);

/// Takes the device's lock; held as long as the descriptor is open. Waits a moment for a device
/// host that is just leaving. Invalid when another one runs.
Descriptor lock_device(const Options& options);

/// Removes sockets that a killed device host left behind. The lock must be held.
void remove_leftovers(const Options& options);

/// Whether somebody listens at the device's control socket.
bool device_host_listens(const Options& options);

/// Goes to the background. In the caller's process it doesn't return: it waits until
/// report_ready() and exits with that status. Returns in the background process, with the
/// descriptor for report_ready().
Descriptor go_to_background();

/// Ends the waiting of the process that was started by the user: 0 says that all is well; else
/// `problem` is written to that process's standard error.
void report_ready(Descriptor& waiting, unsigned char status, const std::string& problem);

}  // namespace aliquot
