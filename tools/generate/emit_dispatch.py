"""<api>_dispatch.h: from a frame to the handler's method."""

from __future__ import annotations

from tools.generate.cpp import banner, file_text
from tools.generate.table import CommandTable


def emit_dispatch(table: CommandTable) -> str:
    """The text of the header."""
    lines = banner(table.source, "From a frame to the handler's method.")
    lines += ["#pragma once", "", "#include <cstdint>", "#include <span>", ""]
    lines += [f'#include "generated/{table.api}_codec.h"', ""]
    lines += [f"namespace aliquot::{table.api} {{", "", "using protocol::Outcome;", ""]
    lines += [
        "// Decodes one frame (an 8-aligned private copy) and calls handler.on(const XCommand&);",
        "// the command's spans are valid during that call only. Takes anything: what isn't one",
        "// well-formed frame is an Outcome, never a crash.",
        "template <class Handler>",
        "Outcome dispatch(Handler& handler, std::span<const unsigned char> frame) {",
        "  protocol::FrameHeader header;",
        "  if (!protocol::read_header(frame, header)) return Outcome::kMalformed;",
        "  const auto pass = [&](auto command) {",
        "    if (!decode(frame, command)) return Outcome::kMalformed;",
        "    handler.on(static_cast<const decltype(command)&>(command));",
        "    return Outcome::kHandled;",
        "  };",
        "  switch (static_cast<Opcode>(header.opcode)) {",
    ]
    for c in table.commands:
        lines += [f"    case Opcode::{c.constant}:", f"      return pass({c.struct}{{}});"]
    lines += ["  }", "  return Outcome::kUnknownOpcode;", "}", ""]
    return file_text([*lines, f"}}  // namespace aliquot::{table.api}"])
