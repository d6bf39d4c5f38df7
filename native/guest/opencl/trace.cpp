#include "guest/opencl/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

namespace aliquot::guest::opencl {

bool g_tracing = false;

namespace {

int g_file = -1;

}  // namespace

void open_trace() {
  if (g_file >= 0) return;
  const char* name = secure_getenv("ALIQUOT_TRACE");
  if (name == nullptr || *name == 0) return;
  g_file = strcmp(name, "-") == 0
               ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
               : open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (g_file < 0) {
    fprintf(stderr, "aliquot: the trace file %s can't be opened; the program runs untraced\n",
            name);
    return;
  }
  g_tracing = true;
}

void write_trace_line(const char* text, size_t length) {
  char newline = '\n';
  const iovec parts[2] = {{const_cast<char*>(text), length}, {&newline, 1}};
  // A full disk loses lines, not the program.
  if (writev(g_file, parts, 2) < 0) g_tracing = false;
}

}  // namespace aliquot::guest::opencl
