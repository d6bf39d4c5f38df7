"""A command on a vGPU of the daemon's: one that is made for it, or one that is there."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from aliquot.cli.daemon import new_key
from aliquot.cli.guard import report
from aliquot.cli.share_options import copy_limit_of
from aliquot.cli.signals import leaving_by_signals
from aliquot.cli.vgpu_options import shares_wanted
from aliquot.cli.wait_option import wait_of
from aliquot.errors import AliquotError, WorkerEnded
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.leases.process import run_command
from aliquot.model.api.vgpus import Granted, LeaseWanted, VgpuResource, VgpuWanted
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vgpu import ADVISORY, ENFORCED
from aliquot.sizes import format_size, parse_duration_ms, parse_size

if TYPE_CHECKING:
    from aliquot.client.rest import Client

_LONGEST_NAME = 200


def run_on_new(
    client: Client, name: str, command: list[str], given: Namespace, trace: str | None
) -> int:
    """Run a command on a vGPU of its own, which ends with it."""
    wait_ms = wait_of(given)
    wanted = VgpuWanted(
        name=name,
        memory=parse_size(given.memory) if given.memory is not None else None,
        **shares_wanted(given),
        copy_limit=copy_limit_of(given),
        kernel_limit_ms=parse_duration_ms(given.kernel_limit),
        device=given.device,
        device_type=given.device_type,
        staged=given.transfer == "staged",
        strict_sync=given.strict_sync,
        no_split=given.no_split,
        wait_ms=wait_ms,
        ephemeral=True,
        lease=_lease(command),
    )
    vgpu = client.vgpus.create(wanted, idempotency_key=new_key())
    granted = vgpu.lease
    if granted is None:
        from aliquot.cli.waiting import until_placed

        with _leaving_the_queue(client, vgpu):
            vgpu = until_placed(client, vgpu, wait_ms or 0)
            granted = begin(client, vgpu, command)
    return run_on(client, vgpu, granted, command, given, trace)


def begin(client: Client, vgpu: VgpuResource, command: list[str]) -> Granted:
    """Lease a vGPU for this process, which runs a command."""
    return client.leases.begin(vgpu.id, _lease(command))


def _lease(command: list[str]) -> LeaseWanted:
    """This process holds it, but who uses the vGPU is the command: the lease has its name."""
    return LeaseWanted(process_id=os.getpid(), name=os.path.basename(command[0])[:_LONGEST_NAME])


def run_on(
    client: Client,
    vgpu: VgpuResource,
    granted: Granted,
    command: list[str],
    given: Namespace,
    trace: str | None,
) -> int:
    """Run a command on a vGPU that this process has leased; the command's own exit status."""
    if not given.quiet:
        print(_slice(client, vgpu, granted, as_json=given.json), file=sys.stderr)
    variables = opencl_environment(os.environ, granted.socket_path, trace)
    spawned_ns = time.monotonic_ns()
    status = run_command(command, variables)
    if status and not given.quiet:
        _report_end(client, vgpu, as_json=given.json)
    if given.receipt or (given.json and not given.quiet):
        from aliquot.cli.leased_receipt import print_leased_receipt

        try:
            print_leased_receipt(client, vgpu, granted, spawned_ns, as_json=given.json)
        except AliquotError as error:  # the command's own exit status counts
            report(error, as_json=given.json)
    return status


@contextlib.contextmanager
def _leaving_the_queue(client: Client, vgpu: VgpuResource) -> Generator[None]:
    """Who waits no more, for whatever reason, leaves the queue to others."""

    with leaving_by_signals():
        try:
            yield
        except BaseException:
            with contextlib.suppress(AliquotError):
                client.vgpus.delete(vgpu.id)
            raise


def _report_end(client: Client, vgpu: VgpuResource, *, as_json: bool) -> None:
    """Say why a vGPU ended, where that may be why its command failed."""
    with contextlib.suppress(AliquotError):
        now = client.vgpus.show(vgpu.id)
        if now.state is VgpuState.FAILED or now.reason_code == WorkerEnded.code:
            report(WorkerEnded(f"vGPU {now.name} failed: {now.reason}"), as_json=as_json)


def _slice(client: Client, vgpu: VgpuResource, granted: Granted, *, as_json: bool) -> str:
    device = client.devices.show(vgpu.device) if vgpu.device is not None else None
    lease = ENFORCED if granted.enforced else ADVISORY
    if as_json:
        told: dict[str, Any] = {
            "vgpu": vgpu.id,
            "lease_id": granted.id,
            "name": vgpu.name,
            "device": vgpu.device,
            "device_index": device.index if device else None,
            "device_name": device.name if device else None,
            "memory": granted.memory,
            "device_memory": device.memory if device else None,
            "compute": vgpu.compute,
            "compute_limit": vgpu.compute_limit,
            "weight": vgpu.weight,
            "priority": vgpu.priority,
            "copy_limit": vgpu.copy_limit,
            "mode": vgpu.mode,
            "lease": lease,
            "worker_process_id": granted.worker_process_id,
        }
        return json.dumps(told)
    from aliquot.cli import vgpu_words
    from aliquot.shares import format_copy_limit, format_shares

    promised = (format_shares(vgpu_words.shares_in(vgpu)), format_copy_limit(vgpu.copy_limit))
    time_words = ", ".join(filter(None, promised))
    time_words = f", {time_words}," if time_words else ""
    of_device = f" of {format_size(device.memory)}" if device else ""
    place = vgpu_words.place(vgpu, {device.uuid: device} if device else {})
    return (
        f"aliquot: vGPU {vgpu.name}: {format_size(granted.memory)}{of_device}{time_words} on "
        f"{place}, mode {vgpu.mode}, {lease}"
    )
