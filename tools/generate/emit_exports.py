"""<api>_exports.cpp and .map: the functions that the library's symbol table shows."""

from __future__ import annotations

from dataclasses import replace

from tools.generate.cpp import banner, file_text, wrap_call
from tools.generate.emit_functions import declared
from tools.generate.emit_table import stub
from tools.generate.functions import Function, FunctionTable


def _seen_from_outside(table: FunctionTable, function: Function) -> Function:
    """The function with the table's type aliases spelled with their namespace."""
    parameters = tuple(
        replace(p, type=f"entry::{p.type}") if p.type in table.types else p
        for p in function.parameters
    )
    return replace(function, parameters=parameters)


def emit_exports(table: FunctionTable) -> str:
    """The source that defines them, with C linkage."""
    purpose = "The functions that loaders find by name; all others are reached through the table."
    lines = [*banner(table.source, purpose), f'#include "generated/{table.api}_functions.h"', ""]
    lines += [f"namespace entry = aliquot::guest::{table.api};", ""]
    lines += ['#define ALIQUOT_EXPORT __attribute__((visibility("default")))', "", 'extern "C" {']
    for function in table.functions:
        if not function.exported:
            continue
        function = _seen_from_outside(table, function)
        lines += ["", "ALIQUOT_EXPORT"]
        if function.status == "unsupported":
            lines += stub(table, function, function.name)
            continue
        head = f"{function.returns} {table.call_convention} {function.name}("
        lines += wrap_call(head, [declared(p) for p in function.parameters], ") {")
        call = f"return entry::{table.short(function)}("
        lines += [*wrap_call(call, [p.name for p in function.parameters], ");", 2), "}"]
    return file_text([*lines, "", '}  // extern "C"'])


def emit_version_script(table: FunctionTable) -> str:
    """The linker's version script: shows the exported functions and hides all else."""
    lines = [f"/* Made by `python -m tools.generate` from {table.source}; do not edit. */"]
    lines += ["{", "  global:"]
    lines += [f"    {f.name};" for f in table.functions if f.exported]
    return file_text([*lines, "  local:", "    *;", "};"])
