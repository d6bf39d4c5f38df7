"""One kind of option parser for all commands: same errors, same --help, known to completion."""

from __future__ import annotations

import argparse
import os
from typing import Any, NoReturn

from aliquot.errors import UsageError

# By the word that stands for a value in --help: whose names the value is one of.
_KINDS = {
    "VGPU": "vgpus",
    "D": "devices",
    "DEVICE": "devices",
    "PROFILE": "profiles",
    "LEASE": "leases",
    "GROUP": "groups",
    "TOKEN": "tokens",
}


# A wider line is harder to read, a narrower one leaves no room beside the options.
_NARROWEST, _WIDEST, _USUAL = 40, 100, 80


def _formatter(prog: str) -> argparse.HelpFormatter:
    # argparse makes one to check an argument; unless it is told a width it imports shutil (5 ms).
    return argparse.HelpFormatter(prog, width=_USUAL)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError and remembers its options."""

    def __init__(self, command: str, description: str, *, example: str, exit_status: str) -> None:
        """The parser of `aliquot <command>`; `example` and `exit_status` end its --help."""
        self.options: list[Option] = []
        self.example = example
        self.exit_status = exit_status
        self.verbs: dict[str, Parser] = {}  # of a command that has commands of its own
        super().__init__(
            prog=f"aliquot {command}",
            description=description,
            allow_abbrev=False,
            formatter_class=_formatter,
        )

    def format_help(self) -> str:
        """What --help prints, as wide as the terminal."""
        # Not argparse's own, which looks another way in each Python.
        from aliquot.cli.help_text import help_text

        try:
            columns = os.get_terminal_size().columns
        except (OSError, ValueError):
            columns = _USUAL
        return help_text(self, max(_NARROWEST, min(columns, _WIDEST)))

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
                value=action.metavar if isinstance(action.metavar, str) else "",
                nargs=action.nargs if isinstance(action.nargs, str) else "",
            )
        )
        return action

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing and exiting."""
        raise UsageError(message, remedy=f"see '{self.prog} --help'")


class Option:
    """What completion knows of an option or argument."""

    def __init__(
        self,
        names: list[str],
        text: str,
        choices: list[str],
        *,
        takes_value: bool,
        is_file: bool,
        value: str = "",
        nargs: str = "",
    ) -> None:
        """An option with its names; an argument has none. `value` stands for what follows."""
        self.names = names
        self.text = text
        self.choices = choices
        self.takes_value = takes_value
        self.is_file = is_file
        self.value = value or (f"{{{','.join(choices)}}}" if choices else "")
        self.nargs = nargs

    @property
    def kind(self) -> str | None:
        """What a daemon could list: whose names the value is one of."""
        return _KINDS.get(self.value)


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
