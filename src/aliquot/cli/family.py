"""Commands that have commands of their own, like `aliquot group create`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aliquot.cli.parser import Parser
from aliquot.errors import UsageError


class Verb(NamedTuple):
    """What can be done: a word, what it does, its options, and the doing."""

    name: str
    summary: str
    build_parser: Callable[[], Parser]
    main: Callable[[Sequence[str]], int]


class Family:
    """The verbs of one command. A module of a command forwards to its family."""

    def __init__(self, name: str, description: str, verbs: Sequence[Verb]) -> None:
        """The command `name` with its verbs, in the order of its help."""
        self.name = name
        self.description = description
        self.verbs = {verb.name: verb for verb in verbs}

    def build_parser(self) -> Parser:
        """For the help of the family as a whole; it knows the parsers of its verbs."""
        width = max(len(name) for name in self.verbs)
        listed = "\n".join(f"  {v.name:<{width}}  {v.summary}" for v in self.verbs.values())
        parsers = [verb.build_parser() for verb in self.verbs.values()]
        own_help = f"aliquot {self.name} {next(iter(self.verbs))} --help"
        parser = Parser(
            self.name,
            f"{self.description}\n\n{listed}",
            example=parsers[0].example,
            exit_status=f"0; 2 for an error. Each has its own --help, as in '{own_help}'.",
        )
        parser.usage = f"aliquot {self.name} {{{','.join(self.verbs)}}} [OPTIONS]"
        parser.add_argument("what", choices=list(self.verbs), help="what to do")
        parser.verbs = dict(zip(self.verbs, parsers, strict=True))
        return parser

    def main(self, arguments: Sequence[str]) -> int:
        """Do what the first argument says."""
        first = arguments[0] if arguments else ""
        if first in ("-h", "--help"):
            self.build_parser().print_help()
            return 0
        verb = self.verbs.get(first)
        if verb is None:
            said = f"there is no 'aliquot {self.name} {first[:40]}'" if first else "nothing is said"
            raise UsageError(
                f"{said} (there are {', '.join(self.verbs)})",
                remedy=f"see 'aliquot {self.name} --help'",
            )
        return verb.main(arguments[1:])
