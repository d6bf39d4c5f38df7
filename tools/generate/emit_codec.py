"""<api>_codec.h: encoded_size, within_limits, encode and decode of every command."""

from __future__ import annotations

from tools.generate.cpp import WIDTH, banner, file_text, wrap_terms
from tools.generate.layout import Layout, layout_of
from tools.generate.table import Command, CommandTable


def _sizes(command: Command, layout: Layout) -> list[str]:
    if not command.arrays:
        return [
            f"constexpr size_t encoded_size(const {command.struct}&) {{ return {layout.fixed}; }}",
            f"constexpr bool within_limits(const {command.struct}&) {{ return true; }}",
        ]
    terms = [f"protocol::padded(command.{f.name}.size_bytes())" for f in command.arrays]
    lines = [f"inline size_t encoded_size(const {command.struct}& command) {{"]
    lines.append(f"  size_t size = {layout.fixed};")
    lines += [f"  size += {term};" for term in terms]
    lines += ["  return size;", "}"]
    lines.append(f"inline bool within_limits(const {command.struct}& command) {{")
    checks = [f"command.{f.name}.size() <= {f.max}" for f in command.arrays]
    lines += wrap_terms("  return ", checks, " &&", ";")
    return [*lines, "}"]


def _encode(command: Command, layout: Layout) -> list[str]:
    lines = [f"inline void encode(const {command.struct}& command, unsigned char* out) {{"]
    lines.append(f"  protocol::FrameWriter writer(out, {layout.fixed});")
    lines.append(f"  writer.header(encoded_size(command), {command.struct}::kOpcode);")
    for slot in layout.slots:
        lines.append(f"  writer.store({slot.offset}, command.{slot.member});")
    for slot in layout.counts:
        lines.append(
            f"  writer.store({slot.offset}, static_cast<uint32_t>(command.{slot.member}.size()));"
        )
    if layout.used != layout.fixed:
        lines.append(f"  writer.store({layout.used}, uint32_t{{0}});")
    lines += [f"  writer.array(command.{f.name});" for f in command.arrays]
    return [*lines, "}"]


def _decode(command: Command, layout: Layout) -> list[str]:
    name = " command" if layout.slots or layout.counts else ""
    lines = [
        f"inline bool decode(std::span<const unsigned char> frame, {command.struct}&{name}) {{",
        f"  protocol::FrameReader reader(frame, {command.struct}::kOpcode, {layout.fixed});",
        "  if (!reader.sound()) return false;",
    ]
    for slot in layout.slots:
        lines.append(f"  command.{slot.member} = reader.load<{slot.cpp}>({slot.offset});")
    if layout.used != layout.fixed:
        lines.append(f"  if (reader.load<uint32_t>({layout.used}) != 0) return false;")
    for array, slot in zip(command.arrays, layout.counts, strict=True):
        count = f"reader.load<uint32_t>({slot.offset})"
        line = f"  if (!reader.array({count}, {array.max}, command.{array.name})) return false;"
        if len(line) > WIDTH:
            lines += [line.removesuffix(" return false;") + " {", "    return false;", "  }"]
        else:
            lines.append(line)
    return [*lines, "  return reader.finished();", "}"]


def emit_codec(table: CommandTable) -> str:
    """The text of the header."""
    purpose = (
        "Commands to frames and back. encoded_size: bytes of the whole frame, a multiple of 8. "
        "within_limits: whether the decoder would take the arrays' lengths. encode: `out` is "
        "8-aligned and has encoded_size bytes. decode: `frame` is an 8-aligned private copy; the "
        "command's spans point into it; false on anything but exactly one well-formed frame."
    )
    lines = banner(table.source, purpose)
    lines += ["#pragma once", "", "#include <cstddef>", "#include <cstdint>", "#include <span>", ""]
    lines += [f'#include "generated/{table.api}_commands.h"', '#include "protocol/frame.h"', ""]
    lines += [f"namespace aliquot::{table.api} {{", ""]
    largest = 0
    for command in table.commands:
        layout = layout_of(command, table.reply_fields)
        largest = max(largest, layout.largest)
        lines += [f"// {command.name}", *_sizes(command, layout), *_encode(command, layout)]
        lines += [*_decode(command, layout), ""]
    lines.append("// The largest frame that the table allows.")
    lines.append(f"constexpr size_t kLargestCommand = {largest};")
    lines += ["static_assert(kLargestCommand <= layout::kLargestFrame);", ""]
    return file_text([*lines, f"}}  // namespace aliquot::{table.api}"])
