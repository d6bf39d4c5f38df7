"""What a device host has is compared with the state; what the state doesn't know is adopted.

Unknown are vGPUs that `aliquot run` made without the daemon, and those that a restored state has
forgotten. What the state has deleted is destroyed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import msgspec

from aliquot.client.records import VgpuFlag
from aliquot.daemon import processes
from aliquot.daemon.at_host import holders_of, is_it, names_of
from aliquot.daemon.core import Core
from aliquot.daemon.enforcement import enforced
from aliquot.daemon.hardware import is_hardware
from aliquot.daemon.holders import Holders
from aliquot.daemon.leases import Leases
from aliquot.daemon.owners import tenant_of
from aliquot.daemon.reconciler import Reconciler
from aliquot.errors import AliquotError, DeviceHostError, NoSuchVgpu
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Holder, Lease, LeaseKind
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.receipt import Receipt
from aliquot.model.vgpu import Holder as HostHolder
from aliquot.model.vgpu import VgpuState as HostState
from aliquot.model.vgpu import VgpuUsage
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec, VgpuStatus
from aliquot.store import Change, View, devices, leases, lifecycle, reservations, vgpus
from aliquot.store.change import SYSTEM

_log = logging.getLogger(__name__)


class Adoption:
    """Compares a device host with the state."""

    def __init__(self, core: Core, reconciler: Reconciler, holders: Holders, held: Leases) -> None:
        """Work with these."""
        self._core = core
        self._reconciler = reconciler
        self._holders = holders
        self._leases = held
        self._adopted: dict[tuple[str, int], str] = {}  # by device and number

    def id_of(self, usage: VgpuUsage) -> str:
        """The id in the state of what a device host has; empty where it isn't there."""
        if usage.lasting:
            return f"{usage.external_id:032x}"
        return self._adopted.get(_key(usage), "")

    def compare(self, device: str, usages: list[VgpuUsage], began: float) -> bool:
        """Make the state agree with what a device host told at `began` (monotonic clock).

        Returns whether all was compared: what was touched meanwhile is left for the next time.
        """
        with self._core.store.look() as view:
            known = {device.uuid for device in devices.listed(view, self._core.node)}
            if device not in known:  # another OpenCL driver's, before it was discovered
                return False
            rows = vgpus.listed(view, vgpus.Filter(node=self._core.node, device=device))
            rows = [row for row in rows if not is_hardware(row.spec)]  # no device host has those
            held = _by_vgpu(leases.listed(view))
        for row in rows:
            if row.spec.adopted and row.status.device == device:
                self._adopted[device, row.status.number] = row.id
        there = {vgpu: usage for usage in usages if (vgpu := self.id_of(usage))}
        whole = True
        for row in rows:
            if row.status.device in (device, None):
                usage = there.get(row.id)
                if usage is not None and not is_it(usage, row):  # the same number, another vGPU
                    usage = None
                if _agrees(row, usage, held.get(row.id, [])):
                    self._watch(held.get(row.id, []), usage)
                    continue
                whole &= self._quietly(row.id, began, lambda r=row, u=usage: self._follow(r.id, u))
        rows_here = {row.id for row in rows}
        for usage in usages:
            vgpu = self.id_of(usage)
            if vgpu not in rows_here:
                name = vgpu or f"{device}/{usage.id}"
                whole &= self._quietly(name, began, lambda u=usage: self._unknown(u))
        return whole

    def _quietly(self, vgpu: str, began: float, work: Callable[[], None]) -> bool:
        """Do it, unless something else was done to the vGPU since the device host told."""
        if self._core.touched_since(vgpu, began):
            return False
        with self._core.alone(vgpu):
            try:
                work()
            except AliquotError as error:
                _log.warning("vGPU %s: %s", vgpu, error)
                return False
        return True

    def _watch(self, held: list[Lease], usage: VgpuUsage | None) -> None:
        holders = usage.holders if usage is not None else ()
        by_process = {(h.lease, h.process_id) for h in holders if h.by_process}
        for lease in held:
            who = lease.holder
            if (who.number, who.process_id) in by_process:
                self._holders.watch(lease.id, who.process_id, who.process_started)

    def _follow(self, vgpu: str, usage: VgpuUsage | None) -> None:
        """Keep what has changed of a vGPU that the state knows."""
        told = self._told_at_an_end(vgpu, usage)
        with self._core.store.change(SYSTEM) as change:
            kept = vgpus.get(change, vgpu)
            if kept.state is VgpuState.DELETED:
                return
            if usage is None:
                self._lost(change, kept)
            else:
                self._follow_leases(change, kept, usage, told)
                self._follow_status(change, kept, usage)
            held = leases.listed(change, vgpu=vgpu)
        self._watch(held, usage)
        self._reconciler.schedule(vgpu)

    def _lost(self, change: Change, kept: VgpuRecord) -> None:
        """Its device host has it no more."""
        if kept.spec.adopted:
            lifecycle.transition(change, kept.id, VgpuState.DELETED)
            self._forget(kept)
            return
        for lease in leases.listed(change, vgpu=kept.id):
            leases.release(change, lease.id, "its device host was lost")
        if kept.state in LEASABLE:
            self._reconciler.converger.miss(kept.id)

    def _told_at_an_end(self, vgpu: str, usage: VgpuUsage | None) -> Receipt | None:
        """What its programs have had, where one of its leases has ended."""
        if usage is None:
            return None
        at_host = {(holder.lease, holder.process_id) for holder in holders_of(usage)}
        with self._core.store.look() as view:
            held = leases.listed(view, vgpu=vgpu)
            kept = vgpus.get(view, vgpu)
        if all((lease.holder.number, lease.holder.process_id) in at_host for lease in held):
            return None
        return self._leases.told_of(kept)

    def _follow_leases(
        self, change: Change, kept: VgpuRecord, usage: VgpuUsage, told: Receipt | None
    ) -> None:
        at_host = {(h.lease, h.process_id): h for h in holders_of(usage)}
        known = {
            (lease.holder.number, lease.holder.process_id): lease
            for lease in leases.listed(change, vgpu=kept.id)
        }
        for key in known.keys() - at_host.keys():
            self._leases.release(change, known[key], "its holder ended", kept, told)
            self._holders.forget(known[key].id)
        if vgpus.get(change, kept.id).state in LEASABLE:
            device = devices.get(change, usage.device_uuid)
            for key in sorted(at_host.keys() - known.keys()):
                _begin(change, kept, device, at_host[key])

    def _follow_status(self, change: Change, kept: VgpuRecord, usage: VgpuUsage) -> None:
        lifecycle.observe(
            change,
            kept.id,
            msgspec.structs.replace(
                kept.status,
                device=usage.device_uuid,
                number=usage.id,
                worker_process_id=usage.worker_process_id,
                protections=usage.protections,
                memory_used=usage.memory_used,
            ),
        )
        if _sized(kept, usage) and _awake(kept, usage):
            return
        if not kept.spec.adopted:
            self._reconciler.converger.miss(kept.id)
        elif kept.settled:  # whoever made it has resized it
            spec = msgspec.structs.replace(
                kept.spec,
                memory=usage.memory_limit,
                shares=usage.turns.shares,
                copy_limit=usage.copies.limit,
            )
            after = lifecycle.want(change, kept.id, spec)
            status = msgspec.structs.replace(after.status, observed_generation=after.generation)
            lifecycle.observe(change, kept.id, status)

    def _unknown(self, usage: VgpuUsage) -> None:
        """A vGPU that has no place on this device in the state."""
        if usage.lasting:
            with self._core.store.look() as view:
                kept = _maybe(view, self.id_of(usage))
                elsewhere = bool(kept and reservations.of_vgpu(view, kept.id))
            if kept is not None:
                gone = kept.state is VgpuState.DELETED
                used = bool(usage.holders or usage.guest_processes)
                # Of one that is used the programs are here, whatever the state has it: a move of
                # which the end was not heard.
                if gone or (elsewhere and kept.status.device != usage.device_uuid and not used):
                    self._destroy(usage)
                return
        self._adopt(usage)

    def _destroy(self, usage: VgpuUsage) -> None:
        with suppress(DeviceHostError):  # the next comparison tries again
            self._core.hosts.ask(
                usage.device_uuid,
                lambda host: host.destroy_lasting_vgpu(usage.external_id),
                start=False,
            )

    def _adopt(self, usage: VgpuUsage) -> None:
        spec = VgpuSpec(
            memory=usage.memory_limit,
            shares=usage.turns.shares,
            copy_limit=usage.copies.limit,
            kernel_limit_ms=usage.kernel_limit_ms,
            ephemeral=not usage.lasting,
            adopted=not usage.lasting,
            flags=usage.flags & ~int(VgpuFlag.LASTING | VgpuFlag.MOVABLE),
            movable=bool(usage.flags & VgpuFlag.MOVABLE),
        )
        with self._core.store.change(SYSTEM) as change:
            tenant = tenant_of(usage.owner_uid)
            kept = vgpus.create(
                change,
                _free_name(change, usage, tenant),
                tenant,
                spec,
                device=usage.device_uuid,
                key=self.id_of(usage) or None,
            )
            lifecycle.observe(
                change,
                kept.id,
                VgpuStatus(
                    observed_generation=kept.generation,
                    device=usage.device_uuid,
                    number=usage.id,
                    worker_process_id=usage.worker_process_id,
                    protections=usage.protections,
                    memory_used=usage.memory_used,
                ),
            )
            lifecycle.transition(change, kept.id, VgpuState.READY)
            device = devices.get(change, usage.device_uuid)
            for holder in holders_of(usage):
                _begin(change, kept, device, holder)
            change.tell("vgpu.adopted", kept.id, tenant, name=kept.name, device=usage.device_uuid)
            held = leases.listed(change, vgpu=kept.id)
        if not usage.lasting:
            self._adopted[_key(usage)] = kept.id
        self._watch(held, usage)

    def _forget(self, kept: VgpuRecord) -> None:
        for key in [key for key, vgpu in list(self._adopted.items()) if vgpu == kept.id]:
            del self._adopted[key]


