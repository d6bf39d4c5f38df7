// ALIQUOT_TRACE=<file>: one line a command, in the order in which they enter the ring.
#pragma once

#include <cstddef>

#include "generated/opencl_trace.h"

namespace aliquot::guest::opencl {

extern bool g_tracing;  // constant after the first connection

/// Opens the file that ALIQUOT_TRACE names ("-": stderr), once. Each process appends.
void open_trace();

/// Appends one line to the trace; `length` bytes without a newline, fewer than kTraceLine.
void write_trace_line(const char* text, size_t length);

/// Prints a command; the connection lock is held, so lines don't mix.
template <class Command>
void trace_command(const Command& command) {
  char line[aliquot::opencl::kTraceLine];
  write_trace_line(line, format(command, line, sizeof line));
}

}  // namespace aliquot::guest::opencl
