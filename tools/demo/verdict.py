"""The end of the demo: are the results the native ones, and how much slower was it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tools.demo.jobs import Plan
from tools.programs.case import Outcome


class Verdict(NamedTuple):
    """One program's two runs, and what differs between them."""

    plan: Plan
    native: Outcome
    remoted: Outcome
    differences: list[str]

    @property
    def slowdown(self) -> float:
        """Time on the vGPU by native time."""
        return self.remoted.seconds / self.native.seconds


def judge(plan: Plan, native: Outcome, remoted: Outcome) -> Verdict:
    """Compares two runs of a program."""
    return Verdict(plan, native, remoted, plan.case.differences(native, remoted))


def show(console: Console, verdicts: Sequence[Verdict]) -> None:
    """The closing table, and every difference."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("program", "result"):
        table.add_column(heading, no_wrap=True)
    for heading in ("native", "on a vGPU", "slowdown"):
        table.add_column(heading, justify="right", no_wrap=True)
    for verdict in verdicts:
        equal = not verdict.differences
        table.add_row(
            verdict.plan.label,
            Text("equal to native", "green") if equal else Text("DIFFERS", "bold red"),
            f"{verdict.native.seconds:.1f} s",
            f"{verdict.remoted.seconds:.1f} s",
            Text(f"{verdict.slowdown:.2f} x", "bold"),
        )
    console.print(Padding(table, (0, 0, 1, 2)))
    for verdict in verdicts:
        for difference in verdict.differences:
            console.print(f"  {verdict.plan.case.name}: {difference}", style="red", highlight=False)
