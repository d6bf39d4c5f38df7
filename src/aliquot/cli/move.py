"""`aliquot move`: a vGPU goes to another device of the same machine, its programs with it."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.told import print_vgpu
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon
from aliquot.errors import UsageError

_DESCRIPTION = """\
Moves a vGPU to another device: its place there is made ready, it stops at the end of a
kernel, its memory is copied, and its programs go on there. A vGPU that was made
--movable can move between all devices, since it tells programs only what all of them
can do; any other moves where the other device lacks nothing, else what lacks is said."""


def build_parser() -> Parser:
    """The options of `aliquot move`."""
    parser = Parser(
        "move",
        _DESCRIPTION,
        example="aliquot move train --device 1",
        exit_status="0; 2 for an error: then it is where it was.",
    )
    add_vgpu_of_daemon(parser)
    parser.add_argument(
        "--device", metavar="D", help="where to: index, UUID or unique part of a name"
    )
    add_json(parser, "print the vGPU as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Move the vGPU."""
    given = build_parser().parse_args(arguments)
    if given.device is None:
        raise UsageError("it isn't said where to", remedy="name a device with --device")
    with connect() as client:
        from aliquot.model.api.vgpus import MoveWanted

        vgpu = client.vgpus.move(given.vgpu, MoveWanted(device=given.device))
        print_vgpu(client, vgpu, as_json=given.json)
    return 0
