"""Asks before something is done that can't be undone."""

from __future__ import annotations

import sys
from argparse import Namespace

from aliquot.cli.parser import Parser
from aliquot.errors import NotConfirmed


def add_yes(parser: Parser) -> None:
    """Add --yes."""
    parser.add_argument("--yes", action="store_true", help="don't ask")


def confirmed(given: Namespace, what: str) -> None:
    """Return where it was confirmed; raises NotConfirmed, without a terminal at once."""
    if given.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NotConfirmed(f"{what} needs a confirmation, and there is no terminal to ask on")
    print(f"{what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise NotConfirmed(f"{what} was not confirmed", remedy="nothing has changed")
