"""`aliquot bench daemon`: runs it and prints what it found."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from aliquot.bench.daemon.cases import CASES, FULL, SHORT
from aliquot.bench.daemon.measure import measure
from aliquot.bench.daemon.result import Line, Result
from aliquot.cli.signals import leaving_by_signals
from aliquot.devices.opencl import find_device
from aliquot.errors import EXIT_PROBLEM

if TYPE_CHECKING:
    from aliquot.cli.tables import Cell


def run(given: Namespace, say: Callable[[str], None]) -> int:
    """Measure and print."""
    with leaving_by_signals():  # daemons and their folders are left behind by nobody
        result = measure(
            [case for case in CASES if given.case in (None, case.name)],
            SHORT if given.short else FULL,
            lambda: find_device(given.device)[1],
            tolerance=given.tolerance * (2 if given.short else 1),
            progress=say,
        )
    if given.json:
        print(json.dumps(result.as_dict(), indent=2))
    else:
        _print_table(result)
    return 0 if result.holds else EXIT_PROBLEM


def _print_table(result: Result) -> None:
    from aliquot.cli.tables import Column, console, table

    headings = (
        Column("line"),
        Column("measured", right=True),
        Column("unit"),
        Column("bar", right=True),
        Column("holds"),
    )
    rows: list[list[str | Cell]] = [
        [line.name, f"{line.value:.4g}", line.unit, _bar(line), _verdict(line, result.tolerance)]
        for line in result.lines
    ]
    out = console()
    out.print(table(headings, rows))
    for name, why in result.left_out.items():
        out.print(f"\nnot measured: {name} ({why})", markup=False)
    wider = f"bars of time {result.tolerance:g} times as wide, " if result.tolerance != 1 else ""
    out.print(
        f"\n{wider}load of the machine {result.load_before:.2f} before and "
        f"{result.load_after:.2f} after",
        markup=False,
    )


def _bar(line: Line) -> str:
    if line.bar is None:
        return "-"
    return f"{'≥' if line.at_least else '≤'} {line.bar:g}"


def _verdict(line: Line, tolerance: float) -> str | Cell:
    from aliquot.cli.tables import Cell

    if line.bar is None:
        return "-"
    return Cell("yes", "green") if line.holds(tolerance) else Cell("NO", "bold red")
