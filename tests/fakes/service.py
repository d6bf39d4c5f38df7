"""A service without devices or device hosts: vGPUs, leases and groups in memory.

Profiles, tokens, audit, events and the node are the real ones, on a store of its own. What the API
has to see of the rest is here: names, visibility, generations, pages, idempotency, events.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from aliquot.daemon.audit import Audit
from aliquot.daemon.caller import Caller
from aliquot.daemon.events import Events
from aliquot.daemon.invitations import Invitations
from aliquot.daemon.node import Node
from aliquot.daemon.profiles import Profiles
from aliquot.daemon.tokens import Tokens
from aliquot.diagram.arrange import arrange
from aliquot.diagram.scene import Choice, Scene
from aliquot.diagram.slots import Slots
from aliquot.errors import (
    ChangedMeanwhile,
    IdempotencyKeyReused,
    IllegalTransition,
    ImpossibleShare,
    MemoryUnavailable,
    NameTaken,
    NoSuchEntry,
    NoSuchVgpu,
    NotAllowed,
    UnknownDevice,
)
from aliquot.model.api.devices import (
    SeriesResource,
)
from aliquot.model.api.leases import LeasePage, LeaseResource
from aliquot.model.api.picture import Picture
from aliquot.model.api.vgpus import (
    Granted,
    GroupPage,
    GroupResource,
    GroupWanted,
    LeaseWanted,
    MoveWanted,
    Plan,
    ResumeWanted,
    SuspendWanted,
    VgpuChange,
    VgpuPage,
    VgpuResource,
    VgpuWanted,
)
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.store import Location, Store
from tests.fakes.service_at_rest import (
    DEVICE,
    MEMORY,
    NODE,
    FakeDevices,
    FakeMetrics,
    FakeProcesses,
    FakeQueue,
    FakeReceipts,
    FakeVms,
    now_ms,
)


class FakeService:
    """What the API asks; `close` it."""

    def __init__(self, folder: str) -> None:
        """With a new state in `folder`."""
        self.store = Store.open(Location(folder), NODE)
        self.lock = threading.RLock()
        self.vgpus = FakeVgpus(self)
        self.vms = FakeVms(self)
        self.leases = FakeLeases(self)
        self.devices = FakeDevices()
        self.groups = FakeGroups(self)
        self.queue = FakeQueue()
        self.diagram = FakeDiagram(self)
        self.processes = FakeProcesses(self)
        self.receipts = FakeReceipts(self)
        self.profiles = Profiles(self.store)
        self.tokens = Tokens(self.store)
        self.invitations = Invitations(self.tokens)
        self.audit = Audit(self.store, NODE)
        self.events = Events(self.store)
        self.node = Node(self.store, NODE, {})
        self.metrics = FakeMetrics()

    def tell(self, caller: Caller, kind: str, subject: str, tenant: str) -> None:
        """An event."""
        with self.store.change(caller.actor) as change:
            change.tell_watchers(kind, subject, tenant)

    def close(self) -> None:
        """Let go of the state."""
        self.store.close()


class FakeVgpus:
    """vGPUs on one device of 8 GiB."""

    def __init__(self, service: FakeService) -> None:
        """None yet."""
        self._service = service
        self.kept: dict[str, VgpuResource] = {}
        self._answers: dict[tuple[str, str], tuple[Any, VgpuResource]] = {}

    def create(
        self, caller: Caller, wanted: VgpuWanted, *, idempotency_key: str | None = None
    ) -> VgpuResource:
        """Ready at once."""
        with self._service.lock:
            return self._once(
                caller, idempotency_key, ("create", wanted), lambda: self._make(caller, wanted)
            )

    def plan(self, caller: Caller, wanted: VgpuWanted) -> Plan:
        """It fits."""
        return Plan(fits=True, device=DEVICE, why="it fits", candidates=[], changes=[])

    def list(
        self,
        caller: Caller,
        *,
        name: str | None = None,
        tenant: str | None = None,
        device: str | None = None,
        group: str | None = None,
        state: list[VgpuState] | None = None,
        label: dict[str, str] | None = None,
        limit: int = 500,
        cursor: str | None = None,
    ) -> VgpuPage:
        """By id."""
        sequence = self._service.events.newest()
        states = state or [one for one in VgpuState if one is not VgpuState.DELETED]
        with self._service.lock:
            found = [
                one
                for _, one in sorted(self.kept.items())
                if caller.may_see(one.tenant)
                and one.state in states
                and name in (None, one.name)
                and tenant in (None, one.tenant)
                and device in (None, one.device)
                and group in (None, one.group)
                and all(one.labels.get(k) == v for k, v in (label or {}).items())
                and (cursor is None or one.id > cursor)
            ]
        more = found[limit - 1].id if len(found) > limit else None
        return VgpuPage(items=found[:limit], sequence=sequence, next=more)

    def show(self, caller: Caller, vgpu: str) -> VgpuResource:
        """By id, or by a name of the caller's own."""
        with self._service.lock:
            for one in self.kept.values():
                named = (
                    f"{one.tenant}:{one.name}",
                    *([one.name] if one.tenant == caller.tenant else ()),
                )
                if caller.may_see(one.tenant) and (
                    one.id == vgpu or (vgpu in named and one.state is not VgpuState.DELETED)
                ):
                    return one
        raise NoSuchVgpu(f"there is no vGPU {vgpu[:40]!r}")

    def change(
        self,
        caller: Caller,
        vgpu: str,
        change: VgpuChange,
        *,
        generation: int | None = None,
        idempotency_key: str | None = None,
    ) -> VgpuResource:
        """At once."""
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(change).items()
            if value is not msgspec.UNSET and name not in ("evict", "ttl_ms")
        }
        return self._changed(caller, vgpu, generation, "vgpu.changed", **fields)

    def suspend(
        self, caller: Caller, vgpu: str, wanted: SuspendWanted, *, generation: int | None = None
    ) -> VgpuResource:
        """At once."""
        state, want = VgpuState.SUSPENDED, Wanted.SUSPENDED
        return self._changed(caller, vgpu, generation, "vgpu.suspended", state=state, wanted=want)

    def resume(
        self, caller: Caller, vgpu: str, wanted: ResumeWanted, *, generation: int | None = None
    ) -> VgpuResource:
        """At once."""
        state, want = VgpuState.READY, Wanted.RUNNING
        return self._changed(caller, vgpu, generation, "vgpu.ready", state=state, wanted=want)

    def move(
        self, caller: Caller, vgpu: str, wanted: MoveWanted, *, generation: int | None = None
    ) -> VgpuResource:
        """There is nowhere to go."""
        self.show(caller, vgpu)
        raise UnknownDevice(f"there is no device {wanted.device[:40]!r} here")

    def delete(self, caller: Caller, vgpu: str, *, generation: int | None = None) -> VgpuResource:
        """At once."""
        return self._changed(
            caller,
            vgpu,
            generation,
            "vgpu.deleted",
            state=VgpuState.DELETED,
            wanted=Wanted.DELETED,
            deleted_ms=now_ms(),
        )

    def series(
        self,
        caller: Caller,
        vgpu: str,
        *,
        step_seconds: int,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SeriesResource:
        """Nothing was measured."""
        return SeriesResource(
            subject=self.show(caller, vgpu).id, step_seconds=step_seconds, points=[]
        )

    def _once(
        self, caller: Caller, key: str | None, request: Any, do: Callable[[], VgpuResource]
    ) -> VgpuResource:
        if key is None:
            return do()
        known = self._answers.get((caller.tenant, key))
        if known is None:
            known = self._answers[(caller.tenant, key)] = (request, do())
        if known[0] != request:
            raise IdempotencyKeyReused()
        return known[1]

    def _make(self, caller: Caller, wanted: VgpuWanted) -> VgpuResource:
        tenant = wanted.tenant or caller.tenant
        if not caller.may_see(tenant):
            raise NotAllowed("a vGPU for another tenant is for admins to make")
        living = [one for one in self.kept.values() if one.state is not VgpuState.DELETED]
        if any(one.name == wanted.name and one.tenant == tenant for one in living):
            raise NameTaken(f"there is a vGPU {wanted.name!r}")
        compute, limit = wanted.compute or 0.0, wanted.compute_limit
        limit = 100.0 if limit is None else limit
        if limit < compute:
            raise ImpossibleShare("the limit is below the guarantee")
        memory = wanted.memory or 1 << 20
        if sum(one.memory for one in living) + memory > MEMORY:
            raise MemoryUnavailable("the device has less left")
        made = VgpuResource(
            id=f"{len(self.kept) + 1:012x}{secrets.token_hex(10)}",
            name=wanted.name,
            tenant=tenant,
            node=NODE,
            group=None,
            state=VgpuState.READY,
            reason="",
            reason_code="",
            wanted=Wanted.RUNNING,
            generation=1,
            settled=True,
            memory=memory,
            memory_used=0,
            compute=compute,
            compute_limit=limit,
            weight=wanted.weight or 1,
            priority=wanted.priority or "normal",
            copy_limit=wanted.copy_limit,
            kernel_limit_ms=wanted.kernel_limit_ms,
            mode="remoting",
            device=DEVICE,
            placement=wanted.placement,
            apart=wanted.apart,
            movable=wanted.movable,
            preemptible=wanted.preemptible,
            ephemeral=wanted.ephemeral,
            profile=wanted.profile,
            labels=wanted.labels,
            leases=0,
            queue_position=None,
            worker_process_id=0,
            created_ms=now_ms(),
            changed_ms=now_ms(),
            expires_ms=None,
            deleted_ms=None,
        )
        self.kept[made.id] = made
        self._service.tell(caller, "vgpu.ready", made.id, tenant)
        if wanted.lease:
            granted = self._service.leases.begin(caller, made.id, wanted.lease)
            made = msgspec.structs.replace(made, lease=granted, leases=1)
        return made

    def _changed(
        self, caller: Caller, vgpu: str, generation: int | None, kind: str, **fields: Any
    ) -> VgpuResource:
        with self._service.lock:
            before = self.show(caller, vgpu)
            if generation is not None and generation != before.generation:
                raise ChangedMeanwhile(f"it has generation {before.generation}")
            if before.state is VgpuState.DELETED:
                raise IllegalTransition("it is deleted")
            after = msgspec.structs.replace(
                before, generation=before.generation + 1, changed_ms=now_ms(), **fields
            )
            if after.compute_limit < after.compute:
                raise ImpossibleShare("the limit is below the guarantee")
            self.kept[before.id] = after
            self._service.tell(caller, kind, after.id, after.tenant)
            return after


class FakeLeases:
    """Leases that nobody watches."""

    def __init__(self, service: FakeService) -> None:
        """None yet."""
        self._service = service
        self.kept: dict[str, LeaseResource] = {}

    def begin(self, caller: Caller, vgpu: str, wanted: LeaseWanted) -> Granted:
        """At once."""
        of = self._service.vgpus.show(caller, vgpu)
        if of.state not in (VgpuState.READY, VgpuState.LEASED):
            raise IllegalTransition(f"it is {of.state}")
        with self._service.lock:
            lease = LeaseResource(
                id=f"{len(self.kept) + 1:012x}{secrets.token_hex(10)}",
                vgpu=of.id,
                vgpu_name=of.name,
                tenant=of.tenant,
                kind=wanted.kind,
                process_id=wanted.process_id,
                user_id=caller.user_id,
                holder=wanted.name,
                enforced=False,
                since_ms=now_ms(),
            )
            self.kept[lease.id] = lease
        self._service.tell(caller, "lease.granted", lease.id, lease.tenant)
        return Granted(
            id=lease.id,
            vgpu=of.id,
            socket_path="/nowhere/v1.sock",
            enforced=False,
            memory=of.memory,
            worker_process_id=0,
            protections=0,
        )

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
        """By id."""
        wanted = self._service.vgpus.show(caller, vgpu).id if vgpu else None
        with self._service.lock:
            found = [
                lease
                for _, lease in sorted(self.kept.items())
                if caller.may_see(lease.tenant)
                and wanted in (None, lease.vgpu)
                and tenant in (None, lease.tenant)
                and (ended or lease.released_ms is None)
                and (cursor is None or lease.id > cursor)
            ]
        more = found[limit - 1].id if len(found) > limit else None
        return LeasePage(items=found[:limit], next=more)

    def show(self, caller: Caller, lease: str) -> LeaseResource:
        """By id."""
        found = self.kept.get(lease)
        if found is None or not caller.may_see(found.tenant):
            raise NoSuchEntry("there is no such lease")
        return found

    def end(self, caller: Caller, lease: str) -> LeaseResource:
        """At once."""
        with self._service.lock:
            found = self.show(caller, lease)
            ended = msgspec.structs.replace(found, released_ms=now_ms(), ending="ended")
            self.kept[lease] = ended
        return ended


class FakeGroups:
    """Groups of vGPUs."""

    def __init__(self, service: FakeService) -> None:
        """None yet."""
        self._service = service
        self.kept: dict[str, GroupResource] = {}

    def create(
        self, caller: Caller, wanted: GroupWanted, *, idempotency_key: str | None = None
    ) -> GroupResource:
        """All or none."""
        vgpus = self._service.vgpus
        with self._service.lock:
            for kept in self.kept.values():
                if (kept.name, kept.tenant) == (wanted.name, caller.tenant):
                    raise NameTaken(f"there is a group {wanted.name!r}")
            before = dict(vgpus.kept)
            try:
                made = [vgpus.create(caller, one) for one in wanted.vgpus]
            except BaseException:
                vgpus.kept = before
                raise
            group = GroupResource(
                id=f"{len(self.kept) + 1:012x}{secrets.token_hex(10)}",
                name=wanted.name,
                tenant=caller.tenant,
                created_ms=now_ms(),
                vgpus=made,
            )
            self.kept[group.id] = group
            return group

    def list(self, caller: Caller) -> GroupPage:
        """Those that the caller may see."""
        return GroupPage(items=[g for g in self.kept.values() if caller.may_see(g.tenant)])

    def show(self, caller: Caller, group: str) -> GroupResource:
        """By id or name."""
        for one in list(self.kept.values()):
            if caller.may_see(one.tenant) and group in (one.id, one.name):
                return one
        raise NoSuchEntry("there is no such group")

    def delete(self, caller: Caller, group: str) -> GroupResource:
        """With its vGPUs."""
        with self._service.lock:
            found = self.show(caller, group)
            for one in found.vgpus:
                if self._service.vgpus.kept[one.id].state is not VgpuState.DELETED:
                    self._service.vgpus.delete(caller, one.id)
            del self.kept[found.id]
            return found


class FakeDiagram:
    """Draws what the other fakes have, without leases."""

    def __init__(self, service: FakeService) -> None:
        self._service = service

    def show(self, caller: Caller, choice: Choice, *, with_leases: bool = True) -> Picture:
        """The picture."""
        devices = self._service.devices.list(caller)
        vgpus = self._service.vgpus.list(caller).items
        if choice.device is not None:
            device = self._service.devices.show(caller, choice.device)
            choice = choice._replace(device=device.uuid)
        scene = Scene(NODE, now_ms(), devices.sequence, devices.items, vgpus, {})
        if choice.vgpu is not None:
            told = self._service.processes.of(caller, choice.vgpu)
            choice = choice._replace(vgpu=told.vgpu)
            scene = scene._replace(processes=told if with_leases else None)
        return arrange(scene, choice, Slots())
