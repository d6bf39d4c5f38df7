"""Leases: taken at the device host, whose word holds, and kept in the state."""

from __future__ import annotations

import os
from contextlib import suppress

import msgspec

from aliquot.daemon import access, processes, receipts
from aliquot.daemon.at_host import end_lease, external_id, find, receipt_of
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.enforcement import enforced
from aliquot.daemon.hardware import is_hardware
from aliquot.daemon.holders import Holders
from aliquot.daemon.hosts import NotRunning
from aliquot.daemon.owners import user_of
from aliquot.daemon.reconciler import Reconciler
from aliquot.daemon.resources import lease_resource, place_of
from aliquot.errors import (
    AliquotError,
    DeviceHostError,
    IllegalTransition,
    NoSuchEntry,
    NoSuchLease,
    NoSuchProcess,
    NoSuchVgpu,
    NotInThisMode,
    NotYourProcess,
    SimulatedDevice,
    VmHasVgpu,
)
from aliquot.model.api.leases import LeasePage, LeaseResource
from aliquot.model.api.vgpus import Granted, LeaseWanted
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Holder, Lease, LeaseKind
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.receipt import Receipt
from aliquot.model.vgpu import Lease as HostLease
from aliquot.model.vgpu_record import VgpuRecord, VgpuStatus
from aliquot.model.why import Why
from aliquot.store import Change, View, devices, leases, lifecycle, reservations, vgpus
from aliquot.words.refusals import refusal


