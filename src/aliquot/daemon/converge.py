"""One vGPU is brought from what is observed to what is wanted.

Every step may be done again: whoever died in the midst of one leaves nothing that the next can't
finish. The state tells what is wanted, and the id of the vGPU there is its id at the device host.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from aliquot.daemon import processes, transfer
from aliquot.daemon.at_host import destroy, find, registered, resized
from aliquot.daemon.core import Core
from aliquot.daemon.hardware import is_hardware, uuid_of
from aliquot.daemon.hardware_steps import delete_hardware, make_of_hardware
from aliquot.daemon.hosts import NotRunning
from aliquot.errors import AliquotError, DeviceLost, NoSuchVgpu
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import Lease
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.vgpu_record import VgpuRecord, VgpuStatus
from aliquot.model.why import Why
from aliquot.store import devices, leases, lifecycle, reservations, vgpus
from aliquot.store.change import SYSTEM
from aliquot.words.refusals import refusal

UNLEASED_MS = 60_000  # after which an ephemeral vGPU that nobody came to lease ends


class _Seen(NamedTuple):
    kept: VgpuRecord
    places: list[DeviceRecord]
    leases: list[Lease]  # of an ephemeral one, those that have ended as well


class Converger:
    """Does the steps. Each call works on one vGPU, which nothing else touches meanwhile."""

    def __init__(self, core: Core) -> None:
        """Work with these."""
        self._core = core
        self._missing: set[str] = set()
        # Takes a vGPU from its VM; raises where the VM keeps it.
        self.let_go: Callable[[VgpuRecord], object] = lambda _: None

    def miss(self, vgpu: str) -> None:
        """Its device host doesn't have it, although it should: the next step makes it again."""
        self._missing.add(vgpu)

    def bring(self, vgpu: str) -> VgpuRecord:
        """Do what is to be done; returns the vGPU afterwards.

        What went wrong is raised, and kept as its reason. Raises NoSuchVgpu where it is forgotten.
        """
        with self._core.alone(vgpu):
            try:
                return self._bring(self._look(vgpu))
            except AliquotError as error:
                self._explain(vgpu, error)
                raise

    def _look(self, vgpu: str) -> _Seen:
        with self._core.store.look() as view:
            kept = vgpus.get(view, vgpu)
            places = devices.with_place_for(view, vgpu)
            places.sort(key=lambda device: device.uuid != kept.status.device)
            return _Seen(
                kept,
                places,
                leases.listed(view, vgpu=vgpu, ended=True) if kept.spec.ephemeral else [],
            )

    def _bring(self, seen: _Seen) -> VgpuRecord:
        kept = seen.kept
        if kept.state is VgpuState.DELETED or kept.node != self._core.node:
            return (
                kept  # of another node's devices nothing is known here: its own daemon sees to it
            )
        if self._is_over(seen):
            with self._core.store.change(SYSTEM) as change:
                wanted = msgspec.structs.replace(kept.spec, wanted=Wanted.DELETED)
                kept = lifecycle.want(change, kept.id, wanted)
        if kept.spec.wanted is Wanted.DELETED:
            return self._delete(kept, seen.places)
        if kept.spec.adopted:
            return self._follow(kept)
        if not seen.places:
            return self._without_place(kept)
        device = seen.places[0]
        if is_hardware(kept.spec):
            return self._of_hardware(kept, device)
        if len(seen.places) > 1:
            return self._move(seen)
        if not device.present:
            return self._lost(kept, device)
        if device.simulated:
            return self._settle(kept, VgpuStatus(device=device.uuid), _simulated_state(kept))
        if kept.spec.wanted is Wanted.SUSPENDED:
            return self._suspend(kept, device)
        if kept.state is VgpuState.SUSPENDED:
            return self._resume(kept, device)
        there = kept.settled and kept.state in LEASABLE and kept.status.device == device.uuid
        if there and kept.id not in self._missing:
            return kept
        return self._register(kept, device)

    def _of_hardware(self, kept: VgpuRecord, device: DeviceRecord) -> VgpuRecord:
        """What it is made of decides on it, and not whether the host's drivers see the device."""
        if device.simulated:
            return self._settle(kept, VgpuStatus(device=device.uuid), VgpuState.READY)
        if kept.settled and kept.state in LEASABLE and kept.id not in self._missing:
            return kept
        if kept.status.lent:  # a hypervisor has it in its own hands until its VM stops
            return self._settle(kept, kept.status, VgpuState.READY)
        status = make_of_hardware(self._core, kept, device)
        self._missing.discard(kept.id)
        return self._settle(kept, status, VgpuState.READY)

    def _is_over(self, seen: _Seen) -> bool:
        """Whether an ephemeral vGPU has had its last lease, or nobody comes for the first."""
        kept = seen.kept
        if not kept.spec.ephemeral or kept.spec.adopted:
            return False
        if kept.state not in (VgpuState.PENDING, VgpuState.READY):
            return False
        if kept.spec.asker is not None and _has_ended(*kept.spec.asker):
            return True
        if kept.state is not VgpuState.READY:
            return False
        return bool(seen.leases) or kept.changed_ms + UNLEASED_MS < self._now_ms()

    def _register(self, kept: VgpuRecord, device: DeviceRecord) -> VgpuRecord:
        """Have the device host hold it, as it is wanted."""
        status = self._registered(kept, device.uuid)
        if kept.id in self._missing:
            transfer.resume(self._core.hosts, device.uuid, kept)  # should it be suspended there
            self._missing.discard(kept.id)
        return self._settle(kept, status, VgpuState.READY)

    def _registered(self, kept: VgpuRecord, device: str) -> VgpuStatus:
        reports = self._core.hosts.reports() if kept.spec.movable else []
        return self._core.hosts.ask(device, lambda host: registered(host, kept, reports))

    def _suspend(self, kept: VgpuRecord, device: DeviceRecord) -> VgpuRecord:
        hosts = self._core.hosts
        if kept.state is VgpuState.PENDING:  # nothing of it is anywhere yet
            kept = self._register(kept, device)
        if kept.state is VgpuState.SUSPENDED and kept.settled:
            return kept
        transfer.suspend(hosts, device.uuid, kept)
        try:
            if kept.spec.release:
                transfer.give_up_place(hosts, device.uuid, kept)
            else:
                hosts.ask(device.uuid, lambda host: resized(host, kept))
        except AliquotError:
            with suppress(AliquotError):  # it goes on, as whoever asked is told
                transfer.resume(hosts, device.uuid, kept)
            raise
        status = msgspec.structs.replace(kept.status, device=device.uuid, worker_process_id=0)
        return self._settle(kept, status, VgpuState.SUSPENDED)

    def _resume(self, kept: VgpuRecord, device: DeviceRecord) -> VgpuRecord:
        hosts = self._core.hosts
        before = kept.status.device
        if before is not None and before != device.uuid:
            # It gave up its place, and has another one now; its memory is where it was.
            with suppress(NotRunning, NoSuchVgpu):
                transfer.move(hosts, before, device.uuid, kept)
        status = self._registered(kept, device.uuid)
        transfer.resume(hosts, device.uuid, kept)
        return self._settle(kept, status, VgpuState.READY)

    def _move(self, seen: _Seen) -> VgpuRecord:
        """Bring it to the second of its places, and give back the first."""
        kept, (source, target) = seen.kept, seen.places
        hosts = self._core.hosts
        if target.simulated:
            status = VgpuStatus(device=target.uuid)
        elif not target.present or not source.present:
            lost = source if target.present else target
            raise _gone(lost)
        else:
            there = hosts.ask(target.uuid, lambda host: find(host, kept))
            here = hosts.ask(source.uuid, lambda host: find(host, kept))
            if here is not None and there is None and (here.holders or here.guest_processes):
                transfer.move(hosts, source.uuid, target.uuid, kept)
            # Where nobody uses it, there is nothing to be brought along.
            status = self._registered(kept, target.uuid)
            with suppress(NotRunning, NoSuchVgpu):
                hosts.ask(source.uuid, lambda host: destroy(host, kept), start=False)
        with self._core.store.change(SYSTEM) as change:
            reservations.release(change, kept.id, source.uuid)
            lifecycle.observe(
                change,
                kept.id,
                msgspec.structs.replace(status, observed_generation=kept.generation),
            )
            lifecycle.explain(change, kept.id, "")
            change.tell(
                "vgpu.moved",
                kept.id,
                kept.tenant,
                name=kept.name,
                source=source.uuid,
                target=target.uuid,
            )
            return vgpus.get(change, kept.id)

    def _without_place(self, kept: VgpuRecord) -> VgpuRecord:
        """It waits in the queue, or is suspended and has given up its place."""
        if kept.state is VgpuState.SUSPENDED and kept.spec.wanted is Wanted.SUSPENDED:
            return self._settle(kept, kept.status, VgpuState.SUSPENDED)
        return kept

    def _lost(self, kept: VgpuRecord, device: DeviceRecord) -> VgpuRecord:
        if kept.state is VgpuState.FAILED:
            return kept
        with self._core.store.change(SYSTEM) as change:
            gone = _gone(device)
            return lifecycle.transition(
                change,
                kept.id,
                VgpuState.FAILED,
                gone.what,
                code=gone.code,
                lines=gone.lines,
            )

    def _follow(self, kept: VgpuRecord) -> VgpuRecord:
        """One that `aliquot run` made by itself: its size follows, its end is its own."""
        if kept.settled or kept.status.device is None:
            return kept
        self._core.hosts.ask(kept.status.device, lambda host: resized(host, kept), start=False)
        return self._settle(kept, kept.status, VgpuState.READY)

    def _delete(self, kept: VgpuRecord, places: list[DeviceRecord]) -> VgpuRecord:
        """Destroy it wherever it may be, then give back what it has."""
        if is_hardware(kept.spec):
            if kept.spec.vm is not None:
                self.let_go(kept)
            delete_hardware(self._core, kept, places)
        where = dict.fromkeys([*(d.uuid for d in places if not d.simulated), kept.status.device])
        for uuid in () if is_hardware(kept.spec) else where:
            if uuid is None:
                continue
            try:
                self._core.hosts.ask(uuid, lambda host: destroy(host, kept), start=False)
            except (NotRunning, NoSuchVgpu):
                continue
        self._missing.discard(kept.id)
        with self._core.store.change(SYSTEM) as change:
            deleted = lifecycle.transition(change, kept.id, VgpuState.DELETED)
            if is_hardware(kept.spec):
                devices.forget(change, uuid_of(kept.id))  # should it have carried any
        if is_hardware(kept.spec):
            self._core.hosts.forget_partition(uuid_of(kept.id))
        return deleted

    def _settle(self, kept: VgpuRecord, status: VgpuStatus, state: VgpuState) -> VgpuRecord:
        """Keep that it is as it is wanted; what it no longer needs is given back by that."""
        status = msgspec.structs.replace(status, observed_generation=kept.generation)
        if kept.settled and kept.status == status and kept.state is state and not kept.reason:
            return kept
        with self._core.store.change(SYSTEM) as change:
            # As it is wanted by now: one that was spared meanwhile goes on in its place.
            if state is VgpuState.SUSPENDED and vgpus.get(change, kept.id).spec.release:
                reservations.release(change, kept.id)
            return lifecycle.settle(change, kept.id, status, state)

    def _explain(self, vgpu: str, error: AliquotError) -> None:
        """Keep why it isn't as it is wanted. What was usable and isn't any more has failed."""
        try:
            with self._core.store.change(SYSTEM) as change:
                kept = vgpus.get(change, vgpu)
                if kept.state is VgpuState.DELETED:
                    return
                if kept.state in LEASABLE and vgpu in self._missing:
                    lifecycle.transition(
                        change,
                        vgpu,
                        VgpuState.FAILED,
                        error.what,
                        code=error.code,
                        lines=error.lines,
                    )
                else:
                    lifecycle.explain(change, vgpu, error.what, error.code, lines=error.lines)
        except AliquotError:
            return  # the state can't be written now: what is to be told is the first error

    def _now_ms(self) -> int:
        with self._core.store.look() as view:
            return view.now_ms


def _has_ended(process_id: int, started: int) -> bool:
    process = processes.look_up(process_id)
    return process is None or process.started != started


def _gone(device: DeviceRecord) -> DeviceLost:
    return refusal(DeviceLost, Why.DEVICE_GONE, device=device.name, uuid=device.uuid)


def _simulated_state(kept: VgpuRecord) -> VgpuState:
    return VgpuState.SUSPENDED if kept.spec.wanted is Wanted.SUSPENDED else VgpuState.READY
