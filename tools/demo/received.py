"""The end of the last act: what each tenant was promised, and what it received by two counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aliquot.bench.fairness.machine import Noise
from aliquot.bench.fairness.verdict import LONG_POINTS

_NOISY = 0.1  # of all processors


class Received(NamedTuple):
    """One tenant's shares, in percent."""

    tenant: str
    promised: float
    accounts: float  # of the time, by the device host's accounts
    work: float  # of all tenants' work, by the kernels that they completed

    @property
    def off(self) -> float:
        """How many points of percent its work is from its promise."""
        return abs(self.work - self.promised)


def show(console: Console, received: Sequence[Received], seconds: float, noise: Noise) -> None:
    """The table, and a sentence on it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("vGPU", no_wrap=True)
    for heading in ("promised", "by the accounts", "by completed kernels"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in received:
        table.add_row(
            one.tenant,
            f"{one.promised:g} %",
            f"{one.accounts:.1f} %",
            Text(f"{one.work:.1f} %", "bold"),
        )
    console.print(Padding(table, (0, 0, 1, 2)))
    console.print(f"  {sentence(received, seconds, noise)}\n", markup=False, soft_wrap=True)


def sentence(received: Sequence[Received], seconds: float, noise: Noise) -> str:
    """Whether the shares were kept, and what that is worth."""
    worst = max(received, key=lambda one: one.off)
    over = f"over {seconds:.1f} s"
    if worst.off <= LONG_POINTS:
        return (
            f"Each tenant's part of the work is within {max(worst.off, 0.1):.1f} points of its "
            f"promise {over}; what the accounts leave of 100 % went into handing the device over, "
            "or was withheld by the operating system."
        )
    missed = f"{worst.tenant} is {worst.off:.1f} points off its promise {over}"
    others = max(noise.others, noise.stolen)
    if others > _NOISY:
        return (
            f"{missed}, while other work had {others:.0%} of the processors, which may be why; "
            "`aliquot bench fairness` on a quiet machine tells."
        )
    return (
        f"{missed}, more than the {LONG_POINTS:g} that we allow for 5 s; "
        "`aliquot bench fairness` looks closer."
    )