class Leases:
    """Leases as callers begin, see and end them."""

    def __init__(self, core: Core, reconciler: Reconciler) -> None:
        """Work with these."""
        self._core = core
        self._reconciler = reconciler
        self._baselines = receipts.Baselines()
        self.holders: Holders | None = None  # who is told of new ones, once there is an observer

    def begin(self, caller: Caller, vgpu: str, wanted: LeaseWanted) -> Granted:
        """Lease a vGPU for a process, and wait until its worker is ready."""
        access.must_be_user(caller)
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        process = holder_of(caller, wanted)
        with self._core.alone(kept.id):
            return self.take(caller, kept.id, wanted, process)

    def take(
        self, caller: Caller, vgpu: str, wanted: LeaseWanted, process: processes.Process
    ) -> Granted:
        """As begin, for who knows the vGPU and the process and has the vGPU alone."""
        now = processes.look_up(process.id)  # it may have ended while we waited, and another begun
        if now is None or now.started != process.started:
            raise NoSuchProcess(f"process {process.id} has ended")
        with self._core.store.look() as view:
            kept = vgpus.get(view, vgpu)
            device = _device_of(view, kept)
        if kept.state is VgpuState.PENDING and device is not None and not device.simulated:
            kept = self._reconciler.bring(vgpu)
        _must_be_leasable(kept, device)
        assert device is not None
        had = self._held_already(kept, device, process)
        if had is not None:
            return had
        held = self._core.hosts.ask_apart(
            device.uuid,
            lambda host: host.take_lease(external_id=external_id(kept.id), process_id=process.id),
        )
        holder = Holder(
            user_id=process.user_id,
            process_id=process.id,
            process_started=process.started,
            name=wanted.name or process.name,
            number=held.number,
        )
        is_enforced = enforced(device, process.user_id, process.groups)
        try:
            with self._core.store.change(caller.actor) as change:
                lease = leases.begin(
                    change, kept.id, kept.tenant, wanted.kind, holder, enforced=is_enforced
                )
                lifecycle.observe(change, kept.id, _status(kept, held))
        except AliquotError:
            # What isn't written down isn't held either, or it would come back as somebody's.
            with suppress(AliquotError):
                self._core.hosts.ask(
                    device.uuid, lambda host: host.end_lease(held.vgpu, held.number), start=False
                )
            raise
        self._begin_receipt(device.uuid, lease, held)
        if self.holders is not None:
            self.holders.watch(lease.id, process.id, process.started)
        return _granted(lease, held)

    def list(
        self,
        caller: Caller,
        *,
        vgpu: str | None = None,
        tenant: str | None = None,
        ended: bool = False,
        limit: int = 500,
        cursor: str | None = None,
    ) -> LeasePage:
        """Leases in force or, with `ended`, all that are kept."""
        if not caller.is_admin:
            if tenant not in (None, caller.tenant):
                return LeasePage(items=[])
            tenant = caller.tenant
        with self._core.store.look() as view:
            of = access.vgpu_of(view, caller, vgpu).id if vgpu is not None else None
            found = leases.listed(
                view, vgpu=of, tenant=tenant, ended=ended, after=cursor or "", limit=limit + 1
            )
            names = vgpus.names(view, {lease.vgpu for lease in found})
        items = [lease_resource(lease, names.get(lease.vgpu, "")) for lease in found[:limit]]
        return LeasePage(items=items, next=items[-1].id if len(found) > limit else None)

    def show(self, caller: Caller, lease: str) -> LeaseResource:
        """A lease; raises NoSuchEntry."""
        with self._core.store.look() as view:
            kept = _lease_of(view, caller, lease)
            return lease_resource(kept, vgpus.get(view, kept.vgpu).name)

    def end(self, caller: Caller, lease: str) -> LeaseResource:
        """End a lease, whoever holds it; one that has ended stays as it is."""
        access.must_be_user(caller)
        with self._core.store.look() as view:
            kept = _lease_of(view, caller, lease)
            vgpu = vgpus.get(view, kept.vgpu)
        if kept.kind is LeaseKind.VM and kept.released_ms is None:
            # It would begin again: its VM has the vGPU until that is taken from it.
            raise refusal(VmHasVgpu, Why.VM_HAS, vgpu=vgpu.name, vm=kept.holder.name)
        with self._core.alone(kept.vgpu):
            self.drop(caller.actor, kept, f"ended by {caller.actor}")
        return self.show(caller, lease)

    def in_mind(self) -> set[str]:
        """The leases of which something is kept beside the state."""
        return self._baselines.leases() | (self.holders.leases() if self.holders else set())

    def forget(self, ended: set[str]) -> None:
        """Of leases that have ended, say with their vGPU, nothing is kept in mind."""
        for lease in ended:
            self._baselines.end(lease)
            if self.holders is not None:
                self.holders.forget(lease)

    def drop(self, actor: str, lease: Lease, ending: str) -> None:
        """End a lease at the device host and in the state, for who has its vGPU alone."""
        if lease.released_ms is not None:
            return
        with self._core.store.look() as view:
            kept = vgpus.get(view, lease.vgpu)
        if kept.status.device is not None:
            who = lease.holder
            with suppress(NotRunning, NoSuchVgpu, NoSuchLease):
                self._core.hosts.ask(
                    kept.status.device,
                    lambda host: end_lease(host, kept, who.number, who.process_id),
                    start=False,
                )
        told = self.told_of(kept)
        with self._core.store.change(actor) as change:
            self.release(change, lease, ending, kept, told)
        if kept.spec.ephemeral:
            with suppress(AliquotError):  # the reconciler tries again
                self._reconciler.bring(kept.id)

    def release(
        self, change: Change, lease: Lease, ending: str, kept: VgpuRecord, told: Receipt | None
    ) -> None:
        """End a lease in the state, and keep its receipt where its device host told of the vGPU."""
        released = leases.release(change, lease.id, ending)
        baseline = self._baselines.end(lease.id)
        if told is not None:
            receipts.keep(change, released, kept, told, baseline)

    def told_of(self, kept: VgpuRecord) -> Receipt | None:
        """Where the time of a vGPU's programs went up to now, if its device host is there."""
        if kept.status.device is None or not kept.status.number:
            return None
        with suppress(DeviceHostError):
            return self._core.hosts.ask(
                kept.status.device, lambda host: receipt_of(host, kept), start=False
            )
        return None

    def _begin_receipt(self, device: str, lease: Lease, held: HostLease) -> None:
        """Remember what others had had of the vGPU before."""
        with suppress(DeviceHostError):
            told = self._core.hosts.ask(device, lambda host: host.receipt(held.vgpu), start=False)
            self._baselines.begin(lease.id, told)

    def _held_already(
        self, kept: VgpuRecord, device: DeviceRecord, process: processes.Process
    ) -> Granted | None:
        """What this very process holds already: a request may be sent twice."""
        with self._core.store.look() as view:
            own = [lease for lease in leases.listed(view, vgpu=kept.id) if _is_of(lease, process)]
        for lease in own:
            usage = self._core.hosts.ask(device.uuid, lambda host: find(host, kept))
            who = (lease.holder.number, process.id)  # a later device host counts anew
            if usage and any((held.lease, held.process_id) == who for held in usage.holders):
                return Granted(
                    id=lease.id,
                    vgpu=kept.id,
                    socket_path=kept.status.socket_path,
                    enforced=lease.enforced,
                    memory=usage.memory_limit,
                    worker_process_id=usage.worker_process_id,
                    protections=usage.protections,
                )
        return None


