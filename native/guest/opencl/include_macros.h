// What `#include NAME` and `#include NAME(…)` stand for.
//
// Only as much of a preprocessor as such lines need: macros without parameters and with one, from -D
// options and #define lines, # before the parameter, and expansion of what comes out. No condition is
// evaluated, so a name that the text defines in two ways stands for nothing here, and the line is left
// to the compiler.
#pragma once

#include <cstddef>

#include "guest/array.h"

namespace aliquot::guest::opencl {

class IncludeMacros {
 public:
  IncludeMacros() = default;
  ~IncludeMacros();
  IncludeMacros(const IncludeMacros&) = delete;
  IncludeMacros& operator=(const IncludeMacros&) = delete;

  /// Takes the -D of build options; these win over what the text says. False: no memory.
  bool read_options(const char* options);
  /// Takes what follows `#define` on its line. False: no memory.
  bool define(const char* text, size_t length);

  /// Writes what the operand of an #include means, comments left out, into `out`, zero-terminated.
  /// False: nothing that begins like the name of a header.
  bool expand(const char* operand, size_t length, char* out, size_t room) const;

 private:
  struct Macro {
    char* text;  // name, parameter and body, each zero-terminated; from malloc
    size_t name_length;
    const char* parameter;  // empty: the macro has none
    const char* body;
    bool from_options;
    bool ambiguous;
  };
  struct Output;

  bool add(const char* name, size_t name_length, const char* rest, size_t rest_length,
           bool from_options);
  const Macro* find(const char* name, size_t length) const;
  bool expand_into(const char* text, size_t length, int depth, Output* out) const;
  bool call(const Macro& macro, const char* argument, size_t length, int depth, Output* out) const;

  Array<Macro> macros_;
  mutable unsigned steps_ = 0;  // of the expansion under way
};

}  // namespace aliquot::guest::opencl
