"""`aliquot suspend`: a vGPU stops, and its memory moves to the host."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.told import print_vgpu
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon

_DESCRIPTION = """\
Stops a vGPU at the end of a kernel and moves its memory from the device to the host. Its
programs wait where they are, and go on when it is resumed. What it reserved stays its own;
with --release that is given up as well, and resuming may have to wait for a place."""


def build_parser() -> Parser:
    """The options of `aliquot suspend`."""
    parser = Parser(
        "suspend",
        _DESCRIPTION,
        example="aliquot suspend train",
        exit_status="0; 2 for an error.",
    )
    add_vgpu_of_daemon(parser)
    parser.add_argument(
        "--release", action="store_true", help="give up its reservation on the device, too"
    )
    add_json(parser, "print the vGPU as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Suspend the vGPU."""
    given = build_parser().parse_args(arguments)
    with connect() as client:
        from aliquot.model.api.vgpus import SuspendWanted

        vgpu = client.vgpus.suspend(given.vgpu, SuspendWanted(release=given.release))
        print_vgpu(client, vgpu, as_json=given.json)
    return 0
