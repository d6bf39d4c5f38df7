"""The man page aliquot(1), made from the same parsers as --help."""

from __future__ import annotations

from collections.abc import Iterator

from aliquot import __version__, environment
from aliquot.cli.commands import COMMANDS
from aliquot.cli.help_text import heading, usage
from aliquot.cli.parser import Option, Parser

_ABOUT = (
    "Aliquot divides physical GPUs into virtual GPUs (vGPUs), each with a memory quota and a share "
    "of the device's time, and runs unmodified programs on them."
)

_LITERAL = str.maketrans(
    {
        "\\": r"\e",
        "-": r"\-",
        "'": r"\(aq",
        "`": r"\(ga",
        '"': r"\(dq",
        "…": "...",
        "→": "->",
    }
)


def page() -> str:
    """The page as roff, with the macros of man(7)."""
    lines = [
        f'.TH ALIQUOT 1 "" "aliquot {__version__}" "User commands"',
        ".ad l",
        ".nh",
        ".SH NAME",
        r"aliquot \- divides physical GPUs into virtual GPUs",
        ".SH SYNOPSIS",
        r".B aliquot",
        r"\fICOMMAND\fR [\fIOPTIONS\fR]",
        ".SH DESCRIPTION",
        _text(_ABOUT),
        ".SH COMMANDS",
    ]
    for command in COMMANDS:
        lines += [".TP", rf"\fB{_text(command.name)}\fR", _text(command.summary)]
    for command in COMMANDS:
        lines += _section(command.load().build_parser())
    lines += [".SH ENVIRONMENT"]
    for variable in environment.VARIABLES:
        lines += [".TP", rf"\fB{_text(variable.name)}\fR", _text(variable.sentence)]
    lines += [
        ".SH ERRORS",
        _text(
            "An error is one line on stderr with a code that stays the same, what happened, and "
            "what to do; with --json that line is JSON."
        ),
        ".SH SEE ALSO",
        r"\fBclinfo\fR(1), \fBsystemctl\fR(1)",
    ]
    return "\n".join(lines) + "\n"


def _section(parser: Parser) -> Iterator[str]:
    yield f'.SH "{_text(parser.prog.upper())}"'
    yield rf"\fB{_text(usage(parser))}\fR"
    yield from _laid_out((parser.description or "").strip())
    if not parser.verbs:
        yield from _options(parser.options)
        yield from _laid_out(f"Example:\n  {parser.example}")
    yield ".PP"
    yield _text(f"Exit status: {' '.join(parser.exit_status.split())}")
    for verb in parser.verbs.values():
        yield f'.SS "{_text(verb.prog)}"'
        yield rf"\fB{_text(usage(verb))}\fR"
        yield from _laid_out((verb.description or "").strip())
        yield from _options(verb.options)
        yield from _laid_out(f"Example:\n  {verb.example}")
        yield ".PP"
        yield _text(f"Exit status: {' '.join(verb.exit_status.split())}")


def _options(options: list[Option]) -> Iterator[str]:
    for option in options:
        if option.names == ["-h", "--help"]:
            continue
        yield ".TP"
        yield rf"\fB{_breakable(heading(option))}\fR"
        yield _text(option.text)


def _breakable(text: str) -> str:
    """A list of words without spaces, which may go on in the next line."""
    return _text(text).replace(",", r",\:")


def _laid_out(text: str) -> Iterator[str]:
    """Lines as they are, since some are tables."""
    yield ".PP"
    yield ".nf"
    yield from (_text(line) for line in text.splitlines())
    yield ".fi"


def _text(text: str) -> str:
    """Text that roff takes literally: no line of it is a request, no character an escape."""
    plain = text.translate(_LITERAL)
    return rf"\&{plain}" if plain.startswith(".") else plain
