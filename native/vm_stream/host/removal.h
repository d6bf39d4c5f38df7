// Files that are to go when this process ends, however it ends. It is fenced in by then and may remove
// none; a process beside it, which does nothing else, waits for its end.
#pragma once

#include <string>
#include <vector>

#include "protocol/descriptor.h"

namespace aliquot::vm_stream {

/// For files of this process's making. One that another file has taken the place of meanwhile stays.
/// Hold on to what it returns; nothing: no process is to be had.
Descriptor remove_at_end(const std::vector<std::string>& paths);

/// Has them removed, and waits for that, two seconds at most: who starts anew when this process has
/// ended finds none of them.
void remove_now(Descriptor files);

}  // namespace aliquot::vm_stream
