"""`aliquot vgpus`: the vGPUs that are in use on this machine, once or live."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.parser import Parser, add_json
from aliquot.client.device_host import running_hosts
from aliquot.errors import DeviceHostError, UsageError
from aliquot.model.vgpu import VgpuUsage
from aliquot.sizes import format_size, parse_duration_ms

if TYPE_CHECKING:
    from rich.table import Table

_SHORTEST_INTERVAL_MS = 100


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
    parser.add_argument(
        "--interval", metavar="TIME", default="1s", help="how often with --watch (default: 1s)"
    )
    parser.add_argument(
        "--rounds", metavar="N", type=int, help="end --watch by itself after so many times"
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the vGPUs."""
    given = build_parser().parse_args(arguments)
    interval_ms = parse_duration_ms(given.interval)
    if interval_ms < _SHORTEST_INTERVAL_MS:
        raise UsageError(f"--interval is shorter than {_SHORTEST_INTERVAL_MS} ms")
    if given.rounds is not None and given.rounds < 1:
        raise UsageError("--rounds is less than 1")
    rounds = given.rounds if given.watch else 1
    if given.json:
        _print_json(rounds, interval_ms, indent=None if given.watch else 2)
    elif given.watch:
        _watch(rounds, interval_ms)
    else:
        from aliquot.cli.tables import console

        listed = collect()
        if listed:
            console().print(_table(listed, {}, 0.0))
        else:
            print("no vGPU is in use here")
    return 0


def collect() -> list[VgpuUsage]:
    """All vGPUs of all device hosts that run here, by device and id."""
    listed: list[VgpuUsage] = []
    for host in running_hosts():
        with host:
            try:
                listed += host.list_vgpus()
            except DeviceHostError:
                # It ends when its last vGPU does, perhaps while we ask.
                continue
    return sorted(listed, key=lambda usage: (usage.device_uuid, usage.id))


def _print_json(rounds: int | None, interval_ms: int, indent: int | None) -> None:
    done = 0
    while True:
        listed = [usage.as_dict() for usage in collect()]
        print(json.dumps({"vgpus": listed}, indent=indent), flush=True)
        done += 1
        if done == rounds:
            return
        time.sleep(interval_ms / 1000)


def _watch(rounds: int | None, interval_ms: int) -> None:
    from rich.live import Live

    from aliquot.cli.tables import console

    before: dict[tuple[str, int], VgpuUsage] = {}
    seen_at = time.monotonic()
    done = 0
    with Live(console=console(), auto_refresh=False) as live:
        while True:
            listed = collect()
            now = time.monotonic()
            live.update(_table(listed, before, now - seen_at), refresh=True)
            before, seen_at = {(usage.device_uuid, usage.id): usage for usage in listed}, now
            done += 1
            if done == rounds:
                return
            time.sleep(interval_ms / 1000)


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
