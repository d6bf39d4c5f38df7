// ALIQUOT_TRACE=<file>: one line a command, in the order in which they enter the ring.
#pragma once

#include <cstdint>

#include "generated/opencl_commands.h"

namespace aliquot::guest::opencl {

extern bool g_tracing;  // constant after the first connection

/// Opens the file that ALIQUOT_TRACE names ("-": stderr), once.
void open_trace();

/// Writes one line of text to the trace.
void write_trace_line(const char* text, size_t length);

/// Prints a command by the generated printer; the connection lock is held.
template <class Command>
void trace_command(const Command& command);

}  // namespace aliquot::guest::opencl
