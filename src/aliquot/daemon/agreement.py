"""Whether the state, the device hosts, the workers and the leases agree: `aliquot doctor --deep`.

For a moment of rest: what is under way when it looks is told as a disagreement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from aliquot.client.device_host import running_vgpus
from aliquot.daemon import processes
from aliquot.daemon.at_host import external_id, holders_of, is_it
from aliquot.daemon.hardware import is_hardware
from aliquot.daemon.transfer import LEAST_MEMORY
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Lease
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.vgpu import VgpuUsage
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.store import Store, check, devices, leases, vgpus
from aliquot.store.lists import more


def problems(
    store: Store, node: str, usages: Callable[[], Iterable[VgpuUsage]] = running_vgpus
) -> list[str]:
    """Each disagreement in a sentence; none where all is well. `store` may be open to read."""
    told = list(usages())
    with store.look() as view:
        found = list(check.problems(view))
        kept = vgpus.listed(view, vgpus.Filter(node=node))
        known = {device.uuid: device for device in devices.listed(view, node)}
        places = more(view, kept[0].id, kept[-1].id).devices if kept else {}
        held: dict[str, list[Lease]] = {}
        for lease in leases.listed(view):
            held.setdefault(lease.vgpu, []).append(lease)
    for vgpu in kept:
        found += _of_vgpu(vgpu, places.get(vgpu.id, []), known, told, held.get(vgpu.id, []))
    found += _strangers(kept, told)
    found += _sums(known, told)
    found += _workers(told)
    return found


def _of_vgpu(
    kept: VgpuRecord,
    places: list[str],
    known: Mapping[str, DeviceRecord],
    told: list[VgpuUsage],
    held: list[Lease],
) -> Iterator[str]:
    name = f"vGPU {kept.name!r} of {kept.tenant} ({kept.id})"
    if kept.spec.wanted is Wanted.DELETED:
        yield f"{name} is to be deleted, and is there"
        return
    if not kept.settled and kept.state in LEASABLE:
        why = f": {kept.reason}" if kept.reason else ""
        yield f"{name} isn't as it is wanted{why}"
    if len(places) > 1:
        yield f"{name} has a place on {len(places)} devices"
    there = [usage for usage in told if is_it(usage, kept)]
    if len(there) > 1:
        yield f"{name} is at {len(there)} device hosts"
    real = [uuid for uuid in places if not known[uuid].simulated]
    if is_hardware(kept.spec):
        return  # no device host has it; what it is made of is looked at all the time
    if kept.state not in LEASABLE or not real:
        if kept.state is VgpuState.PENDING and there:
            yield f"{name} is pending, and at a device host"
        return
    usage = next((usage for usage in there if usage.device_uuid in real), None)
    if usage is None:
        yield f"{name} is {kept.state}, and its device host doesn't have it"
        return
    spec = kept.spec
    if kept.settled and usage.memory_limit != spec.memory:
        yield f"{name} has {usage.memory_limit} bytes, and is to have {spec.memory}"
    if kept.settled and usage.turns.shares != spec.shares:
        yield f"{name} has other shares at its device host than it is to have"
    if usage.memory_lent > usage.memory_limit:
        yield f"{name} was lent more memory than it may use"
    yield from _leases(name, usage, held)


def _leases(name: str, usage: VgpuUsage, held: list[Lease]) -> Iterator[str]:
    at_host = {(holder.lease, holder.process_id) for holder in holders_of(usage)}
    known = {(lease.holder.number, lease.holder.process_id) for lease in held}
    for number, process in sorted(at_host - known):
        yield f"{name}: lease {number} of process {process} is held, and not in the state"
    for number, process in sorted(known - at_host):
        yield f"{name}: lease {number} of process {process} is in the state, and not held"
    for holder in usage.holders:
        if holder.by_process and processes.look_up(holder.process_id) is None:
            yield f"{name}: lease {holder.lease} is held by {holder.process_id}, which ended"


def _strangers(kept: list[VgpuRecord], told: list[VgpuUsage]) -> Iterator[str]:
    ids = {external_id(vgpu.id) for vgpu in kept}
    adopted = [vgpu for vgpu in kept if vgpu.spec.adopted]
    for usage in told:
        known = usage.external_id in ids if usage.lasting else any(is_it(usage, v) for v in adopted)
        if not known:
            yield f"vGPU {usage.name!r} of device {usage.device_uuid} isn't in the state"


def _sums(known: Mapping[str, DeviceRecord], told: list[VgpuUsage]) -> Iterator[str]:
    for uuid, device in known.items():
        here = [usage for usage in told if usage.device_uuid == uuid]
        # A vGPU in use that is suspended and gave up its place keeps the least that one can have.
        memory = sum(u.memory_limit for u in here if u.memory_limit > LEAST_MEMORY)
        if memory > device.reserved_memory:
            yield (
                f"device {uuid}: its device host has promised {memory} bytes, and "
                f"{device.reserved_memory} are reserved"
            )
        guarantee = sum(usage.turns.shares.guarantee for usage in here)
        if guarantee > device.reserved_guarantee:
            yield f"device {uuid}: its device host has promised more time than is reserved"


def _workers(told: list[VgpuUsage]) -> Iterator[str]:
    for usage in told:
        worker = usage.worker_process_id
        if worker and processes.look_up(worker) is None:
            yield f"vGPU {usage.name!r}: its worker {worker} doesn't run"
        if usage.holders and not worker and usage.state.name == "READY":
            yield f"vGPU {usage.name!r} is in use, and has no worker"
