"""A command on a vGPU that is made for it by the device host, which starts where none runs."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace

from aliquot.cli.guard import report, warn
from aliquot.cli.share_options import copy_limit_of, shares_of
from aliquot.client.device_host import DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.devices.opencl import NO_DEVICE, look_up
from aliquot.errors import DeviceHostError, QuotaAboveDevice
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.leases.process import run_command
from aliquot.model.device import DEVICE_TYPES, Device
from aliquot.model.vgpu import ADVISORY, MODE_REMOTING, Vgpu
from aliquot.shares import format_copy_limit, format_shares
from aliquot.sizes import format_size, parse_duration_ms


def run_on_new(
    name: str, memory: int, command: list[str], given: Namespace, trace: str | None
) -> int:
    """Run a command on a vGPU of its own, which ends with it and the processes that it leaves."""
    index, device, failures = look_up(given.device)
    _check_quota(memory, device)
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


def _check_quota(memory: int, device: Device) -> None:
    """Raise QuotaAboveDevice where a device could never give so much."""
    if memory > device.global_memory:
        raise QuotaAboveDevice(
            f"{format_size(memory)} is more than the {format_size(device.global_memory)} of "
            f"{device.name!r}"
        )


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
