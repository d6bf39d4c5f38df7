// What a vGPU says of itself: the driver's own answers, changed where the vGPU differs, and without
// what does not work through it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/driver.h"
#include "worker/reply.h"

namespace aliquot::worker {

struct ReportLimits {
  uint64_t memory_limit = 0;  // bytes
  uint64_t device_type = 0;   // a cl_device_type; 0: the driver's own
};

/// Reports of the devices to which a movable vGPU may move.
using OtherReports = std::vector<std::vector<unsigned char>>;

/// Takes apart what kReports brings. False: it is not that.
bool read_reports(std::span<const unsigned char> bytes, OtherReports& reports);

/// The report of what is true of `device` and of those of `others`.
std::vector<unsigned char> common_device_report(const Driver& driver, cl_device_id device,
                                                const ReportLimits& limits,
                                                const OtherReports& others);

/// Writes every information query of the platform and of `device`, as commands.toml has the answer
/// to `snapshot`. Queries that answer with handles or reference counts are the guest driver's.
void write_device_report(const Driver& driver, cl_device_id device, const ReportLimits& limits,
                         ReplyBytes& out);

}  // namespace aliquot::worker
