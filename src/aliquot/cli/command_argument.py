"""The command that is to run on a vGPU, after our own options: one kind for `run` and `exec`."""

from __future__ import annotations

import os

from aliquot.cli.parser import Parser, add_json
from aliquot.errors import BadTraceFile, UsageError


def add_command(parser: Parser) -> None:
    """Add COMMAND, and the options about what is told of it."""
    parser.add_argument(
        "--trace", metavar="FILE", help="write one line for each OpenCL command to this file"
    )
    parser.add_argument(
        "--receipt",
        action="store_true",
        help="at the end, say what was promised, what was received and where the time went",
    )
    parser.add_argument("--quiet", action="store_true", help="don't print which slice it is")
    add_json(parser, "print which slice it is, and at the end the receipt, as JSON (on stderr)")
    parser.add_argument("command", metavar="COMMAND", nargs="*", help="the command to run")


def split(parser: Parser, arguments: list[str], *, before: int = 0) -> tuple[list[str], list[str]]:
    """Our options, and the command, with or without a `--` before it.

    `before`: how many arguments of our own come before the command.
    """
    takes_value = {name for option in parser.options if option.takes_value for name in option.names}
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        if argument == "--":
            return arguments[:index], arguments[index + 1 :]
        if not argument.startswith("-"):
            if not before:
                return arguments[:index], arguments[index:]
            before -= 1
        index += 2 if argument in takes_value else 1
    return arguments, []


def needed(command: list[str]) -> None:
    """Raise UsageError where there is no command."""
    if not command:
        raise UsageError("there is no command to run", remedy="write it after '--'")


def trace_file(given: str | None) -> str | None:
    """The path that --trace means, made empty; raises BadTraceFile."""
    if given is None:
        return None
    path = os.path.abspath(given)
    try:
        with open(path, "w", encoding="utf-8"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadTraceFile(f"{given!r} can't be written ({reason})") from error
    return path
