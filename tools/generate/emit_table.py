"""<api>_<dispatch_file>.h and .cpp: the dispatch table, the unsupported functions, the look-up."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text, wrap_call
from tools.generate.functions import Function, FunctionTable


def _named(table: FunctionTable) -> str:
    return f"{table.api}_{table.dispatch_file}"


def emit_table_header(table: FunctionTable) -> str:
    """Declares the table and the look-ups."""
    purpose = "Every function by its slot and by its name."
    lines = [*banner(table.source, purpose), "#pragma once", ""]
    if table.dispatch is not None:
        lines += ["#include <cstddef>", ""]
    lines += [f"namespace aliquot::guest::{table.api} {{", ""]
    if table.dispatch is not None:
        lines += [
            f"// What every object points to, laid out as {table.dispatch}: one function a slot.",
            "// Null slots follow, for loaders that know more slots than this table.",
            "constexpr size_t kReservedSlots = 16;",
            "extern void* const kDispatchTable[];",
            "",
        ]
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


def _checks(table: FunctionTable, slots: list[Function]) -> list[str]:
    """Has the compiler compare the place and the type of every slot with the API's own header."""
    lines = [
        "// The place of a slot, and its type where the header gives one.",
        "#define ALIQUOT_PLACE(index, slot) \\",
        f"  static_assert(offsetof({table.dispatch}, slot) == (index) * sizeof(void*))",
        "#define ALIQUOT_SLOT(index, slot, function) \\",
        "  ALIQUOT_PLACE(index, slot); \\",
        f"  static_assert(std::is_same_v<decltype({table.dispatch}::slot), decltype(&function)>)",
    ]
    for index, function in enumerate(slots):
        if function.newer:
            continue
        if function.untyped:
            lines.append(f"ALIQUOT_PLACE({index}, {function.name});")
        else:
            arguments = [str(index), function.name, table.short(function)]
            lines += wrap_call("ALIQUOT_SLOT(", arguments, ");")
    return [*lines, "#undef ALIQUOT_SLOT", "#undef ALIQUOT_PLACE", ""]


def _slots(table: FunctionTable) -> list[str]:
    """The dispatch table itself."""
    slots = [f for f in table.functions if f.slot]
    lines = _checks(table, slots)
    lines += [f"void* const kDispatchTable[{len(slots)} + kReservedSlots] = {{"]
    for function in slots:
        if function.slot_value is None:
            lines.append(f"    reinterpret_cast<void*>(&{table.short(function)}),")
        else:
            lines.append(f"    reinterpret_cast<void*>(uintptr_t{{{function.slot_value}}}),")
    return [*lines, "};", ""]


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
    lines += ["#include <cstdint>", "#include <cstring>", "#include <type_traits>", ""]
    lines += [f'#include "generated/{table.api}_functions.h"', ""]
    lines += [f"namespace aliquot::guest::{table.api} {{", "namespace {", ""]
    for function in table.functions:
        if function.status == "unsupported" and function.alias is None:
            lines += [*stub(table, function, table.short(function)), ""]
    lines += [*_look_up(table), "}  // namespace", ""]
    if table.dispatch is not None:
        lines += _slots(table)
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
