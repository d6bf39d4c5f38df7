"""A vGPU of the state at its device host: made there, found, resized, destroyed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from aliquot.client.device_host import DeviceHost
from aliquot.daemon.owners import owner_of
from aliquot.errors import NameTaken, NoSuchLease, NoSuchVgpu, VgpuDiffers
from aliquot.model.receipt import Receipt
from aliquot.model.vgpu import Holder, VgpuUsage
from aliquot.model.vgpu_record import VgpuRecord, VgpuStatus
from aliquot.model.why import Why
from aliquot.words.refusals import refusal


def external_id(vgpu: str) -> int:
    """By which a device host knows a vGPU of the state."""
    return int(vgpu, 16)


def registered(host: DeviceHost, kept: VgpuRecord, reports: Sequence[bytes] = ()) -> VgpuStatus:
    """Have the device host hold a vGPU, whether it does already or not, in its wanted size.

    `reports` are of the devices to which it shall be movable.
    """
    try:
        return _created(host, kept, kept.name, reports)
    except VgpuDiffers:
        return resized(host, kept)
    except NameTaken:
        # Names are the tenant's own here, and one device's there.
        try:
            return _created(host, kept, f"{kept.name[:40]}.{kept.id[-12:]}", reports)
        except VgpuDiffers:
            return resized(host, kept)


def _created(host: DeviceHost, kept: VgpuRecord, name: str, reports: Sequence[bytes]) -> VgpuStatus:
    spec = kept.spec
    made = host.create_vgpu(
        name,
        spec.memory,
        flags=spec.flags,
        kernel_limit_ms=spec.kernel_limit_ms,
        device_type=spec.device_type,
        shares=spec.shares,
        copy_limit=spec.copy_limit,
        external_id=external_id(kept.id),
        owner_uid=owner_of(kept.tenant),
        reports=reports,
    )
    return VgpuStatus(
        device=made.device_uuid,
        number=made.id,
        worker_process_id=made.worker_process_id,
        socket_path=made.socket_path,
        protections=made.protections,
        memory_used=kept.status.memory_used,
    )


def resized(host: DeviceHost, kept: VgpuRecord) -> VgpuStatus:
    """Give a vGPU that its device host has the wanted size; raises NoSuchVgpu, MemoryInUse."""
    usage = find(host, kept)
    if usage is None:
        raise refusal(NoSuchVgpu, Why.NOT_AT_HOST, vgpu=kept.name)
    spec = kept.spec
    had = (usage.turns.shares, usage.copies.limit, usage.memory_limit)
    if had != (spec.shares, spec.copy_limit, spec.memory):
        host.resize_vgpu(usage.id, spec.shares, spec.copy_limit, memory=spec.memory)
    return msgspec.structs.replace(
        kept.status,
        device=usage.device_uuid,
        number=usage.id,
        worker_process_id=usage.worker_process_id,
        protections=usage.protections,
    )


def find(host: DeviceHost, kept: VgpuRecord) -> VgpuUsage | None:
    """The vGPU at its device host, or None; by its number where that is known."""
    try:
        if kept.status.number and is_it(usage := host.show_vgpu(kept.status.number).usage, kept):
            return usage
    except NoSuchVgpu:
        pass
    return next((usage for usage in host.list_vgpus() if is_it(usage, kept)), None)


def receipt_of(host: DeviceHost, kept: VgpuRecord) -> Receipt | None:
    """Where the time of its programs went, or None where the device host doesn't have it.

    By number alone it could be another tenant's: a later device host begins to count anew.
    """
    usage = find(host, kept)
    return None if usage is None else host.receipt(usage.id)


def is_it(usage: VgpuUsage, kept: VgpuRecord) -> bool:
    """Whether what a device host tells of is this vGPU."""
    if kept.spec.adopted:
        status = kept.status
        same = (usage.device_uuid, usage.id, usage.external_id) == (status.device, status.number, 0)
        return same and kept.name in names_of(usage)
    return usage.external_id == external_id(kept.id)


def names_of(usage: VgpuUsage) -> tuple[str, str]:
    """The names that an adopted vGPU may have: its own as far as allowed, and if that is taken."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", usage.name)[:40].lstrip("._-") or "vgpu"
    return name, f"{name}.{usage.id}"


def holders_of(usage: VgpuUsage) -> tuple[Holder, ...]:
    """Who has it leased. One that doesn't last is its maker's, whom its device host doesn't name.

    That lease has number 0 and process 0.
    """
    return usage.holders if usage.lasting else (*usage.holders, Holder(0, 0, False, 0))


def end_lease(host: DeviceHost, kept: VgpuRecord, number: int, process_id: int) -> None:
    """End a process's lease at the device host; raises NoSuchVgpu, NoSuchLease.

    A later device host begins to count anew: that number may be another process's there.
    """
    usage = find(host, kept)
    if usage is None:
        raise NoSuchVgpu(f"the device host has no vGPU {kept.name!r}")
    if all((held.lease, held.process_id) != (number, process_id) for held in usage.holders):
        raise NoSuchLease(f"process {process_id} has no lease {number} of vGPU {kept.name!r}")
    host.end_lease(usage.id, number)


def destroy(host: DeviceHost, kept: VgpuRecord) -> None:
    """End a vGPU at its device host, whoever uses it; raises NoSuchVgpu."""
    if not kept.spec.adopted:
        host.destroy_lasting_vgpu(external_id(kept.id))
    elif (usage := find(host, kept)) is not None:
        host.destroy_vgpu(usage.id)
