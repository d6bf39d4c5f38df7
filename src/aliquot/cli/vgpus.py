"""`aliquot vgpus`: the vGPUs of the daemon's, or without one those in use here, once or live."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aliquot.cli import live
from aliquot.cli.daemon import connect_if_any
from aliquot.cli.labels import add_labels
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.vgpu_argument import uuid_of
from aliquot.client.device_host import running_vgpus
from aliquot.errors import NoDaemon, UsageError
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vgpu import VgpuUsage
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from rich.table import Table

NOTHING = "no vGPU is in use here"


def build_parser() -> Parser:
    """The options of `aliquot vgpus`."""
    parser = Parser(
        "vgpus",
        "Lists the daemon's vGPUs that you may see, in use or not, with their state and what they "
        "were\npromised. Without a daemon it lists those of the device hosts that run for this "
        "user (for all\nusers, where root runs them), with what each has, uses and has done; "
        "memory `held` is what the\nworker really holds, as the kernel counts it. `--watch` shows "
        "it live until Ctrl-C.",
        example="aliquot vgpus --label team=vision --state ready",
        exit_status="0; 130 after Ctrl-C; 2 for an error.",
    )
    parser.add_argument("--device", metavar="D", help="those on this device alone")
    add_labels(parser, "those with this label alone; may be given several times")
    parser.add_argument(
        "--state",
        choices=[state.value for state in VgpuState],
        action="append",
        help="those in this state alone; may be given several times",
    )
    parser.add_argument("--all", action="store_true", help="also those that were deleted")
    add_json(parser, "print JSON; with --watch one line each time")
    parser.add_argument(
        "--tree",
        action="store_true",
        help="devices with what is on them, and on the partitions of that",
    )
    parser.add_argument("--watch", action="store_true", help="print it again and again")
    live.add_rhythm(parser, "with --watch")
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the vGPUs."""
    given = build_parser().parse_args(arguments)
    once = not given.watch
    rhythm = live.rhythm(given.interval, given.rounds, once=once)
    client = connect_if_any()
    if client is not None:
        from aliquot.cli.vgpu_list import VgpuList

        with client:
            kept = VgpuList(client, given)
            if given.tree:
                if given.json or given.watch:
                    raise UsageError("--tree goes with neither --json nor --watch")
                kept.print_tree()
                return 0
            nothing = "there is no vGPU that fits" if kept.narrowed else "there is no vGPU"
            live.show(kept.as_dict, kept.draw, rhythm, nothing, once=once, as_json=given.json)
        return 0
    if given.label or given.state or given.all or given.tree:
        raise NoDaemon("labels, states and trees are the daemon's, and none listens here")
    device_uuid = uuid_of(given.device)
    used = _Drawing(device_uuid)
    live.show(
        partial(as_dict, device_uuid), used.draw, rhythm, NOTHING, once=once, as_json=given.json
    )
    return 0


def as_dict(device_uuid: str | None = None) -> dict[str, Any]:
    """The vGPUs that are in use, for `--json`."""
    return {"vgpus": [usage.as_dict() for usage in running_vgpus(device_uuid)]}


class _Drawing:
    """Remembers the round before, since processor time is shown by its growth."""

    def __init__(self, device_uuid: str | None) -> None:
        self._device_uuid = device_uuid
        self._before: dict[tuple[str, int], VgpuUsage] = {}
        self._seen_at = 0.0

    def draw(self) -> Table:
        listed = running_vgpus(self._device_uuid)
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
