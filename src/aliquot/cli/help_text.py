"""What --help prints: for the terminal, and for the documents, which are made of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aliquot.cli.parser import Option, Parser

_INDENT = "  "
_MOST_BESIDE = 24  # a longer option has its text below it


def help_text(parser: Parser, columns: int) -> str:
    """The help of a command, in lines of `columns` at most where it isn't laid out by hand."""
    blocks = [f"usage: {usage(parser)}", (parser.description or "").strip()]
    arguments = [option for option in parser.options if not option.names]
    options = [option for option in parser.options if option.names]
    if arguments:
        blocks.append("\n".join(["arguments:", *_lines(arguments, columns)]))
    if options:
        blocks.append("\n".join(["options:", *_lines(options, columns)]))
    blocks += [f"example:\n{_INDENT}{parser.example}", f"exit status: {parser.exit_status}"]
    return "\n\n".join(blocks) + "\n"


def usage(parser: Parser) -> str:
    """How the command is written, in one line."""
    if parser.usage:
        return parser.usage
    words = [parser.prog]
    if any(option.names for option in parser.options):
        words.append("[OPTIONS]")
    words += [_argument(option) for option in parser.options if not option.names]
    return " ".join(words)


def _argument(option: Option) -> str:
    if option.nargs == "?":
        return f"[{option.value}]"
    if option.nargs == "*":
        return f"[{option.value} ...]"
    return f"{option.value} ..." if option.nargs == "+" else option.value


def heading(option: Option) -> str:
    """An option with what follows it, or an argument's name."""
    if not option.names:
        return option.value
    names = ", ".join(option.names)
    return f"{names} {option.value or 'VALUE'}" if option.takes_value else names


def _lines(options: list[Option], columns: int) -> Iterator[str]:
    headings = [heading(option) for option in options]
    width = max((len(text) for text in headings if len(text) <= _MOST_BESIDE), default=0)
    margin = " " * (len(_INDENT) + width + 2)
    for option, text in zip(options, headings, strict=True):
        told = textwrap.wrap(option.text, max(20, columns - len(margin)), break_on_hyphens=False)
        beside = len(text) <= width and bool(told)
        first = f"{_INDENT}{text:<{width}}  {told[0]}" if beside else f"{_INDENT}{text}"
        yield first.rstrip()
        yield from (margin + line for line in told[1 if beside else 0 :])
