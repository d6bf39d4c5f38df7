"""`aliquot queue`: which vGPUs wait for a place, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.daemon import connect
from aliquot.cli.listed import print_listed
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.printable import printable

if TYPE_CHECKING:
    from aliquot.model.api.vgpus import Waiting


def build_parser() -> Parser:
    """The options of `aliquot queue`."""
    parser = Parser(
        "queue",
        "Lists the vGPUs that wait for a place on a device, the next to be served first. The queue "
        "is\nfair between users: who has waited with fewer gets the next place.",
        example="aliquot queue",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument(
        "--leave",
        metavar="VGPU",
        help="let this one wait no longer",
    )
    add_json(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the queue, or leave it."""
    given = build_parser().parse_args(arguments)
    with connect() as client:
        if given.leave is not None:
            from aliquot.cli.told import print_vgpu

            print_vgpu(client, client.queue.leave(given.leave), as_json=given.json)
            return 0
        waiting = client.queue.list().items
    print_listed(
        "queue",
        waiting,
        "nobody waits",
        ("place", "vGPU", "tenant", "since (UTC)", "gives up in", "why"),
        _row,
        as_json=given.json,
        numbers=("place", "gives up in"),
    )
    return 0


def _row(entry: Waiting) -> list[str]:
    from aliquot.cli.vgpu_words import clock, until

    return [
        str(entry.position),
        printable(entry.name),
        entry.tenant,
        clock(entry.since_ms),
        "-" if entry.until_ms is None else until(entry.until_ms),
        printable(entry.why),
    ]
