"""<api>_commands.h: opcodes, object kinds and one plain struct a command."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text, wrap_comment
from tools.generate.table import COSTS, RECORDS, Command, CommandTable, Field, camel


def _note(field: Field) -> str:
    """What the type alone doesn't say."""
    element = field.element
    if element.kind is None:
        return f"at most {field.max}" if field.is_array else ""
    noun = element.kind + ("s" if field.is_array else "")
    text = ("new " if element.new else "") + noun
    if field.is_array:
        return f"{text}, at most {field.max}"
    return text + (" or 0" if field.optional else "")


def _member(field: Field) -> str:
    cpp = field.element.cpp
    text = f"std::span<const {cpp}> {field.name};" if field.is_array else f"{cpp} {field.name} = 0;"
    note = _note(field)
    return f"  {text}" + (f"  // {note}" if note else "")


def _struct(command: Command) -> list[str]:
    told = "Asynchronous." if command.reply is None else f"Reply: {command.reply}."
    facts = f" Cost: {command.cost}." + (
        "" if command.records == "none" else f" Record: {command.records}."
    )
    lines = [*wrap_comment((told + facts).split()), f"struct {command.struct} {{"]
    lines.append(f"  static constexpr Opcode kOpcode = Opcode::{command.constant};")
    if command.reply is not None:
        lines.append("  ReplyTarget reply;")
    return [*lines, *(_member(f) for f in command.fields), "};", ""]


def _switch(head: str, cases: list[tuple[str, str]], otherwise: str) -> list[str]:
    lines = [head + " {", "  switch (opcode) {"]
    for constant, value in cases:
        lines += [f"    case Opcode::{constant}:", f"      return {value};"]
    return [*lines, "  }", f"  return {otherwise};", "}", ""]


def _grouped(head: str, groups: dict[str, list[str]], otherwise: str) -> list[str]:
    lines = [head + " {", "  switch (opcode) {"]
    for value, constants in groups.items():
        if not constants:
            continue
        lines += [f"    case Opcode::{constant}:" for constant in constants]
        lines.append(f"      return {value};")
    return [*lines, "    default:", f"      return {otherwise};", "  }", "}", ""]


def _enums(table: CommandTable) -> list[str]:
    """Opcodes, kinds, and what the table says of commands."""
    lines = ["enum class Opcode : uint16_t {"]
    lines += [f"  {c.constant} = {c.opcode}," for c in table.commands]
    lines += ["};", "", f"constexpr size_t kCommandCount = {len(table.commands)};"]
    lines += ["", "// All opcodes, ascending.", "constexpr Opcode kOpcodes[kCommandCount] = {"]
    lines += [f"    Opcode::{c.constant}," for c in table.commands]
    lines += ["};", "", "// What an id names; each kind has its own table of ids."]
    lines.append("enum class ObjectKind : uint32_t {")
    lines += [f"  k{camel(kind)} = {i}," for i, kind in enumerate(table.kinds)]
    lines += ["};", f"constexpr size_t kObjectKinds = {len(table.kinds)};", ""]
    lines += ["// What the worker does for a command at most.", "enum class Cost : uint8_t {"]
    lines += [f"  k{camel(cost)}," for cost in COSTS]
    lines += ["};", "", "// What a later replay must know of a command."]
    lines.append("enum class Record : uint8_t {")
    lines += [f"  k{camel(record)}," for record in RECORDS]
    return [*lines, "};", ""]


def _facts(table: CommandTable) -> list[str]:
    """Functions from an opcode or a kind to what the table says of it."""
    lines = ['// The command\'s name in the table; "unknown" for a number that is no opcode.']
    names = [(c.constant, f'"{c.name}"') for c in table.commands]
    lines += _switch("constexpr const char* name_of(Opcode opcode)", names, '"unknown"')
    lines.append("// True for commands without a reply slot.")
    answers = {"true": [c.constant for c in table.commands if c.asynchronous]}
    lines += _grouped("constexpr bool is_asynchronous(Opcode opcode)", answers, "false")
    costs = {
        f"Cost::k{camel(cost)}": [c.constant for c in table.commands if c.cost == cost]
        for cost in COSTS[1:]
    }
    lines += _grouped("constexpr Cost cost_of(Opcode opcode)", costs, f"Cost::k{camel(COSTS[0])}")
    records = {
        f"Record::k{camel(record)}": [c.constant for c in table.commands if c.records == record]
        for record in RECORDS[1:]
    }
    lines += _grouped("constexpr Record record_of(Opcode opcode)", records, "Record::kNone")
    lines += ['// The kind\'s name in the table; "unknown" for a number that is no kind.']
    lines += ["constexpr const char* name_of(ObjectKind kind) {", "  switch (kind) {"]
    for kind in table.kinds:
        lines += [f"    case ObjectKind::k{camel(kind)}:", f'      return "{kind}";']
    return [*lines, "  }", '  return "unknown";', "}", ""]


def emit_commands(table: CommandTable) -> str:
    """The text of the header."""
    purpose = "The commands that a guest driver sends to its worker, as plain structs."
    lines = [*banner(table.source, purpose), "#pragma once", ""]
    lines += ["#include <cstddef>", "#include <cstdint>", "#include <span>", ""]
    lines += [f"namespace aliquot::{table.api} {{", "", *_enums(table)]
    lines += ["// Where the worker puts the answer.", "struct ReplyTarget {"]
    for f in table.reply_fields:
        lines.append(f"  {f.element.cpp} {f.name.removeprefix('reply_')} = 0;")
    lines += ["};", ""]
    for command in table.commands:
        lines += _struct(command)
    return file_text([*lines, *_facts(table), f"}}  // namespace aliquot::{table.api}"])
