"""`aliquot run`: a command on a slice of a device.

This is the path that has 250 ms; a test holds what it may import. What only one of its two ways
needs, with the daemon or without, is imported there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from aliquot import native_programs
from aliquot.cli.command_argument import add_command, needed, split, trace_file
from aliquot.cli.daemon import connect_if_any
from aliquot.cli.names import checked_name
from aliquot.cli.parser import Parser, add_device
from aliquot.cli.share_options import add_copy_limit, add_shares, copy_limit_of, shares_of
from aliquot.cli.wait_option import add_wait, wait_of
from aliquot.errors import NoDaemon
from aliquot.model.device import DEVICE_TYPES
from aliquot.sizes import parse_duration_ms, parse_size

_DESCRIPTION = """\
Runs an unmodified OpenCL program on a vGPU of its own: a slice of a device with a
memory quota and a share of the device's time. The vGPU lives as long as the command
and the processes that it leaves. Where the daemon listens, it makes the vGPU and chooses
the device, and --wait lets it wait for a place; without one this needs none.

One line on stderr says which slice the command got. The lease is `advisory`: the quota
holds for whatever goes through the vGPU, but a process of this user could still open
the device or load its driver by itself. Only where the device is out of reach, as in a
container without it, can a lease be `enforced`; on a software device outside a
container that is never so, because every process can compute on the CPU."""


def build_parser() -> Parser:
    """The options of `aliquot run`."""
    parser = Parser(
        "run",
        _DESCRIPTION,
        example="aliquot run --memory 2GiB -- python3 train.py",
        exit_status="the command's own; 128 plus the signal that killed it; 126 or 127 where "
        "it\ncan't be executed or doesn't exist; 2 where there is no vGPU to be had.",
    )
    parser.usage = "aliquot run [OPTIONS] -- COMMAND [ARGUMENT ...]"
    add_device(parser)
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="memory quota, like 512MiB or 2GiB (default: all that is unreserved)",
    )
    add_shares(parser)
    add_copy_limit(parser)
    parser.add_argument("--name", metavar="N", help="the vGPU's name (default: from the command)")
    add_wait(parser, "where it doesn't fit now, wait for a place in the daemon's queue so long")
    parser.add_argument(
        "--strict-sync",
        action="store_true",
        help="every enqueue waits for the driver's own return code: slow, for finding errors",
    )
    parser.add_argument(
        "--no-split",
        action="store_true",
        help="never launch a long kernel in pieces, even where it can't tell",
    )
    parser.add_argument(
        "--device-type",
        choices=sorted(DEVICE_TYPES),
        help="report this type, for programs that look for a GPU (default: the driver's own)",
    )
    parser.add_argument(
        "--transfer",
        choices=["auto", "staged"],
        default="auto",
        help="staged: copy as for a discrete GPU, even where memory is shared (for tests)",
    )
    parser.add_argument(
        "--kernel-limit",
        metavar="TIME",
        default="2s",
        help="a kernel that runs longer ends the vGPU (default: 2s)",
    )
    add_command(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    parser = build_parser()
    options, command = split(parser, list(arguments))
    given = parser.parse_args(options)
    needed(command)
    # What can't be is told before anybody is asked.
    _ = shares_of(given), copy_limit_of(given), parse_duration_ms(given.kernel_limit)
    memory = parse_size(given.memory) if given.memory is not None else 0
    wait_ms = wait_of(given)
    name = _name(given.name, command[0])
    trace = trace_file(given.trace)
    native_programs.find(native_programs.GUEST_DRIVER)
    client = connect_if_any()
    if client is not None:
        from aliquot.cli import leased

        with client:
            return leased.run_on_new(client, name, command, given, trace)
    if wait_ms is not None:
        raise NoDaemon("--wait needs the daemon, whose queue it is, and none listens here")
    from aliquot.cli import without_daemon

    return without_daemon.run_on_new(name, memory, command, given, trace)


def _name(given: str | None, program: str) -> str:
    if given is not None:
        return checked_name(given)
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", os.path.basename(program)).lstrip("._-")[:40]
    return f"{stem or 'run'}-{os.getpid()}"
