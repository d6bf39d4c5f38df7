"""`aliquot detach`: a vGPU is taken from its virtual machine."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.told import print_vgpu
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon

_DESCRIPTION = """\
Takes a vGPU from its virtual machine, and out of that VM's configuration. A VM that runs is
asked for it, and its operating system may keep it; Proxmox VE gives it back only while its VM
is off. The vGPU stays, and another VM can have it."""


def build_parser() -> Parser:
    """The options of `aliquot detach`."""
    parser = Parser(
        "detach", _DESCRIPTION, example="aliquot detach team-a", exit_status="0; 2 for an error."
    )
    add_vgpu_of_daemon(parser)
    add_json(parser, "print the vGPU as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Detach the vGPU."""
    given = build_parser().parse_args(arguments)
    with connect() as client:
        print_vgpu(client, client.vgpus.detach(given.vgpu), as_json=given.json)
    return 0
