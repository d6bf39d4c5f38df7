"""The option that says how long to wait for what isn't to be had at once."""

from __future__ import annotations

from argparse import Namespace

from aliquot.cli.parser import Parser
from aliquot.sizes import LONGEST_WAIT_MS, parse_duration_ms


def add_wait(parser: Parser, what: str) -> None:
    """Add --wait."""
    parser.add_argument("--wait", metavar="TIME", help=f"{what}, like 30s or 10m")


def wait_of(given: Namespace) -> int | None:
    """Milliseconds that --wait means, None where it isn't given; raises BadDuration."""
    return None if given.wait is None else parse_duration_ms(given.wait, LONGEST_WAIT_MS)
