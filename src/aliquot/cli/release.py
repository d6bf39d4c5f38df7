"""`aliquot release`: ends a lease, and leaves the vGPU."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.told import print_told


def build_parser() -> Parser:
    """The options of `aliquot release`."""
    parser = Parser(
        "release",
        "Ends a lease before its holder does: the processes that use it lose the vGPU and get "
        "OpenCL\nerrors. The vGPU stays, and others can lease it. Leases end by themselves with "
        "their process.",
        example="aliquot release 01a2193c865f24c4965ad49b8286c4bd",
        exit_status="0; 2 for an error.",
    )
    parser.add_argument("lease", metavar="LEASE", help="its id, as 'aliquot leases' prints it")
    add_json(parser, "print the lease as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """End the lease."""
    given = build_parser().parse_args(arguments)
    with connect() as client:
        lease = client.leases.end(given.lease)
    line = f"lease {lease.id} of vGPU {lease.vgpu_name}: ended"
    print_told(lease, lambda: line, as_json=given.json)
    return 0
