# Made by `python -m tools.generate` from resources.py.
"""One class a resource, one method a route, for asyncio."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol, TypeVar

from aliquot.client.rest.exchange import Call, call, part
from aliquot.model.api.devices import (
    DevicePage,
    DeviceResource,
    PolicyResource,
    PriorityMixWanted,
    SeriesResource,
    TurnsResource,
)
from aliquot.model.api.explained import ModesExplained
from aliquot.model.api.leases import LeasePage, LeaseResource, ReceiptPage, RunningReceipt
from aliquot.model.api.node import (
    Agreement,
    AuditPage,
    AuditVerdict,
    EventPage,
    Health,
    Invitation,
    NodeResource,
    TokenPage,
    TokenResource,
    TokenWanted,
    Whoami,
)
from aliquot.model.api.picture import Picture
from aliquot.model.api.processes import VgpuProcesses
from aliquot.model.api.vgpus import (
    Granted,
    GroupPage,
    GroupResource,
    GroupWanted,
    LeaseWanted,
    MoveWanted,
    Plan,
    ProfilePage,
    ProfileResource,
    ProfileWanted,
    QueuePage,
    ResumeWanted,
    SuspendWanted,
    VgpuChange,
    VgpuPage,
    VgpuResource,
    VgpuWanted,
)
from aliquot.model.api.vms import AttachedResource, AttachWanted, VmTold, VmVgpus
from aliquot.model.lifecycle import VgpuState

T = TypeVar("T")


class Send(Protocol):
    """What sends a request and gives its answer."""

    def __call__(self, request: Call[T], /) -> Awaitable[T]:
        """The answer, awaited."""
        ...


class Resource:
    """A kind of thing that the daemon has."""

    def __init__(self, send: Send) -> None:
        """`send` is the way to the daemon."""
        self._send = send


class AsyncVgpus(Resource):
    """vGPUs. A `vgpu` is an id, a name of the caller's own, or `tenant:name`."""

    async def create(
        self, wanted: VgpuWanted, *, idempotency_key: str | None = None
    ) -> VgpuResource:
        """Make a vGPU; where a lease is asked for, too, its socket is in the answer."""
        return await self._send(
            call("POST", "/vgpus", VgpuResource, body=wanted, key=idempotency_key)
        )

    async def plan(self, wanted: VgpuWanted) -> Plan:
        """Where it would go and why, or why nowhere; nothing is made."""
        return await self._send(call("POST", "/plans", Plan, body=wanted))

    async def list(
        self,
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
        """A page of the vGPUs that fit all of what is given; `cursor` is the last page's `next`."""
        query: dict[str, Any] = {
            "name": name,
            "tenant": tenant,
            "device": device,
            "group": group,
            "state": [one.value for one in state or ()],
            "label": [f"{key}={value}" for key, value in (label or {}).items()],
            "limit": limit,
            "cursor": cursor,
        }
        return await self._send(call("GET", "/vgpus", VgpuPage, query=query))

    async def show(self, vgpu: str) -> VgpuResource:
        """All about one vGPU."""
        return await self._send(call("GET", f"/vgpus/{part(vgpu)}", VgpuResource))

    async def change(
        self,
        vgpu: str,
        change: VgpuChange,
        *,
        generation: int | None = None,
        idempotency_key: str | None = None,
    ) -> VgpuResource:
        """Change size, shares, labels; with `generation`, only if it has that still."""
        return await self._send(
            call(
                "PATCH",
                f"/vgpus/{part(vgpu)}",
                VgpuResource,
                body=change,
                key=idempotency_key,
                generation=generation,
            )
        )

    async def suspend(
        self, vgpu: str, wanted: SuspendWanted | None = None, *, generation: int | None = None
    ) -> VgpuResource:
        """Stop it at a kernel boundary and move its memory to the host."""
        return await self._send(
            call(
                "POST",
                f"/vgpus/{part(vgpu)}/suspend",
                VgpuResource,
                body=wanted or SuspendWanted(),
                generation=generation,
            )
        )

    async def resume(
        self, vgpu: str, wanted: ResumeWanted | None = None, *, generation: int | None = None
    ) -> VgpuResource:
        """Let a suspended one go on."""
        return await self._send(
            call(
                "POST",
                f"/vgpus/{part(vgpu)}/resume",
                VgpuResource,
                body=wanted or ResumeWanted(),
                generation=generation,
            )
        )

    async def move(
        self, vgpu: str, wanted: MoveWanted, *, generation: int | None = None
    ) -> VgpuResource:
        """Move it to another device, programs and all."""
        return await self._send(
            call(
                "POST",
                f"/vgpus/{part(vgpu)}/move",
                VgpuResource,
                body=wanted,
                generation=generation,
            )
        )

    async def delete(self, vgpu: str, *, generation: int | None = None) -> VgpuResource:
        """End it and its leases."""
        return await self._send(
            call("DELETE", f"/vgpus/{part(vgpu)}", VgpuResource, generation=generation)
        )

    async def series(
        self,
        vgpu: str,
        *,
        step_seconds: int,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SeriesResource:
        """What was measured of it, in steps of 1, 10 or 300 s."""
        query = {"step_seconds": step_seconds, "since_ms": since_ms, "until_ms": until_ms}
        return await self._send(
            call("GET", f"/vgpus/{part(vgpu)}/series", SeriesResource, query=query)
        )

    async def processes(self, vgpu: str) -> VgpuProcesses:
        """The processes that use it, and their command queues, as its worker tells these."""
        return await self._send(call("GET", f"/vgpus/{part(vgpu)}/processes", VgpuProcesses))

    async def attach(self, vgpu: str, wanted: AttachWanted | None = None) -> AttachedResource:
        """Attach it to a virtual machine, or ready it for one that is started by hand."""
        return await self._send(
            call(
                "POST",
                f"/vgpus/{part(vgpu)}/attachment",
                AttachedResource,
                body=wanted or AttachWanted(),
            )
        )

    async def detach(self, vgpu: str) -> VgpuResource:
        """Take it from its virtual machine."""
        return await self._send(call("DELETE", f"/vgpus/{part(vgpu)}/attachment", VgpuResource))


class AsyncVms(Resource):
    """Virtual machines: what hypervisors' hooks tell."""

    async def started(self, told: VmTold) -> VmVgpus:
        """One is about to start: its vGPUs are readied."""
        return await self._send(call("POST", "/vms/started", VmVgpus, body=told))

    async def stopped(self, told: VmTold) -> VmVgpus:
        """One has stopped: its vGPUs are taken back."""
        return await self._send(call("POST", "/vms/stopped", VmVgpus, body=told))


class AsyncLeases(Resource):
    """Leases."""

    async def begin(self, vgpu: str, wanted: LeaseWanted) -> Granted:
        """Lease a vGPU; the answer has the socket for its programs."""
        return await self._send(call("POST", f"/vgpus/{part(vgpu)}/leases", Granted, body=wanted))

    async def list(
        self,
        *,
        vgpu: str | None = None,
        tenant: str | None = None,
        ended: bool = False,
        limit: int = 500,
        cursor: str | None = None,
    ) -> LeasePage:
        """A page of the leases in force; with `ended` also of those that were."""
        query = {
            "vgpu": vgpu,
            "tenant": tenant,
            "ended": ended,
            "limit": limit,
            "cursor": cursor,
        }
        return await self._send(call("GET", "/leases", LeasePage, query=query))

    async def show(self, lease: str) -> LeaseResource:
        """A lease."""
        return await self._send(call("GET", f"/leases/{part(lease)}", LeaseResource))

    async def end(self, lease: str) -> LeaseResource:
        """End it; its programs lose the device."""
        return await self._send(call("DELETE", f"/leases/{part(lease)}", LeaseResource))


class AsyncDevices(Resource):
    """Devices. A `device` is an index, a UUID or a unique part of a name."""

    async def list(self) -> DevicePage:
        """All devices."""
        return await self._send(call("GET", "/devices", DevicePage))

    async def show(self, device: str) -> DeviceResource:
        """A device."""
        return await self._send(call("GET", f"/devices/{part(device)}", DeviceResource))

    async def set_policy(self, device: str, policy: PolicyResource) -> DeviceResource:
        """How its time is to be shared out."""
        return await self._send(
            call("PUT", f"/devices/{part(device)}/policy", DeviceResource, body=policy)
        )

    async def set_priority_mix(self, device: str, wanted: PriorityMixWanted) -> DeviceResource:
        """Which priority classes are to share it."""
        return await self._send(
            call("PUT", f"/devices/{part(device)}/priority-mix", DeviceResource, body=wanted)
        )

    async def series(
        self,
        device: str,
        *,
        step_seconds: int,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SeriesResource:
        """What was measured of it, in steps of 1, 10 or 300 s."""
        query = {"step_seconds": step_seconds, "since_ms": since_ms, "until_ms": until_ms}
        return await self._send(
            call("GET", f"/devices/{part(device)}/series", SeriesResource, query=query)
        )

    async def turns(self, device: str, *, since_ns: int = 0) -> TurnsResource:
        """Who had its time in the last 60 s."""
        return await self._send(
            call(
                "GET",
                f"/devices/{part(device)}/turns",
                TurnsResource,
                query={"since_ns": since_ns},
            )
        )


class AsyncDiagram(Resource):
    """The architecture picture."""

    async def show(
        self,
        *,
        group: str | None = None,
        collapse: str | None = None,
        owner: str | None = None,
        device: str | None = None,
        opened: str | None = None,
        closed: str | None = None,
        vgpu: str | None = None,
    ) -> Picture:
        """Each box and edge with its place, and what flows now."""
        query = {
            "group": group,
            "collapse": collapse,
            "owner": owner,
            "device": device,
            "opened": opened,
            "closed": closed,
            "vgpu": vgpu,
        }
        return await self._send(call("GET", "/diagram", Picture, query=query))

    async def modes(self) -> ModesExplained:
        """The modes explained, each with a picture."""
        return await self._send(call("GET", "/diagram/modes", ModesExplained))


class AsyncGroups(Resource):
    """Groups: vGPUs that are made and deleted together."""

    async def create(
        self, wanted: GroupWanted, *, idempotency_key: str | None = None
    ) -> GroupResource:
        """Make all of its vGPUs, or none."""
        return await self._send(
            call("POST", "/groups", GroupResource, body=wanted, key=idempotency_key)
        )

    async def list(self) -> GroupPage:
        """All groups that the caller may see."""
        return await self._send(call("GET", "/groups", GroupPage))

    async def show(self, group: str) -> GroupResource:
        """A group with its vGPUs."""
        return await self._send(call("GET", f"/groups/{part(group)}", GroupResource))

    async def delete(self, group: str) -> GroupResource:
        """Delete all of its vGPUs."""
        return await self._send(call("DELETE", f"/groups/{part(group)}", GroupResource))


class AsyncQueue(Resource):
    """The queue of what doesn't fit now."""

    async def list(self) -> QueuePage:
        """Who waits, the next to be served first."""
        return await self._send(call("GET", "/queue", QueuePage))

    async def leave(self, vgpu: str) -> VgpuResource:
        """Wait no longer."""
        return await self._send(call("DELETE", f"/queue/{part(vgpu)}", VgpuResource))


class AsyncReceipts(Resource):
    """Receipts: where the time of leases went."""

    async def list(
        self,
        *,
        vgpu: str | None = None,
        lease: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ReceiptPage:
        """A page of receipts, the newest first."""
        query = {"vgpu": vgpu, "lease": lease, "limit": limit, "cursor": cursor}
        return await self._send(call("GET", "/receipts", ReceiptPage, query=query))

    async def of_vgpu(
        self, vgpu: str, *, limit: int = 100, cursor: str | None = None
    ) -> ReceiptPage:
        """A page of a vGPU's receipts, the newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._send(
            call("GET", f"/vgpus/{part(vgpu)}/receipts", ReceiptPage, query=query)
        )

    async def now(self, vgpu: str) -> RunningReceipt:
        """What the programs of a vGPU in use have had up to now."""
        return await self._send(call("GET", f"/vgpus/{part(vgpu)}/receipt", RunningReceipt))


class AsyncProfiles(Resource):
    """Profiles: named sizes."""

    async def list(self) -> ProfilePage:
        """All profiles."""
        return await self._send(call("GET", "/profiles", ProfilePage))

    async def show(self, name: str) -> ProfileResource:
        """A profile."""
        return await self._send(call("GET", f"/profiles/{part(name)}", ProfileResource))

    async def put(
        self, name: str, wanted: ProfileWanted, *, generation: int | None = None
    ) -> ProfileResource:
        """Make a profile or replace it; with `generation` 0 only if it is new."""
        return await self._send(
            call(
                "PUT",
                f"/profiles/{part(name)}",
                ProfileResource,
                body=wanted,
                generation=generation,
            )
        )

    async def remove(self, name: str) -> ProfileResource:
        """Forget a profile; vGPUs that were made from it stay."""
        return await self._send(call("DELETE", f"/profiles/{part(name)}", ProfileResource))


class AsyncTokens(Resource):
    """Tokens for TCP."""

    async def list(self) -> TokenPage:
        """The caller's own; an admin's: all."""
        return await self._send(call("GET", "/tokens", TokenPage))

    async def create(self, wanted: TokenWanted) -> TokenResource:
        """A new token; its secret is in this answer and nowhere else."""
        return await self._send(call("POST", "/tokens", TokenResource, body=wanted))

    async def invite(self) -> Invitation:
        """A code with which a browser becomes the caller, once and within a minute."""
        return await self._send(call("POST", "/invitations", Invitation))

    async def revoke(self, token: str) -> TokenResource:
        """End a token for good."""
        return await self._send(call("DELETE", f"/tokens/{part(token)}", TokenResource))


class AsyncAudit(Resource):
    """The audit: who did what."""

    async def list(self, *, after: int = 0, limit: int = 500) -> AuditPage:
        """A page of the node's rows after number `after`."""
        query = {"after": after, "limit": limit}
        return await self._send(call("GET", "/audit", AuditPage, query=query))

    async def verify(self) -> AuditVerdict:
        """Whether all of it is as it was written."""
        return await self._send(call("GET", "/audit/verdict", AuditVerdict))


class AsyncEvents(Resource):
    """Events: what happened."""

    async def since(self, sequence: int, limit: int = 500) -> EventPage:
        """The events after number `sequence`; raises EventsForgotten."""
        query = {"since": sequence, "limit": limit}
        return await self._send(call("GET", "/events", EventPage, query=query))


class AsyncNode(Resource):
    """The daemon itself."""

    async def show(self) -> NodeResource:
        """The daemon and its machine."""
        return await self._send(call("GET", "/node", NodeResource))

    async def agreement(self) -> Agreement:
        """Whether the state, the device hosts, the workers and the leases agree now."""
        return await self._send(call("GET", "/agreement", Agreement))

    async def whoami(self) -> Whoami:
        """Who the caller is to the daemon."""
        return await self._send(call("GET", "/whoami", Whoami))

    async def health(self) -> Health:
        """Whether the daemon lives."""
        return await self._send(call("GET", "/healthz", Health, prefix=""))

    async def ready(self) -> Health:
        """Whether the daemon does its work; raises where it is not ready."""
        return await self._send(call("GET", "/readyz", Health, prefix=""))

    async def metrics(self) -> bytes:
        """The metrics, as Prometheus reads them."""
        return await self._send(call("GET", "/metrics", bytes, prefix=""))
