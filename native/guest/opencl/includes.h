// Headers that a program's text includes from the file system.
//
// The driver below runs in another process, fenced off from the files of the program. Where build
// options name folders (-I), or the line names the whole path, the guest driver puts the text of the
// headers in the place of the #include lines itself, with #line marks so that the compiler's messages
// keep their places. `#include NAME(…)` is followed where the macro is simple enough
// (include_macros.h). What isn't found is left to the driver to complain about.
#pragma once

#include <cstddef>

namespace aliquot::guest::opencl {

struct ExpandedText {
  char* data = nullptr;  // from malloc, zero-terminated; nullptr: the text is right as it is
  size_t bytes = 0;
  bool no_memory = false;
};

/// Expands the #include lines of `text` for these build options, which may be nullptr. Without an
/// #include in the text, this looks at it and does nothing.
ExpandedText expand_includes(const char* text, size_t bytes, const char* options);

}  // namespace aliquot::guest::opencl
