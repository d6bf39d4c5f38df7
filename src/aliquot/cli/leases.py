"""`aliquot leases`: who uses which vGPU, since when."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json


def build_parser() -> Parser:
    """The options of `aliquot leases`."""
    parser = Parser(
        "leases",
        "Lists the leases in force: which process holds which vGPU since when. `enforced`: its "
        "user can't\nreach the device by another way; `advisory`: the quota holds for what goes "
        "through the vGPU, but\nthe user could open the device or load its driver beside it.",
        example="aliquot leases --ended",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("vgpu", metavar="VGPU", nargs="?", help="of this vGPU alone")
    parser.add_argument("--ended", action="store_true", help="also those that have ended")
    add_json(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the leases."""
    given = build_parser().parse_args(arguments)
    with connect() as client:
        from aliquot.cli.paging import every

        listed = list(
            every(
                lambda cursor: client.leases.list(vgpu=given.vgpu, ended=given.ended, cursor=cursor)
            )
        )
    if given.json:
        from aliquot.cli.output import print_json

        print_json({"leases": listed})
        return 0
    if not listed:
        print("no vGPU is leased")
        return 0
    from aliquot.cli.printable import printable
    from aliquot.cli.tables import Column, console, table
    from aliquot.cli.vgpu_words import clock

    headings = [
        Column("vGPU"),
        Column("tenant"),
        Column("by"),
        Column("process", right=True),
        Column("lease"),
        Column("since (UTC)"),
        Column("id"),
    ]
    if given.ended:
        headings.insert(6, Column("ended"))
    rows: list[list[str]] = []
    for lease in listed:
        row = [
            printable(lease.vgpu_name),
            lease.tenant,
            lease.kind.value + (f" {printable(lease.holder)}" if lease.holder else ""),
            str(lease.process_id or "-"),
            "enforced" if lease.enforced else "advisory",
            clock(lease.since_ms),
            lease.id,
        ]
        if given.ended:
            at = "-" if lease.released_ms is None else clock(lease.released_ms)
            row.insert(6, at + (f": {printable(lease.ending)}" if lease.ending else ""))
        rows.append(row)
    console().print(table(headings, rows))
    return 0
