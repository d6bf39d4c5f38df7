"""<api>_grammar.h: the shape of every frame as data, for the fuzzers."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text
from tools.generate.layout import Layout, layout_of
from tools.generate.table import Command, CommandTable, Element


def _shape(element: Element) -> str:
    if element.type == "u8":
        return "Shape::kByte"
    if element.kind is not None:
        return "Shape::kNewId" if element.new else "Shape::kId"
    return "Shape::kNumber64" if element.size == 8 else "Shape::kNumber32"


def _rows(command: Command, layout: Layout) -> list[str]:
    by_name = {f.name: f.element for f in command.scalars}
    lines: list[str] = []
    if layout.slots:
        lines.append(f"constexpr ScalarShape k{command.struct}Scalars[] = {{")
        for slot in layout.slots:
            element = by_name.get(slot.member, Element("u64" if slot.size == 8 else "u32"))
            lines.append(f"    {{{slot.offset}, {_shape(element)}}},  // {slot.member}")
        lines.append("};")
    if command.arrays:
        lines.append(f"constexpr ArrayShape k{command.struct}Arrays[] = {{")
        for array, slot in zip(command.arrays, layout.counts, strict=True):
            lines.append(
                f"    {{{slot.offset}, {_shape(array.element)}, {array.max}}},  // {array.name}"
            )
        lines.append("};")
    return lines


def emit_grammar(table: CommandTable) -> str:
    """The text of the header."""
    purpose = (
        "The shape of every frame as data. protocol::FrameBuilder makes frames from it for the "
        "fuzzers: mostly valid ones with small ids that name each other's objects."
    )
    lines = [*banner(table.source, purpose), "#pragma once", ""]
    lines += ['#include "protocol/frame_builder.h"', ""]
    lines += [f"namespace aliquot::{table.api}::grammar {{", ""]
    lines += ["using protocol::ArrayShape;", "using protocol::CommandShape;"]
    lines += ["using protocol::ScalarShape;", "using protocol::Shape;", ""]
    entries: list[str] = []
    for command in table.commands:
        layout = layout_of(command, table.reply_fields)
        lines += [f"// {command.name}", *_rows(command, layout), ""]
        scalars = f"k{command.struct}Scalars" if layout.slots else "{}"
        arrays = f"k{command.struct}Arrays" if command.arrays else "{}"
        entry = f"    {{{command.opcode}, {layout.fixed}, {scalars}, {arrays}}},"
        if len(entry) > 100:
            entries.append(f"    {{{command.opcode}, {layout.fixed}, {scalars},")
            entries.append(f"     {arrays}}},")
        else:
            entries.append(entry)
    lines += ["// All commands, by opcode.", "constexpr CommandShape kCommands[] = {", *entries]
    lines += ["};", "", f"}}  // namespace aliquot::{table.api}::grammar"]
    return file_text(lines)