def holder_of(caller: Caller, wanted: LeaseWanted) -> processes.Process:
    """The process that is to hold a lease; raises NoSuchProcess, NotYourProcess."""
    process = processes.look_up(wanted.process_id)
    if process is None:
        raise NoSuchProcess(f"there is no process {wanted.process_id}")
    if caller.is_admin:
        return process
    own = caller.user_id if caller.user_id is not None else user_of(caller.tenant)
    if own is None and os.geteuid() != 0:
        own = os.geteuid()  # a user's own daemon has that user's processes alone
    if own is None or process.user_id != own:
        raise NotYourProcess(f"process {wanted.process_id} belongs to another user")
    return process


def _lease_of(view: View, caller: Caller, lease: str) -> Lease:
    kept = leases.get(view, lease)
    if not caller.may_see(kept.tenant):
        raise NoSuchEntry(f"there is no lease {lease[:40]!r}")
    return kept


def _is_of(lease: Lease, process: processes.Process) -> bool:
    who = lease.holder
    return (who.process_id, who.process_started) == (process.id, process.started)


def _device_of(view: View, kept: VgpuRecord) -> DeviceRecord | None:
    held = [place.device for place in reservations.of_vgpu(view, kept.id)]
    uuid = place_of(kept, held)
    return None if uuid is None else devices.get(view, uuid)


def _must_be_leasable(kept: VgpuRecord, device: DeviceRecord | None) -> None:
    if is_hardware(kept.spec):
        raise refusal(NotInThisMode, Why.MODE_NO_PROCESS, mode=kept.spec.mode)
    if device is not None and device.simulated:
        raise SimulatedDevice(f"vGPU {kept.name!r} is on the simulated device {device.name!r}")
    if kept.spec.wanted is Wanted.DELETED:
        raise IllegalTransition(f"vGPU {kept.name!r} is being deleted")
    if kept.state not in LEASABLE or device is None:
        why = f": {kept.reason}" if kept.reason else ""
        raise IllegalTransition(f"vGPU {kept.name!r} is {kept.state} and can't be used{why}")
    if kept.spec.adopted:
        raise IllegalTransition(f"vGPU {kept.name!r} is another command's own")


def _status(kept: VgpuRecord, held: HostLease) -> VgpuStatus:
    return msgspec.structs.replace(
        kept.status,
        number=held.vgpu,
        worker_process_id=held.worker_process_id,
        socket_path=held.socket_path,
        protections=held.protections,
    )


def _granted(lease: Lease, held: HostLease) -> Granted:
    return Granted(
        id=lease.id,
        vgpu=lease.vgpu,
        socket_path=held.socket_path,
        enforced=lease.enforced,
        memory=held.memory,
        worker_process_id=held.worker_process_id,
        protections=held.protections,
    )
