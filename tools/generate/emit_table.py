"""<api>_<dispatch_file>.h and .cpp: the dispatch table, the unsupported functions, the look-up."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text, wrap_call
from tools.generate.emit_functions import includes
from tools.generate.functions import Function, FunctionTable


def _named(table: FunctionTable) -> str:
    return f"{table.api}_{table.dispatch_file}"


def emit_table_header(table: FunctionTable) -> str:
    """Declares the table and the look-ups."""
    purpose = "Every function by its slot and by its name."
    lines = [*banner(table.source, purpose), "#pragma once", ""]
    if table.dispatch is not None:
        lines += [*includes(table), ""]
    lines += [f"namespace aliquot::guest::{table.api} {{", ""]
    if table.dispatch is not None:
        lines += ["// What every object points to: one function a slot, none of them null."]
        lines += [f"extern const {table.dispatch} kDispatchTable;", ""]
    lines += [
        "// The function of that name, even one that only returns an error; nullptr for any other",
        "// name. For loaders that fill a table of their own.",
        "void* find_function(const char* name);",
        "",
        "// Likewise, without the unsupported: programs take a pointer as a promise.",
        "void* find_supported_function(const char* name);",
    ]
    return file_text([*lines, "", f"}}  // namespace aliquot::guest::{table.api}"])


def stub(table: FunctionTable, function: Function, name: str) -> list[str]:
    """The definition of a function that only returns its error."""
    by_parameter = any(p.name == table.error_parameter for p in function.parameters)
    arguments = [
        f"{p.type} {p.name}" if p.name == table.error_parameter else p.type
        for p in function.parameters
    ]
    head = f"{function.returns} {table.call_convention} {name}("
    if function.returns == "void":
        return wrap_call(head, arguments, ") {}")
    lines = wrap_call(head, arguments, ") {")
    if by_parameter:
        out = table.error_parameter
        lines += [f"  if ({out} != nullptr) *{out} = {function.error};", "  return {};"]
    else:
        lines.append(f"  return {function.error or '{}'};")
    return [*lines, "}"]


def _slot(table: FunctionTable, function: Function) -> list[str]:
    if function.slot_value is not None:
        kind = f"decltype({table.dispatch}::{function.name})"
        return [
            f"    .{function.name} = reinterpret_cast<{kind}>(",
            f"        uintptr_t{{{function.slot_value}}}),",
        ]
    pointer = f"&{table.short(function)}"
    if function.untyped:
        pointer = f"reinterpret_cast<void*>({pointer})"
    line = f"    .{function.name} = {pointer},"
    return [line] if len(line) <= 100 else [f"    .{function.name} =", f"        {pointer},"]


def _look_up(table: FunctionTable) -> list[str]:
    lines = ["struct Entry {", "  const char* name;", "  void* function;", "  bool supported;"]
    lines += ["};", "", "// By name, as strcmp has it.", "const Entry kEntries[] = {"]
    for function in sorted(table.functions, key=lambda f: f.name):
        supported = "false" if function.status == "unsupported" else "true"
        pointer = f"reinterpret_cast<void*>(&{table.short(function)})"
        lines += wrap_call("    {", [f'"{function.name}"', pointer, supported], "},")
    return [
        *lines,
        "};",
        "",
        "const Entry* find(const char* name) {",
        "  if (name == nullptr) return nullptr;",
        "  size_t first = 0, last = sizeof kEntries / sizeof kEntries[0];",
        "  while (first < last) {",
        "    const size_t middle = first + (last - first) / 2;",
        "    const int order = std::strcmp(kEntries[middle].name, name);",
        "    if (order == 0) return &kEntries[middle];",
        "    if (order < 0) {",
        "      first = middle + 1;",
        "    } else {",
        "      last = middle;",
        "    }",
        "  }",
        "  return nullptr;",
        "}",
        "",
    ]


def emit_table_source(table: FunctionTable) -> str:
    """Defines the table, the unsupported functions and the look-ups."""
    purpose = "The dispatch table, and functions that are not supported: each returns its error."
    lines = [*banner(table.source, purpose), f'#include "generated/{_named(table)}.h"', ""]
    lines += ["#include <cstddef>", "#include <cstdint>", "#include <cstring>", ""]
    lines += [f'#include "generated/{table.api}_functions.h"', ""]
    lines += [f"namespace aliquot::guest::{table.api} {{", "namespace {", ""]
    for function in table.functions:
        if function.status == "unsupported" and function.alias is None:
            lines += [*stub(table, function, table.short(function)), ""]
    lines += [*_look_up(table), "}  // namespace", ""]
    if table.dispatch is not None:
        slots = [f for f in table.functions if f.slot]
        lines += [
            "// The compiler holds the order of the initializers: the last in place, none lacks.",
            f"static_assert(offsetof({table.dispatch}, {slots[-1].name}) ==",
            f"              {len(slots) - 1} * sizeof(void*));",
        ]
        if any(f.slot_value for f in slots):
            lines.append("static_assert(sizeof(void*) == 8);")
        lines += ["", f"const {table.dispatch} kDispatchTable = {{"]
        for function in slots:
            lines += _slot(table, function)
        lines += ["};", ""]
    lines += [
        "void* find_function(const char* name) {",
        "  const Entry* entry = find(name);",
        "  return entry == nullptr ? nullptr : entry->function;",
        "}",
        "",
        "void* find_supported_function(const char* name) {",
        "  const Entry* entry = find(name);",
        "  return entry == nullptr || !entry->supported ? nullptr : entry->function;",
        "}",
    ]
    return file_text([*lines, "", f"}}  // namespace aliquot::guest::{table.api}"])
