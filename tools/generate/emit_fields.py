"""<api>_fields.h: every command's fields with what the table says of them, for code over all."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text, wrap_call
from tools.generate.table import Command, CommandTable, Field, camel


def _info(field: Field) -> str:
    """The FieldInfo as the header's own short-hands say it."""
    element = field.element
    if element.kind is None:
        return f'number("{field.name}"' + (f", {field.max})" if field.is_array else ")")
    call = "fresh" if element.new else "handle"
    arguments = [f'"{field.name}"', f"ObjectKind::k{camel(element.kind)}"]
    if field.optional:
        arguments.append("true")
    if field.is_array:
        arguments += ["false", str(field.max)]
    return f"{call}({', '.join(arguments)})"


def _overload(command: Command) -> list[str]:
    lines = [
        "template <class Command, class Visitor>",
        f"  requires std::is_same_v<std::remove_const_t<Command>, {command.struct}>",
        "constexpr void for_each_field(Command& command, Visitor&& visit) {",
    ]
    if not command.fields and command.reply is None:
        return [*lines[:2], "constexpr void for_each_field(Command&, Visitor&&) {}", ""]
    if command.reply is not None:
        lines.append("  for_each_reply_field(command.reply, visit);")
    for f in command.fields:
        lines += wrap_call("visit(", [_info(f), f"command.{f.name}"], ");", 2)
    return [*lines, "}", ""]


def _reply(table: CommandTable) -> list[str]:
    lines = ["template <class Reply, class Visitor>"]
    lines.append("constexpr void for_each_reply_field(Reply& reply, Visitor&& visit) {")
    for f in table.reply_fields:
        member = f.name.removeprefix("reply_")
        lines += wrap_call("visit(", [_info(f), f"reply.{member}"], ");", 2)
    return [*lines, "}", ""]


def emit_fields(table: CommandTable) -> str:
    """The text of the header."""
    purpose = "The fields of every command with what the table says of them, for code over all."
    lines = [*banner(table.source, purpose), "#pragma once", "", "#include <cstdint>"]
    lines += ["#include <type_traits>", "", f'#include "generated/{table.api}_commands.h"', ""]
    lines += [f"namespace aliquot::{table.api} {{", ""]
    lines += [
        "enum class HandleUse : uint8_t {",
        "  kNone,    // no id",
        "  kHandle,  // names an object that must be alive",
        "  kNew,     // names an object that the command makes",
        "};",
        "",
        "struct FieldInfo {",
        "  const char* name;",
        "  HandleUse use;",
        "  ObjectKind kind;  // means something only where `use` isn't kNone",
        "  bool optional;    // the id may be 0",
        "  uint32_t max;     // most elements of an array; 0: a scalar",
        "};",
        "",
        "constexpr FieldInfo number(const char* name, uint32_t max = 0) {",
        "  return {name, HandleUse::kNone, ObjectKind{}, false, max};",
        "}",
        "constexpr FieldInfo handle(const char* name, ObjectKind kind, bool optional = false,",
        "                           uint32_t max = 0) {",
        "  return {name, HandleUse::kHandle, kind, optional, max};",
        "}",
        "constexpr FieldInfo fresh(const char* name, ObjectKind kind, bool optional = false,",
        "                          uint32_t max = 0) {",
        "  return {name, HandleUse::kNew, kind, optional, max};",
        "}",
        "",
        "// Calls visit(const FieldInfo&, member) for each field, in the table's order.",
    ]
    lines += _reply(table)
    for command in table.commands:
        lines += _overload(command)
    lines += [
        "// Calls visit(Command{}) with every command of the API.",
        "template <class Visitor>",
    ]
    lines += ["constexpr void for_each_command(Visitor&& visit) {"]
    lines += [f"  visit({command.struct}{{}});" for command in table.commands]
    return file_text([*lines, "}", "", f"}}  // namespace aliquot::{table.api}"])
