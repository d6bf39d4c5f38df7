"""`aliquot bench remoting`: runs it and prints what it found."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable

from aliquot.bench import promises
from aliquot.bench.remoting import Result, compare
from aliquot.devices.opencl import find_device
from aliquot.errors import EXIT_PROBLEM, UsageError

_MOST_ROUNDS = 100


def run(given: Namespace, say: Callable[[str], None]) -> int:
    """Measure and print."""
    if not 1 <= given.rounds <= _MOST_ROUNDS:
        raise UsageError(f"--rounds is not between 1 and {_MOST_ROUNDS}")
    if not 0.001 <= given.scale <= 10:
        raise UsageError("--scale is not between 0.001 and 10")
    _, device = find_device(given.device)
    result = compare(
        device,
        rounds=given.rounds,
        transfer=given.transfer,
        scale=given.scale,
        tolerance=given.tolerance,
        progress=say,
    )
    if given.json:
        print(json.dumps({"device": device.as_dict(), **result.as_dict()}, indent=2))
    else:
        _print_table(result, device.name)
    return 0 if all(line.holds for line in result.lines) else EXIT_PROBLEM


def _print_table(result: Result, device_name: str) -> None:
    from aliquot.cli.tables import Cell, Column, console, table

    headings = (
        Column("line"),
        Column("native", right=True),
        Column("vGPU", right=True),
        Column("unit"),
        Column("ratio", right=True),
        Column("bar", right=True),
        Column("aim", right=True),
        Column("holds"),
    )
    rows: list[list[str | Cell]] = []
    for line in result.lines:
        bar = line.promise.bar_for(result.transfer)
        sign = "≤" if line.promise.better is promises.Better.LESS else "≥"
        plus = "+" if line.promise.added else ""
        rows.append(
            [
                line.promise.name,
                f"{line.native:.4g}",
                f"{line.vgpu:.4g}",
                line.unit,
                f"{line.value:+.1f} ms" if line.promise.added else f"{line.value:.3g}",
                f"{sign} {plus}{bar.bar:g}",
                f"{plus}{bar.aim:g}",
                Cell("yes", "green") if line.holds else Cell("NO", "bold red"),
            ]
        )
    out = console()
    out.print(table(headings, rows))
    out.print(
        f"\n{device_name}: medians of {result.rounds} alternating rounds, transfer "
        f"{result.transfer}, load of the machine {result.load_before:.2f} before and "
        f"{result.load_after:.2f} after",
        markup=False,
    )
