"""<api>_trace.h and .cpp: one readable line a command."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text
from tools.generate.table import Command, CommandTable, Field


def emit_trace_header(table: CommandTable) -> str:
    """Declares one overload a command and one for whole frames."""
    purpose = (
        "Prints commands, one line each, into a caller's buffer: no allocation, no exceptions, "
        "no stdio. Lines have no newline, end in a zero that `capacity` includes, and are cut "
        "with ... where they don't fit. Returned is the length without the zero."
    )
    lines = [*banner(table.source, purpose), "#pragma once", "", "#include <cstddef>"]
    lines += ["#include <span>", "", f'#include "generated/{table.api}_commands.h"', ""]
    lines += [f"namespace aliquot::{table.api} {{", ""]
    lines.append("// A good capacity: only unusually long lines are cut.")
    lines += ["constexpr size_t kTraceLine = 1024;", ""]
    for command in table.commands:
        lines.append(f"size_t format(const {command.struct}& command, char* out, size_t capacity);")
    lines += [
        "",
        "// A whole frame, from anywhere; one that is malformed is named as such. `frame` is an",
        "// 8-aligned private copy.",
        "size_t format_frame(std::span<const unsigned char> frame, char* out, size_t capacity);",
        "",
        f"}}  // namespace aliquot::{table.api}",
    ]
    return file_text(lines)


def _value(field: Field, member: str) -> str:
    if field.element.type == "u8":
        return f"line.{'quoted' if field.show == 'text' else 'bytes'}({member});"
    base = ", 16" if field.show == "hex" else ""
    if field.is_array:
        return f"line.array({member}{base});"
    if field.element.type == "i32":
        return f"line.signed_number({member});"
    return f"line.number({member}{base});"


def _format(command: Command) -> list[str]:
    name = " command" if command.fields or command.reply is not None else ""
    head = f"size_t format(const {command.struct}&{name}, char* out, size_t capacity) {{"
    lines = [head, "  LineWriter line(out, capacity);", f'  line.text("{command.name}");']
    if command.reply is not None:
        lines.append("  print_reply(line, command.reply);")
    for field in command.fields:
        lines.append(f'  line.text(" {field.name}=");')
        lines.append("  " + _value(field, f"command.{field.name}"))
    return [*lines, "  return line.finish();", "}", ""]


def emit_trace_source(table: CommandTable) -> str:
    """Defines them."""
    lines = banner(table.source, "Prints commands.")
    lines += [f'#include "generated/{table.api}_trace.h"', ""]
    lines += [f'#include "generated/{table.api}_dispatch.h"', '#include "protocol/line_writer.h"']
    lines += ["", f"namespace aliquot::{table.api} {{", "namespace {", ""]
    lines += ["using protocol::LineWriter;", ""]
    lines.append("void print_reply(LineWriter& line, const ReplyTarget& reply) {")
    for field in table.reply_fields:
        lines.append(f'  line.text(" {field.name}=");')
        lines.append("  " + _value(field, f"reply.{field.name.removeprefix('reply_')}"))
    lines += [
        "}",
        "",
        "// Passes each command on to its printer.",
        "struct Printer {",
        "  char* out;",
        "  size_t capacity;",
        "  size_t length = 0;",
        "",
        "  template <class Command>",
        "  void on(const Command& command) {",
        "    length = format(command, out, capacity);",
        "  }",
        "};",
        "",
        "}  // namespace",
        "",
    ]
    for command in table.commands:
        lines += _format(command)
    lines += [
        "size_t format_frame(std::span<const unsigned char> frame, char* out, size_t capacity) {",
        "  Printer printer{out, capacity};",
        "  const Outcome outcome = dispatch(printer, frame);",
        "  if (outcome == Outcome::kHandled) return printer.length;",
        "  LineWriter line(out, capacity);",
        "  const bool malformed = outcome == Outcome::kMalformed;",
        '  line.text(malformed ? "malformed frame " : "frame with an unknown opcode ");',
        "  line.bytes(frame);",
        "  return line.finish();",
        "}",
        "",
    ]
    return file_text([*lines, f"}}  // namespace aliquot::{table.api}"])
