"""The command line: finds the command's module and imports nothing else.

argparse and not a library with types: `aliquot run` has 250 ms to start, of which others spend
more than half on their own imports, and one kind of --help for all commands is worth more than a
nicer one for some.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from aliquot.cli.commands import COMMANDS, find_command, overview


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    from aliquot.cli.guard import guarded

    return guarded(_dispatch, given)


def _dispatch(given: list[str]) -> int:
    first = given[0] if given else "--help"
    if first in ("-h", "--help", "help"):
        print(overview(), end="")
        return 0 if given else 2
    if first in ("-V", "--version"):
        from aliquot import __version__

        print(f"aliquot {__version__}")
        return 0
    command = find_command(first)
    if command is None:
        from aliquot.errors import UsageError

        known = ", ".join(entry.name for entry in COMMANDS)
        raise UsageError(f"there is no command {first[:40]!r} (there are {known})")
    return command.load().main(given[1:])
