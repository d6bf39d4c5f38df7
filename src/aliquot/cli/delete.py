"""`aliquot delete`: a vGPU ends, whoever uses it."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.confirm import add_yes, confirmed
from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.told import print_told
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon


def build_parser() -> Parser:
    """The options of `aliquot delete`."""
    parser = Parser(
        "delete",
        "Deletes a vGPU: its leases end, programs on it get OpenCL errors, what it had in memory "
        "is gone,\nand what it reserved is free. One that waits in the queue leaves it. On a "
        "terminal it asks\nbefore; without one it wants --yes.",
        example="aliquot delete train --yes",
        exit_status="0; 2 for an error, or where it was not confirmed.",
    )
    add_vgpu_of_daemon(parser)
    add_yes(parser)
    add_json(parser, "print the vGPU as it was last, as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Delete the vGPU."""
    given = build_parser().parse_args(arguments)
    with connect() as client:
        vgpu = client.vgpus.show(given.vgpu)
        leases = f", which {vgpu.leases} leases use" if vgpu.leases else ""
        confirmed(given, f"deleting vGPU {vgpu.name} of {vgpu.tenant}{leases}")
        # By its id: what was confirmed is this one, not another that has its name by now.
        deleted = client.vgpus.delete(vgpu.id)
    print_told(deleted, lambda: f"vGPU {vgpu.name}: deleted", as_json=given.json)
    return 0
