"""One kind of option parser for all commands: same errors, same --help, known to completion."""

from __future__ import annotations

import argparse
import os
from typing import Any, NoReturn

from aliquot.errors import UsageError


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal. Left to find that out itself, argparse imports shutil (5 ms)."""

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns
        except (OSError, ValueError):
            columns = 80
        super().__init__(prog, width=max(40, min(columns, 100)) - 2)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError and remembers its options."""

    def __init__(self, command: str, description: str, *, example: str, exit_status: str) -> None:
        """The parser of `aliquot <command>`; `example` and `exit_status` end its --help."""
        self.options: list[Option] = []
        super().__init__(
            prog=f"aliquot {command}",
            description=description,
            epilog=f"example:\n  {example}\n\nexit status: {exit_status}",
            formatter_class=_Formatter,
            allow_abbrev=False,
        )

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an option or argument as argparse does, and remember it."""
        action = super().add_argument(*names, **settings)
        choices = [str(choice) for choice in action.choices or ()]
        self.options.append(
            Option(
                list(action.option_strings),
                action.help or "",
                choices,
                takes_value=action.nargs != 0,
                is_file=action.metavar == "FILE",
            )
        )
        return action

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing and exiting."""
        raise UsageError(message, remedy=f"see '{self.prog} --help'")


class Option:
    """What completion knows of an option or argument."""

    def __init__(
        self, names: list[str], text: str, choices: list[str], *, takes_value: bool, is_file: bool
    ) -> None:
        """An option with its names; an argument has none."""
        self.names = names
        self.text = text
        self.choices = choices
        self.takes_value = takes_value
        self.is_file = is_file


def add_json(parser: Parser, what: str = "print JSON instead of a table") -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help=what)


def add_device(parser: Parser) -> None:
    """Add --device."""
    parser.add_argument(
        "--device",
        metavar="D",
        help="index, UUID or unique part of a name, as 'aliquot devices' prints them "
        "(default: the first GPU, else the first software device)",
    )
