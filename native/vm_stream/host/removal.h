// Files that are to go when this process ends, however it ends. It is fenced in by then and may remove
// none; a process beside it, which does nothing else, waits for its end.
#pragma once

#include <string>
#include <vector>

namespace aliquot::vm_stream {

/// For files of this process's making. One that another file has taken the place of meanwhile stays.
/// False: no process is to be had.
bool remove_at_end(const std::vector<std::string>& paths);

}  // namespace aliquot::vm_stream
