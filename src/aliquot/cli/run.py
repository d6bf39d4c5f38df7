"""`aliquot run`: a command on a slice of a device.

This is the path that has 250 ms; a test holds what it may import.
"""

from __future__ import annotations

import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot import native_programs
from aliquot.cli.command_argument import add_command, needed, split, trace_file
from aliquot.cli.daemon import connect_if_any
from aliquot.cli.guard import report, warn
from aliquot.cli.names import checked_name
from aliquot.cli.parser import Parser, add_device
from aliquot.cli.share_options import add_copy_limit, add_shares, copy_limit_of, shares_of
from aliquot.cli.wait_option import add_wait, wait_of
from aliquot.client.device_host import DEVICE_TYPES, DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.devices.opencl import NO_DEVICE, look_up
from aliquot.errors import DeviceHostError, NoDaemon, QuotaAboveDevice
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.leases.process import run_command
from aliquot.model.device import Device
from aliquot.model.vgpu import ADVISORY, MODE_REMOTING, Vgpu
from aliquot.shares import format_copy_limit, format_shares
from aliquot.sizes import format_size, parse_duration_ms, parse_size

if TYPE_CHECKING:
    from aliquot.client.rest import Client

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
        with client:
            return _run_with_daemon(client, name, command, given, trace)
    if wait_ms is not None:
        raise NoDaemon("--wait needs the daemon, whose queue it is, and none listens here")
    return _run_without_daemon(name, memory, command, given, trace)


def _run_with_daemon(
    client: Client, name: str, command: list[str], given: Namespace, trace: str | None
) -> int:
    from aliquot.cli import leased

    return leased.run_on_new(client, name, command, given, trace)


def _run_without_daemon(
    name: str, memory: int, command: list[str], given: Namespace, trace: str | None
) -> int:
    index, device, failures = look_up(given.device)
    check_quota(memory, device)
    if not given.quiet:
        for driver, problem in failures:
            # A driver for hardware that this machine lacks is no trouble.
            if problem != NO_DEVICE:
                warn(f"{driver.library}, named in {driver.origin}: {problem}", given.json)
    flags = VgpuFlag.STAGED if given.transfer == "staged" else VgpuFlag(0)
    if given.strict_sync:
        flags |= VgpuFlag.STRICT_SYNC
    if given.no_split:
        flags |= VgpuFlag.NO_SPLIT
    with DeviceHost.start_or_join(device) as host:
        vgpu = host.create_vgpu(
            name,
            memory,
            flags=flags,
            kernel_limit_ms=parse_duration_ms(given.kernel_limit),
            device_type=DEVICE_TYPES.get(given.device_type, 0),
            shares=shares_of(given),
            copy_limit=copy_limit_of(given),
        )
        if not given.quiet:
            print(_slice(vgpu, device, index, given.json), file=sys.stderr)
        variables = opencl_environment(os.environ, vgpu.socket_path, trace)
        spawned_ns = time.monotonic_ns()
        status = run_command(command, variables)
        trouble = host.late_error()
        if trouble is not None and not given.quiet:
            report(trouble, as_json=given.json)
        if given.receipt or (given.json and not given.quiet):
            _print_receipt(host, vgpu, spawned_ns, given.json)
        return status


def _print_receipt(host: DeviceHost, vgpu: Vgpu, spawned_ns: int, as_json: bool) -> None:
    from aliquot.cli.run_receipt import print_receipt

    try:
        print_receipt(host, vgpu, spawned_ns, as_json=as_json)
    except DeviceHostError as error:  # the command's own exit status counts
        report(error, as_json=as_json)


def check_quota(memory: int, device: Device) -> None:
    """Raise QuotaAboveDevice where a device could never give so much."""
    if memory > device.global_memory:
        raise QuotaAboveDevice(
            f"{format_size(memory)} is more than the {format_size(device.global_memory)} of "
            f"{device.name!r}"
        )


def _name(given: str | None, program: str) -> str:
    if given is not None:
        return checked_name(given)
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", os.path.basename(program)).lstrip("._-")[:40]
    return f"{stem or 'run'}-{os.getpid()}"


def _slice(vgpu: Vgpu, device: Device, index: int, as_json: bool) -> str:
    if as_json:
        import json

        return json.dumps(
            {
                "vgpu": vgpu.id,
                "name": vgpu.name,
                "device": device.uuid,
                "device_index": index,
                "device_name": device.name,
                "memory": vgpu.memory,
                "device_memory": device.global_memory,
                **vgpu.shares.as_dict(),
                "copy_limit": vgpu.copy_limit,
                "mode": MODE_REMOTING,
                "lease": ADVISORY,
                "worker_process_id": vgpu.worker_process_id,
            }
        )
    promised = filter(None, (format_shares(vgpu.shares), format_copy_limit(vgpu.copy_limit)))
    time = "".join(f", {words}" for words in promised)
    time += "," if time else ""
    return (
        f"aliquot: vGPU {vgpu.name}: {format_size(vgpu.memory)} of "
        f"{format_size(device.global_memory)}{time} on device {index} "
        f"({device.name}), mode {MODE_REMOTING}, {ADVISORY}"
    )