def _key(usage: VgpuUsage) -> tuple[str, int]:
    return usage.device_uuid, usage.id


def _by_vgpu(held: list[Lease]) -> dict[str, list[Lease]]:
    found: dict[str, list[Lease]] = {}
    for lease in held:
        found.setdefault(lease.vgpu, []).append(lease)
    return found


def _agrees(kept: VgpuRecord, usage: VgpuUsage | None, held: list[Lease]) -> bool:
    """Whether there is nothing to change in the state."""
    if usage is None:
        if kept.spec.adopted or held:
            return False
        return kept.state not in LEASABLE
    status = kept.status
    same = (status.number, status.worker_process_id) == (usage.id, usage.worker_process_id)
    at_host = {(holder.lease, holder.process_id) for holder in holders_of(usage)}
    known = {(lease.holder.number, lease.holder.process_id) for lease in held}
    sized = _sized(kept, usage) or not kept.settled or kept.spec.wanted is not Wanted.RUNNING
    return (
        same
        and at_host == known
        and sized
        and _awake(kept, usage)
        and kept.state is not VgpuState.FAILED
    )


def _awake(kept: VgpuRecord, usage: VgpuUsage) -> bool:
    """Whether it isn't suspended there while it should run."""
    should_run = kept.spec.wanted is Wanted.RUNNING and kept.state in LEASABLE
    return usage.state is not HostState.SUSPENDED or not should_run


def _sized(kept: VgpuRecord, usage: VgpuUsage) -> bool:
    spec = kept.spec
    had = (usage.memory_limit, usage.turns.shares, usage.copies.limit)
    return had == (spec.memory, spec.shares, spec.copy_limit)


def _begin(change: Change, kept: VgpuRecord, device: DeviceRecord, told: HostHolder) -> None:
    process = processes.look_up(told.process_id) if told.process_id else None
    holder = Holder(
        user_id=process.user_id if process else None,
        process_id=told.process_id,
        process_started=process.started if process else 0,
        name=process.name if process else kept.name if kept.spec.adopted else "",
        number=told.lease,
    )
    is_enforced = process is not None and enforced(device, process.user_id, process.groups)
    leases.begin(change, kept.id, kept.tenant, LeaseKind.PROCESS, holder, enforced=is_enforced)


def _free_name(change: Change, usage: VgpuUsage, tenant: str) -> str:
    """Its name, or one made from it where that is taken or not allowed here."""
    own, other = names_of(usage)
    return other if vgpus.found(change, own, tenant) else own


def _maybe(view: View, vgpu: str) -> VgpuRecord | None:
    try:
        return vgpus.get(view, vgpu)
    except NoSuchVgpu:
        return None
