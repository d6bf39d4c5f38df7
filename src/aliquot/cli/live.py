"""What commands that print the same thing again and again have in common."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from aliquot.cli.parser import Parser
from aliquot.errors import UsageError
from aliquot.sizes import parse_duration_ms

if TYPE_CHECKING:
    from rich.table import Table

_SHORTEST_INTERVAL_MS = 100


class Rhythm(NamedTuple):
    """How often, and how many times; None for ever."""

    interval_ms: int
    rounds: int | None

    def beats(self) -> Iterator[int]:
        """The number of each round, from 1, when its time has come."""
        number = 0
        while self.rounds is None or number < self.rounds:
            if number:
                time.sleep(self.interval_ms / 1000)
            number += 1
            yield number


def add_rhythm(parser: Parser, mode: str) -> None:
    """Add --interval and --rounds; `mode` says when they hold, in their help."""
    parser.add_argument(
        "--interval", metavar="TIME", default="1s", help=f"how often {mode} (default: 1s)"
    )
    parser.add_argument(
        "--rounds", metavar="N", type=int, help=f"end by itself {mode} after so many times"
    )


def rhythm(interval: str, rounds: int | None, *, once: bool) -> Rhythm:
    """What --interval and --rounds mean; raises UsageError or BadDuration."""
    interval_ms = parse_duration_ms(interval)
    if interval_ms < _SHORTEST_INTERVAL_MS:
        raise UsageError(f"--interval is shorter than {_SHORTEST_INTERVAL_MS} ms")
    if rounds is not None and rounds < 1:
        raise UsageError("--rounds is less than 1")
    return Rhythm(interval_ms, 1 if once else rounds)


def print_json(collect: Callable[[], dict[str, Any]], when: Rhythm, *, once: bool) -> None:
    """Print what `collect` returns, laid out where it is only once, else a line each time."""
    for _ in when.beats():
        print(json.dumps(collect(), indent=2 if once else None), flush=True)


def show_tables(draw: Callable[[], Table], when: Rhythm) -> None:
    """Show a table that is drawn anew each time, in place of the one before."""
    from rich.live import Live

    from aliquot.cli.tables import console

    with Live(console=console(), auto_refresh=False) as live:
        for _ in when.beats():
            live.update(draw(), refresh=True)


def show(
    collect: Callable[[], dict[str, Any]],
    draw: Callable[[], Table],
    when: Rhythm,
    nothing: str,
    *,
    once: bool,
    as_json: bool,
) -> None:
    """Print JSON or a table, once or again and again; `nothing` for a table without rows."""
    if as_json:
        print_json(collect, when, once=once)
        return
    if not once:
        show_tables(draw, when)
        return
    from aliquot.cli.tables import console

    drawn = draw()
    if drawn.row_count:
        console().print(drawn)
    else:
        print(nothing)
