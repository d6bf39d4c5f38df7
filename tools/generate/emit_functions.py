"""<api>_functions.h: what the guest driver must define; <api>_exports.*: what a loader can see."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text, wrap_call
from tools.generate.functions import FunctionTable, Parameter


def declared(parameter: Parameter) -> str:
    """`const size_t* region`."""
    return f"{parameter.type} {parameter.name}"


def includes(table: FunctionTable) -> list[str]:
    """The API's own headers, with the defines that they look at."""
    lines: list[str] = []
    for name, value in table.defines.items():
        lines += [f"#ifndef {name}", f"#define {name} {value}", "#endif"]
    return [*lines, *(f"#include <{header}>" for header in table.headers)]


def emit_functions(table: FunctionTable) -> str:
    """The header with a declaration of every function that the guest driver implements."""
    purpose = f"The functions of {table.title} that the guest driver implements."
    lines = [*banner(table.source, purpose), "#pragma once", "", *includes(table), ""]
    lines += [f"namespace aliquot::guest::{table.api} {{", ""]
    lines += [f"using {name} = {text};" for name, text in table.types.items()]
    groups = dict.fromkeys(f.group for f in table.functions if f.implemented)
    for group in groups:
        lines += ["", f"// {group}"]
        for function in table.functions:
            if function.implemented and function.group == group:
                head = f"{function.returns} {table.call_convention} {table.short(function)}("
                lines += wrap_call(head, [declared(p) for p in function.parameters], ");")
    return file_text([*lines, "", f"}}  // namespace aliquot::guest::{table.api}"])


def emit_exports(table: FunctionTable) -> str:
    """The source with the few functions that the library's symbol table shows."""
    purpose = "The functions that loaders find by name; all others are reached through the table."
    lines = [*banner(table.source, purpose), f'#include "generated/{table.api}_functions.h"', ""]
    lines += ['#define ALIQUOT_EXPORT __attribute__((visibility("default")))', "", 'extern "C" {']
    for function in table.functions:
        if not function.exported:
            continue
        head = f"{function.returns} {table.call_convention} {function.name}("
        lines += ["", "ALIQUOT_EXPORT"]
        lines += wrap_call(head, [_foreign(table, p) for p in function.parameters], ") {")
        call = f"return aliquot::guest::{table.api}::{table.short(function)}("
        lines += [*wrap_call(call, [p.name for p in function.parameters], ");", 2), "}"]
    return file_text([*lines, "", '}  // extern "C"'])


def _foreign(table: FunctionTable, parameter: Parameter) -> str:
    """A parameter as seen from outside the namespace that holds the aliases."""
    if parameter.type in table.types:
        return f"aliquot::guest::{table.api}::{declared(parameter)}"
    return declared(parameter)


def emit_version_script(table: FunctionTable) -> str:
    """The linker's version script: shows the exported functions and hides all else."""
    lines = [f"/* Made by `python -m tools.generate` from {table.source}; do not edit. */"]
    lines += ["{", "  global:"]
    lines += [f"    {f.name};" for f in table.functions if f.exported]
    return file_text([*lines, "  local:", "    *;", "};"])
