// How many threads a driver computes on. Intel's CPU runtime has one thread less than the process has
// cores: who waits for a command is meant to compute as well. In a worker nobody waits, for it must be
// free to serve others, and half of a device with two cores would lie idle. No setting gives one thread
// more than there are cores, so the runtime is told of one core more (seen with its releases of 2026).
//
// It then reports one compute unit more; device_report.h and `Connection` take that back.
#pragma once

#include <cstdint>
#include <string>

namespace aliquot::worker {

/// Before the driver is loaded. Does nothing for others than Intel's.
void ask_for_all_threads(const std::string& library);
/// How many compute units too many a driver reports that reports so many.
uint32_t spare_units(uint32_t reported);

}  // namespace aliquot::worker
