"""The live table of the demo; plain lines, now and then, where standard output is no terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tools.demo.jobs import Job
from tools.demo.watching import Watcher

_BAR = 8
_PLAIN_SECONDS = 2.0
_FULL, _EMPTY = "━", "─"


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


class Screen:
    """Shows rows until closed; a context manager."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._live: Live | None = None
        self._next_plain = 0.0

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            live = Live(console=self._console, refresh_per_second=12)
            live.start()
            self._live = live
        else:
            self._console.print(self._title)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, rows: Sequence[Row], *, last: bool = False) -> None:
        """Draws the rows as they are now; `last` also where there is no terminal."""
        if self._live is not None:
            self._live.update(_table(self._title, rows))
        elif last or time.monotonic() >= self._next_plain:
            self._next_plain = time.monotonic() + _PLAIN_SECONDS
            for row in rows:
                self._console.print(_plain(row), highlight=False, soft_wrap=True)


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


def _table(title: str, rows: Sequence[Row]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("vGPU", no_wrap=True)
    table.add_column("program", no_wrap=True)
    table.add_column("memory of its quota", no_wrap=True)
    table.add_column("kernels", justify="right", no_wrap=True)
    table.add_column("progress", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        memory = _bar(row.used / row.limit if row.limit else 0, "magenta")
        memory.append(f" {_memory(row)}")
        table.add_row(
            Text(row.vgpu, style="bold"),
            row.program,
            memory,
            f"{row.kernels:,}",
            _bar(row.done / row.steps, row.style),
            Text(row.state, style=row.style),
        )
    return Group(Text(title, style="bold"), Padding(table, (1, 0, 1, 2)))


def _bar(part: float, style: str) -> Text:
    full = round(min(max(part, 0.0), 1.0) * _BAR)
    return Text.assemble((_FULL * full, style), (_EMPTY * (_BAR - full), "bright_black"))


def _plain(row: Row) -> str:
    return (
        f"  {row.vgpu:9} {row.program:20} {_memory(row):>14}  {row.kernels:>6} kernels  "
        f"{row.done:>3}/{row.steps:<3} {row.state}"
    )


def _memory(row: Row) -> str:
    if not row.limit:
        return "-"
    return f"{row.used / (1 << 20):.0f}/{row.limit / (1 << 20):.0f} MiB"
