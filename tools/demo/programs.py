"""What the first act of the demo shows of its programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from tools.demo.jobs import Job
from tools.demo.screen import bar
from tools.demo.watching import Watcher


class Row(NamedTuple):
    """What is shown of one program."""

    program: str
    vgpu: str
    used: int  # bytes; the most it ever used, once it has ended
    limit: int  # bytes
    kernels: int
    done: int
    steps: int
    state: str
    style: str


def rows_of(jobs: Sequence[Job], watcher: Watcher) -> list[Row]:
    """The rows for jobs that run on vGPUs."""
    return [_row(job, watcher) for job in jobs]


def _row(job: Job, watcher: Watcher) -> Row:
    plan, done = job.plan, job.done
    usage = watcher.usage.get(plan.vgpu)
    running = job.running
    if job.said.startswith("refused"):
        state, style = "refused", "yellow"
    elif not running:
        state, style = "done", "green"
    elif usage is None or not done:
        state, style = "starting", "dim"
    else:
        state, style = "running", "cyan"
    used = limit = kernels = 0
    if usage is not None:
        used = usage.memory_used if running else watcher.peak[plan.vgpu]
        limit, kernels = usage.memory_limit, usage.kernels
    return Row(plan.label, plan.vgpu, used, limit, kernels, done, plan.steps, state, style)


def table(rows: Sequence[Row]) -> Table:
    """The rows as they are drawn live."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    drawn.add_column("vGPU", no_wrap=True)
    drawn.add_column("program", no_wrap=True)
    drawn.add_column("memory of its quota", no_wrap=True)
    drawn.add_column("kernels", justify="right", no_wrap=True)
    drawn.add_column("progress", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    for row in rows:
        memory = bar(row.used / row.limit if row.limit else 0, "magenta")
        memory.append(f" {_memory(row)}")
        drawn.add_row(
            Text(row.vgpu, style="bold"),
            row.program,
            memory,
            f"{row.kernels:,}",
            bar(row.done / row.steps, row.style),
            Text(row.state, style=row.style),
        )
    return drawn


def plain(row: Row) -> str:
    """A row where there is no terminal."""
    return (
        f"  {row.vgpu:9} {row.program:20} {_memory(row):>14}  {row.kernels:>6} kernels  "
        f"{row.done:>3}/{row.steps:<3} {row.state}"
    )


def _memory(row: Row) -> str:
    if not row.limit:
        return "-"
    return f"{row.used / (1 << 20):.0f}/{row.limit / (1 << 20):.0f} MiB"
