"""`aliquot bench fairness`: runs it, prints what it found and draws the picture."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aliquot.bench.fairness.cases import CASES, Aim, Case
from aliquot.bench.fairness.measure import FULL, SHORT, measure
from aliquot.bench.fairness.picture import draw
from aliquot.bench.fairness.result import Outcome, Result
from aliquot.devices.opencl import find_device
from aliquot.errors import EXIT_PROBLEM, BadPictureFile

if TYPE_CHECKING:
    from aliquot.cli.tables import Cell

_NOISY = 0.1  # of all processors; of the speed of kernels alone, before and after
_COLUMNS = (
    "device kept busy",
    "1 s, 95 of 100 windows",
    "1 s, all windows",
    "5 s, all windows",
)
# These promises have no column; they are told below the table.
_TOLD_BELOW = (Aim.EACH, Aim.FIXED, Aim.RESIZE, Aim.LATENCY, Aim.RETURN)


def run(given: Namespace, say: Callable[[str], None]) -> int:
    """Measure, print and draw."""
    picture = os.path.abspath(given.picture)
    _write(picture, "")  # now, and not after minutes of measuring
    _, device = find_device(given.device)
    result = measure(
        device,
        _chosen(given),
        SHORT if given.short else FULL,
        tolerance=given.tolerance * (2 if given.short else 1),
        progress=say,
    )
    _write(picture, draw(result, device.name))
    if given.json:
        told = {"device": device.as_dict(), "picture": picture, **result.as_dict()}
        print(json.dumps(told, indent=2))
    else:
        _print_table(result, device.name, picture)
    return 0 if result.holds else EXIT_PROBLEM


def _chosen(given: Namespace) -> list[Case]:
    """The case that was named; else all of the short form, or of the full one."""
    if given.case:
        return [case for case in CASES if case.name == given.case]
    return [case for case in CASES if case.in_short or not given.short]


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadPictureFile(f"{path!r} can't be written ({reason})") from error


def _print_table(result: Result, device_name: str, picture: str) -> None:
    from aliquot.cli.tables import Column, console, table

    headings = (
        Column("case"),
        Column("share, %"),
        Column("by accounts"),
        Column("busy", right=True),
        Column("1 s, 95 %", right=True),
        Column("1 s, worst", right=True),
        Column("5 s, worst", right=True),
        Column("verdict"),
    )
    rows: list[list[str | Cell]] = []
    for outcome in result.outcomes:
        values = {check.promise: check for check in outcome.checks}
        rows.append(
            [
                outcome.case.name,
                _listed(outcome.shares),
                _listed(outcome.accounts),
                *(
                    f"{values[promise].value:.2f}" if promise in values else "-"
                    for promise in _COLUMNS
                ),
                _verdict(outcome),
            ]
        )
    out = console()
    out.print(table(headings, rows))
    for line in _notes(result, device_name, picture):
        out.print(line, markup=False)


def _verdict(outcome: Outcome) -> Cell:
    from aliquot.cli.tables import Cell

    if not outcome.missed:
        return Cell("PASS", "green")
    return Cell("; ".join(check.missed() for check in outcome.missed), "bold red")


def _notes(result: Result, device_name: str, picture: str) -> list[str]:
    """What the numbers mean, what they were measured on, and how noisy it was."""
    notes = [
        "",
        "Windows: points of percent between a tenant's share of all work and its promise, of all "
        "tenants the worst.",
    ]
    for outcome in result.outcomes:
        for check in outcome.checks:
            if check.promise == "Jain's index":
                notes.append(f"{outcome.case.name}: Jain's index {check.value:.5f}.")
            elif outcome.case.aim in _TOLD_BELOW and check.promise not in _COLUMNS:
                notes.append(
                    f"{outcome.case.name}: {check.promise}: {check.value:.2f} {check.unit}."
                )
    for one in result.alone:
        notes.append(
            f"Kernels {one.load} alone: {one.before:.1f} a second before, {one.after:.1f} after."
        )
    noise = [outcome.noise for outcome in result.outcomes]
    loads = ", ".join(f"{one.load:.1f}" for one in noise)
    others = max(one.others for one in noise)
    stolen = max(one.stolen for one in noise)
    notes.append(
        f"{device_name}; tolerance {result.tolerance:g}; load of the machine {loads}; other work "
        f"had up to {others:.0%} of its processors just before a case, its host took up to "
        f"{stolen:.0%}."
    )
    drift = max(abs(one.after / one.before - 1) for one in result.alone)
    if max(others, stolen, drift) > _NOISY:
        notes.append("The machine was not quiet: what was missed may be other work's doing.")
    notes.append(f"Picture: {picture}")
    return notes


def _listed(shares: Sequence[float]) -> str:
    return " ".join(f"{share:.1f}" for share in shares)
