"""`aliquot exec`: a command on a vGPU that lasts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot import native_programs
from aliquot.cli.command_argument import add_command, needed, split, trace_file
from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser
from aliquot.cli.vgpu_argument import add_vgpu_of_daemon
from aliquot.cli.wait_option import add_wait, wait_of
from aliquot.errors import VgpuUnusable
from aliquot.model.lifecycle import LEASABLE, VgpuState
from aliquot.sizes import format_duration

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.vgpus import VgpuResource

_PAUSE_S = 0.2

_DESCRIPTION = """\
Runs an unmodified OpenCL program on a vGPU that 'aliquot create' made: it leases the vGPU
for this process and ends the lease with it. The first lease starts the vGPU's worker.
Several commands may use one vGPU at once; they share its memory and its share of the time.

One line on stderr says which slice it is, and whether the lease is `enforced` or
`advisory`: so it is where a process of this user could still open the device or load its
driver by itself, always so on a software device outside a container."""


def build_parser() -> Parser:
    """The options of `aliquot exec`."""
    parser = Parser(
        "exec",
        _DESCRIPTION,
        example="aliquot exec train -- python3 train.py",
        exit_status="the command's own; 128 plus the signal that killed it; 126 or 127 where "
        "it\ncan't be executed or doesn't exist; 2 where the vGPU can't be leased.",
    )
    parser.usage = "aliquot exec VGPU [OPTIONS] -- COMMAND [ARGUMENT ...]"
    add_vgpu_of_daemon(parser)
    add_wait(parser, "where it can't be used now (suspended, failed, waiting), wait so long")
    add_command(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Lease the vGPU and run the command."""
    parser = build_parser()
    options, command = split(parser, list(arguments), before=1)
    given = parser.parse_args(options)
    needed(command)
    wait_ms = wait_of(given)
    trace = trace_file(given.trace)
    native_programs.find(native_programs.GUEST_DRIVER)
    with connect() as client:
        from aliquot.cli import leased

        vgpu = _until_usable(client, given.vgpu, wait_ms or 0)
        granted = leased.begin(client, vgpu, command)
        return leased.run_on(client, vgpu, granted, command, given, trace)


def _until_usable(client: Client, wanted: str, wait_ms: int) -> VgpuResource:
    """The vGPU, once it can be leased; raises VgpuUnusable."""
    from aliquot.cli.progress import Progress

    vgpu = client.vgpus.show(wanted)
    deadline = time.monotonic() + wait_ms / 1000
    with Progress() as progress:
        while vgpu.state not in LEASABLE:
            left = deadline - time.monotonic()
            if left <= 0 or vgpu.state is VgpuState.DELETED:
                why = f" ({vgpu.reason})" if vgpu.reason else ""
                raise VgpuUnusable(f"vGPU {vgpu.name} is {vgpu.state}{why}")
            time_left = format_duration(int(left * 1000))
            progress.say(f"vGPU {vgpu.name} is {vgpu.state}; {time_left} left")
            time.sleep(min(_PAUSE_S, left))
            vgpu = client.vgpus.show(vgpu.id)
    return vgpu
