// What a worker says last when it crashes: which signal it was and, for each call on the stack, in which
// library. Without it a driver's crash is a number in the log, and nobody can tell whose fault it was.
#pragma once

namespace aliquot::worker {

/// To be called once. Writes to standard error, which the device host logs, and lets the signal end the
/// worker. Without a word end a thread that has overrun its stack and, mostly, a kernel on Intel's runtime:
/// that has a handler of its own, which comes first and fails itself on code that nobody can unwind.
void report_crashes();

}  // namespace aliquot::worker
