"""`aliquot top`: who was promised which share of a device's time, and who has it.

On a terminal it is the screen of aliquot.tui; in a pipe, and with --once or --json, what is here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli import live, vgpus
from aliquot.cli.parser import Parser, add_json
from aliquot.client.device_host import running_vgpus
from aliquot.model.shares import WHOLE, Shares
from aliquot.model.vgpu import VgpuUsage
from aliquot.shares import format_percent
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from rich.table import Table


def build_parser() -> Parser:
    """The options of `aliquot top`."""
    parser = Parser(
        "top",
        "Shows for each vGPU of the device hosts that run for this user (for all users, where "
        "root\nruns them) the share of the device's time that it was promised (guarantee to "
        "limit), the\nshare that it had over the last 1, 10 and 60 seconds, how long it waited "
        "for the device\n(half of the times, and 99 of 100 times, less than this), the device "
        "time that it owes to\nothers, what it has done, how much it copies a second (over 10 "
        "seconds), its share of all\ncopying meanwhile, and its limit of copies.\n\nOn a terminal "
        "it is a screen until q: devices, vGPUs, processes, history, and keys to sort,\nfilter, "
        "resize, suspend and kill (? tells them). Where a daemon runs, idle vGPUs are there, too.",
        example="aliquot top --once",
        exit_status="0; 130 after Ctrl-C; 2 for an error.",
    )
    add_json(parser, "print JSON; without --once one line each time")
    parser.add_argument("--once", action="store_true", help="print one table and end")
    live.add_rhythm(parser, "without --once")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Show the vGPUs."""
    given = build_parser().parse_args(arguments)
    rhythm = live.rhythm(given.interval, given.rounds, once=given.once)
    if not given.once:
        _watch(rhythm, as_json=given.json)
    elif given.json:
        live.print_json(vgpus.as_dict, rhythm, once=True)
    else:
        from aliquot.cli.tables import console

        listed = running_vgpus()
        if listed:
            console().print(_table(listed))
        else:
            print(vgpus.NOTHING)
    return 0


def _watch(rhythm: live.Rhythm, *, as_json: bool) -> None:
    if not as_json and all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        from aliquot.tui.app import TopApp
        from aliquot.tui.daemon_source import found_source

        TopApp(found_source, interval=rhythm.interval_ms / 1000, rounds=rhythm.rounds).run()
        return
    from aliquot.client.watch import Watch

    with Watch() as watch:
        if as_json:
            live.print_json(
                lambda: {"vgpus": [usage.as_dict() for usage in watch.look()]}, rhythm, once=False
            )
        else:
            live.show_tables(lambda: _table(watch.look()), rhythm)


def _table(listed: list[VgpuUsage]) -> Table:
    from aliquot.cli.tables import Column, table

    headings = (
        Column("vGPU"),
        Column("device"),
        Column("promised", right=True),
        Column("1 s", right=True),
        Column("10 s", right=True),
        Column("60 s", right=True),
        Column("wait p50", right=True),
        Column("p99", right=True),
        Column("debt", right=True),
        Column("kernels", right=True),
        Column("copied", right=True),
        Column("a second", right=True),
        Column("of all", right=True),
        Column("copy limit", right=True),
        Column("memory used", right=True),
        Column("limit", right=True),
    )
    return table(headings, (_row(usage) for usage in listed))


def _row(usage: VgpuUsage) -> list[str]:
    turns = usage.turns
    copies = usage.copies
    return [
        usage.name,
        usage.device_uuid[:8],
        _promise(turns.shares),
        format_percent(turns.share_1s),
        format_percent(turns.share_10s),
        format_percent(turns.share_60s),
        _milliseconds(turns.wait_p50_us * 1000),
        _milliseconds(turns.wait_p99_us * 1000),
        _milliseconds(turns.debt_ns),
        str(usage.kernels),
        format_size(usage.copied_bytes),
        f"{format_size(copies.rate_10s)}/s",
        format_percent(copies.share_10s),
        f"{format_size(copies.limit)}/s" if copies.limit else "-",
        format_size(usage.memory_used),
        format_size(usage.memory_limit),
    ]


def _promise(shares: Shares) -> str:
    """Guarantee to limit; a dash where the vGPU gets what is left over."""
    if shares.limit == WHOLE and not shares.guarantee:
        return "-"
    low = format_percent(shares.guarantee).removesuffix(" %")
    return f"{low} to {format_percent(shares.limit)}"


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.2f} ms" if nanoseconds else "0 ms"
