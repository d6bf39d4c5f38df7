// What of a device's report limits programs: whether all that one report promises is true of another
// device, and what is true of both. Names, versions of drivers and what only makes programs faster
// limit nobody.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace aliquot::worker {

using ReportSpan = std::span<const unsigned char>;

/// What programs were told by `told` and is not true of the device of `here`; empty: nothing. Both as
/// commands.toml has the answer to `snapshot`; one that isn't lacks everything.
std::string lacking(ReportSpan told, ReportSpan here);

/// `own` with no more than is true of both: what limits programs as the weaker one has it, and the
/// rest as it is. Empty where either is no report.
std::vector<unsigned char> common_report(ReportSpan own, ReportSpan other);

/// A number of the report; 0 where it has none of this size.
uint64_t report_number(ReportSpan report, uint32_t parameter);

}  // namespace aliquot::worker
