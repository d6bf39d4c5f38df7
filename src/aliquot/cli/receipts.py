"""`aliquot receipts`: where the time of leases that have ended went."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.daemon import connect
from aliquot.cli.kept_receipt import promise_of, spending_of
from aliquot.cli.parser import Parser, add_json
from aliquot.errors import UsageError

if TYPE_CHECKING:
    from aliquot.model.api.leases import ReceiptResource

_MOST = 100_000


def build_parser() -> Parser:
    """The options of `aliquot receipts`."""
    parser = Parser(
        "receipts",
        "Lists the receipts of leases that have ended, the newest first: what was promised, what "
        "was\nreceived, and the biggest part of the time. They are kept for 30 days. With --lease "
        "it tells all\nof one.",
        example="aliquot receipts --limit 10",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("vgpu", metavar="VGPU", nargs="?", help="of this vGPU alone")
    parser.add_argument("--lease", metavar="LEASE", help="of this lease alone")
    parser.add_argument(
        "--limit", metavar="N", type=int, default=20, help="how many at most (default: 20)"
    )
    add_json(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the receipts."""
    given = build_parser().parse_args(arguments)
    if not 1 <= given.limit <= _MOST:
        raise UsageError(f"--limit is not between 1 and {_MOST}")
    with connect() as client:
        from aliquot.cli.paging import every

        page = min(given.limit, 100)
        receipts = every(
            lambda cursor: client.receipts.list(
                vgpu=given.vgpu, lease=given.lease, limit=page, cursor=cursor
            )
        )
        listed = list(itertools.islice(receipts, given.limit))
    if given.json:
        from aliquot.cli.output import print_json

        print_json({"receipts": listed})
        return 0
    if not listed:
        print("there is no receipt that fits")
        return 0
    if given.lease is not None:
        _print_whole(listed)
        return 0
    _print_table(listed)
    return 0


def _print_table(listed: list[ReceiptResource]) -> None:
    from aliquot.cli.printable import printable
    from aliquot.cli.receipt import biggest_first, part_names, percent, seconds
    from aliquot.cli.tables import Column, console, table
    from aliquot.cli.vgpu_words import clock

    headings = (
        Column("vGPU"),
        Column("ended (UTC)"),
        Column("took", right=True),
        Column("had the device", right=True),
        Column("most of it"),
        Column("lease"),
    )
    rows: list[list[str]] = []
    for told in listed:
        spending = spending_of(told)
        wall = spending.wall_ns
        parts = biggest_first(spending.parts)
        name, spent = parts[0] if parts else ("elsewhere", 0)
        most = f"{percent(spent, wall)} {part_names(spending.receipt)[name]}"
        charged = spending.receipt.charged_ns
        had = f"{seconds(charged)} ({percent(charged, wall)})"
        rows.append(
            [printable(told.vgpu_name), clock(told.ended_ms), seconds(wall), had, most, told.lease]
        )
    console().print(table(headings, rows))


def _print_whole(listed: list[ReceiptResource]) -> None:
    from aliquot.cli.printable import printable
    from aliquot.cli.receipt import receipt_lines

    for told in listed:
        lines = receipt_lines(
            printable(told.vgpu_name), promise_of(told), spending_of(told), sys.stdout
        )
        print(*lines, sep="\n")
