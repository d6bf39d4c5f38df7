"""`aliquot vgpus`: the vGPUs that are in use on this machine, once or live."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aliquot.cli import live
from aliquot.cli.parser import Parser, add_json
from aliquot.client.device_host import running_vgpus
from aliquot.model.vgpu import VgpuUsage
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from rich.table import Table

NOTHING = "no vGPU is in use here"


def build_parser() -> Parser:
    """The options of `aliquot vgpus`."""
    parser = Parser(
        "vgpus",
        "Lists the vGPUs of the device hosts that run for this user (for all users, where root "
        "runs\nthem), with what each has, uses and has done. Memory `held` is what the worker "
        "really\nholds, as the kernel counts it. `--watch` shows it live until Ctrl-C.",
        example="aliquot vgpus --watch --interval 500ms",
        exit_status="0; 130 after Ctrl-C; 2 for an error.",
    )
    add_json(parser, "print JSON; with --watch one line each time")
    parser.add_argument("--watch", action="store_true", help="print it again and again")
    live.add_rhythm(parser, "with --watch")
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the vGPUs."""
    given = build_parser().parse_args(arguments)
    once = not given.watch
    rhythm = live.rhythm(given.interval, given.rounds, once=once)
    if given.json:
        live.print_json(as_dict, rhythm, once=once)
    elif given.watch:
        live.show_tables(_Drawing().draw, rhythm)
    else:
        from aliquot.cli.tables import console

        listed = running_vgpus()
        if listed:
            console().print(_table(listed, {}, 0.0))
        else:
            print(NOTHING)
    return 0


def as_dict() -> dict[str, Any]:
    """The vGPUs for `--json`."""
    return {"vgpus": [usage.as_dict() for usage in running_vgpus()]}


class _Drawing:
    """Remembers the round before, since processor time is shown by its growth."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, int], VgpuUsage] = {}
        self._seen_at = 0.0

    def draw(self) -> Table:
        listed = running_vgpus()
        now = time.monotonic()
        drawn = _table(listed, self._before, now - self._seen_at)
        self._before = {(usage.device_uuid, usage.id): usage for usage in listed}
        self._seen_at = now
        return drawn


def _table(
    listed: list[VgpuUsage], before: dict[tuple[str, int], VgpuUsage], seconds: float
) -> Table:
    from aliquot.cli.tables import Column, table

    headings = (
        Column("vGPU"),
        Column("quota", right=True),
        Column("used", right=True),
        Column("held", right=True),
        Column("CPU", right=True),
        Column("kernels", right=True),
        Column("copied", right=True),
        Column("processes", right=True),
        Column("user", right=True),
        Column("device"),
    )
    rows: list[list[str]] = []
    for usage in listed:
        earlier = before.get((usage.device_uuid, usage.id))
        if earlier and seconds > 0:
            busy = f"{(usage.worker_cpu_ns - earlier.worker_cpu_ns) / seconds / 1e7:.0f} %"
        else:
            busy = f"{usage.worker_cpu_ns / 1e9:.1f} s"
        rows.append(
            [
                usage.name,
                format_size(usage.memory_limit),
                format_size(usage.memory_used),
                format_size(usage.witnessed_memory),
                busy,
                str(usage.kernels),
                format_size(usage.copied_bytes),
                str(usage.guest_processes),
                str(usage.owner_uid),
                usage.device_uuid[:8],
            ]
        )
    return table(headings, rows)
