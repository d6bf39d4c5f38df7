"""`aliquot create`: a vGPU that lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli.daemon import connect, new_key
from aliquot.cli.mode_options import add_mode, with_mode
from aliquot.cli.names import checked_name
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.printable import printable
from aliquot.cli.told import print_vgpu
from aliquot.cli.vgpu_options import add_wanted, wanted_of
from aliquot.cli.wait_option import add_wait, wait_of
from aliquot.errors import EXIT_PROBLEM, AliquotError, WaitedInVain

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import VgpuResource, VgpuWanted

_DESCRIPTION = """\
Makes a vGPU that stays until it is deleted: its memory and its guarantee are reserved,
also while nothing uses it. 'aliquot exec' runs programs on it. The device is chosen
where --device names none.

Hardware can make it, too: passthrough hands over a whole card, mdev, sriov and mig cut one.
--mode auto takes what suits who uses it (--for), what keeps it from others (--isolation) and
whether its size is to change in use (--elastic).

--dry-run makes nothing and says where it would be and why; or why nowhere, and which
one change, or the fewest moves of other vGPUs, would make it fit."""


def build_parser() -> Parser:
    """The options of `aliquot create`."""
    parser = Parser(
        "create",
        _DESCRIPTION,
        example="aliquot create train --memory 256MiB --compute 25 --label team=vision --ttl 2h",
        exit_status="0; 1 where --dry-run found no place; 2 for an error: then there is no vGPU.",
    )
    parser.add_argument("name", metavar="NAME", help="its name, among your own vGPUs")
    add_wanted(parser)
    add_mode(parser)
    add_wait(parser, "where it doesn't fit now, wait in the queue at most so long")
    parser.add_argument("--dry-run", action="store_true", help="only say where it would be")
    add_json(parser, "print the vGPU, or the plan, as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Create the vGPU."""
    given = build_parser().parse_args(arguments)
    wait_ms = wait_of(given)
    wanted = with_mode(wanted_of(given, checked_name(given.name), wait_ms=wait_ms), given)
    with connect() as client:
        if given.dry_run:
            return _plan(client, wanted, as_json=given.json)
        vgpu = client.vgpus.create(wanted, idempotency_key=new_key())
        if wait_ms is not None:
            vgpu = _placed(client, vgpu, wait_ms)
        print_vgpu(client, vgpu, as_json=given.json)
    return 0


def _placed(client: Client, vgpu: VgpuResource, wait_ms: int) -> VgpuResource:
    """The vGPU in its place. One that got none is none; raises WaitedInVain."""
    from aliquot.cli.waiting import until_placed

    try:
        return until_placed(client, vgpu, wait_ms)
    except WaitedInVain:
        with contextlib.suppress(AliquotError):
            client.vgpus.delete(vgpu.id)
        raise


def _plan(client: Client, wanted: VgpuWanted, *, as_json: bool) -> int:
    plan = client.vgpus.plan(wanted)
    if as_json:
        from aliquot.cli.output import print_json

        print_json(plan)
    else:
        from aliquot.cli.plan_words import lines

        for line in lines(plan):
            print(printable(line))
    return 0 if plan.fits else EXIT_PROBLEM
