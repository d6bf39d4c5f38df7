"""`aliquot top`: who was promised which share of a device's time, and who has it.

On a terminal it is the screen of aliquot.tui; in a pipe, and with --once or --json, what is here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from aliquot import runtime_directory
from aliquot.cli import live, vgpus
from aliquot.cli.daemon import connect_if_any
from aliquot.cli.parser import Parser, add_json
from aliquot.client.device_host import running_vgpus
from aliquot.model.shares import WHOLE, Shares
from aliquot.model.vgpu import VgpuUsage
from aliquot.shares import format_percent
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from rich.table import Table

    from aliquot.client.rest import Client
    from aliquot.client.watch import Watch


def build_parser() -> Parser:
    """The options of `aliquot top`."""
    parser = Parser(
        "top",
        "Shows for each vGPU of the device hosts that run for this user (for all users, where "
        "root\nruns them) the share of the device's time that it was promised (guarantee to "
        "limit), the\nshare that it had over the last 1, 10 and 60 seconds, how long it waited "
        "for the device\n(half of the times, and 99 of 100 times, less than this), the device "
        "time that it owes to\nothers, what it has done, how much it copies a second (over 10 "
        "seconds), its share of all\ncopying meanwhile, and its limit of copies. Users "
        "of root's daemon are told of their own\nvGPUs, what the daemon measured in the last "
        "second.\n\nOn a terminal "
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
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not (given.once or given.json) and all(stream.isatty() for stream in streams):
        from aliquot.tui.app import TopApp
        from aliquot.tui.daemon_source import found_source

        TopApp(found_source, interval=rhythm.interval_ms / 1000, rounds=rhythm.rounds).run()
        return 0
    with ExitStack() as stack:
        client = _daemon_elsewhere()
        if client is not None:
            from aliquot.cli.top_of_daemon import NOTHING, TopOfDaemon

            told = TopOfDaemon(stack.enter_context(client))
            collect, draw, nothing = told.as_dict, told.draw, NOTHING
        else:
            look = running_vgpus if given.once else stack.enter_context(_watch()).look
            collect, draw = partial(_as_dict, look), partial(_drawn, look)
            nothing = vgpus.NOTHING
        live.show(collect, draw, rhythm, nothing, once=given.once, as_json=given.json)
    return 0


def _daemon_elsewhere() -> Client | None:
    """The daemon whose device hosts are another user's, root's say: they tell their daemon alone.

    Those of this user tell more than the daemon does.
    """
    client = connect_if_any()
    if client is not None and client.address.path == runtime_directory.api_sockets()[0]:
        client.close()
        return None
    return client


def _watch() -> Watch:
    from aliquot.client.watch import Watch

    return Watch()


def _as_dict(look: Callable[[], list[VgpuUsage]]) -> dict[str, Any]:
    return {"vgpus": [usage.as_dict() for usage in look()]}


def _drawn(look: Callable[[], list[VgpuUsage]]) -> Table:
    return _table(look())


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
        promise(turns.shares),
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


def promise(shares: Shares) -> str:
    """Guarantee to limit; a dash where the vGPU gets what is left over."""
    if shares.limit == WHOLE and not shares.guarantee:
        return "-"
    low = format_percent(shares.guarantee).removesuffix(" %")
    return f"{low} to {format_percent(shares.limit)}"


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.2f} ms" if nanoseconds else "0 ms"
