"""<api>_functions.h: what the guest driver must define."""

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
        lines += [f"#ifndef {name}", f"#define {name} {value}".rstrip(), "#endif"]
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
