"""`aliquot resume`: a vGPU that was suspended goes on."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser, add_json
from aliquot.cli.told import print_vgpu
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon
from aliquot.cli.wait_option import add_wait, wait_of


def build_parser() -> Parser:
    """The options of `aliquot resume`."""
    parser = Parser(
        "resume",
        "Moves the memory of a suspended vGPU back to a device and lets its programs go on. Where "
        "its\nreservation was given up and there is no place now, it says why, or waits with "
        "--wait.",
        example="aliquot resume train --wait 10m",
        exit_status="0; 2 for an error: then it stays suspended.",
    )
    add_vgpu_of_daemon(parser)
    add_wait(parser, "where there is no place now, wait in the queue at most so long")
    add_json(parser, "print the vGPU as JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Resume the vGPU."""
    given = build_parser().parse_args(arguments)
    wait_ms = wait_of(given)
    with connect() as client:
        from aliquot.model.api.vgpus import ResumeWanted

        vgpu = client.vgpus.resume(given.vgpu, ResumeWanted(wait_ms=wait_ms))
        if wait_ms is not None:
            from aliquot.cli.waiting import until_placed

            vgpu = until_placed(client, vgpu, wait_ms)
        print_vgpu(client, vgpu, as_json=given.json)
    return 0
