"""vGPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, UnsetType

from aliquot.api.authorization import also
from aliquot.api.operation import Generation, Key, Query, Routes
from aliquot.api.parameters import Cursor, PageLimit, SeriesQuery, VgpuReference, Word
from aliquot.daemon.caller import Caller
from aliquot.model.api.devices import SeriesResource
from aliquot.model.api.processes import VgpuProcesses
from aliquot.model.api.vgpus import (
    MoveWanted,
    Plan,
    ResumeWanted,
    SuspendWanted,
    VgpuChange,
    VgpuPage,
    VgpuResource,
    VgpuWanted,
)
from aliquot.model.api.vms import AttachedResource, AttachWanted
from aliquot.model.lifecycle import VgpuState

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("vgpus")

Label = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        pattern=r"^[^=\x00-\x1f\x7f]+=[^\x00-\x1f\x7f]*$",
        description="key=value; several must all fit.",
        examples=["team=vision"],
    ),
]


class VgpuQuery(Query, frozen=True, kw_only=True):
    """Which vGPUs."""

    name: Word | UnsetType = UNSET
    tenant: Word | UnsetType = UNSET
    device: Word | UnsetType = UNSET
    group: Word | UnsetType = UNSET
    state: list[VgpuState] | UnsetType = UNSET
    label: Annotated[list[Label], msgspec.Meta(max_length=16)] | UnsetType = UNSET
    limit: PageLimit = 500
    cursor: Cursor | UnsetType = UNSET


@routes.get("/vgpus")
def list_(service: Service, caller: Caller, query: VgpuQuery) -> VgpuPage:
    """A page of the vGPUs that fit all that is given.

    Deleted ones are listed where `state` names that. `sequence` is where to watch from, so as to
    miss nothing that happens after the list was made.
    """
    given = query.given()
    if "label" in given:
        given["label"] = dict(label.split("=", 1) for label in given["label"])
    return service.vgpus.list(caller, **given)


@routes.post(
    "/vgpus",
    status=201,
    example={"name": "team-a", "memory": 2147483648, "compute": 25, "labels": {"team": "vision"}},
)
def create(
    service: Service, caller: Caller, body: VgpuWanted, key: Key | None = None
) -> VgpuResource:
    """Make a vGPU.

    It is answered when the vGPU is ready, or when it waits in the queue, for which `wait_ms` asks.
    With `lease` it is made and leased at once, or not at all, and `lease.socket_path` in the answer
    is where its guest processes connect.
    """
    if body.lease is not None:
        also(caller, "leases:write")
    return service.vgpus.create(caller, body, idempotency_key=key)


@routes.post("/plans", example={"name": "team-a", "memory": 2147483648})
def plan(service: Service, caller: Caller, body: VgpuWanted) -> Plan:
    """Say where a vGPU would go and why, or why nowhere and what would mend that.

    Nothing is made.
    """
    return service.vgpus.plan(caller, body)


@routes.get("/vgpus/{vgpu}")
def show(service: Service, caller: Caller, vgpu: VgpuReference) -> VgpuResource:
    """A vGPU."""
    return service.vgpus.show(caller, vgpu)


@routes.patch("/vgpus/{vgpu}", example={"memory": 4294967296, "compute": 40})
def change(
    service: Service,
    caller: Caller,
    vgpu: VgpuReference,
    body: VgpuChange,
    generation: Generation | None = None,
    key: Key | None = None,
) -> VgpuResource:
    """Change a vGPU in place: memory, shares, labels, expiry.

    Memory below what is in use is refused with the figure; with `evict` the vGPU is suspended, its
    memory moves to the host.
    """
    return service.vgpus.change(caller, vgpu, body, generation=generation, idempotency_key=key)


@routes.post("/vgpus/{vgpu}/suspend", example={"release": False})
def suspend(
    service: Service,
    caller: Caller,
    vgpu: VgpuReference,
    body: SuspendWanted = SuspendWanted(),  # noqa: B008 - frozen
    generation: Generation | None = None,
) -> VgpuResource:
    """Suspend a vGPU: it stops at a kernel boundary and its memory moves to the host.

    The reservation is kept, unless `release` gives it up.
    """
    return service.vgpus.suspend(caller, vgpu, body, generation=generation)


@routes.post("/vgpus/{vgpu}/resume", example={"wait_ms": 600000})
def resume(
    service: Service,
    caller: Caller,
    vgpu: VgpuReference,
    body: ResumeWanted = ResumeWanted(),  # noqa: B008 - frozen
    generation: Generation | None = None,
) -> VgpuResource:
    """Let a suspended vGPU go on."""
    return service.vgpus.resume(caller, vgpu, body, generation=generation)


@routes.post("/vgpus/{vgpu}/move", example={"device": "1"})
def move(
    service: Service,
    caller: Caller,
    vgpu: VgpuReference,
    body: MoveWanted,
    generation: Generation | None = None,
) -> VgpuResource:
    """Move a vGPU to another device of the same node; its programs go on."""
    return service.vgpus.move(caller, vgpu, body, generation=generation)


@routes.delete("/vgpus/{vgpu}")
def delete(
    service: Service,
    caller: Caller,
    vgpu: VgpuReference,
    generation: Generation | None = None,
) -> VgpuResource:
    """Delete a vGPU and end its leases."""
    return service.vgpus.delete(caller, vgpu, generation=generation)


@routes.post("/vgpus/{vgpu}/attachment", example={"vm": "libvirt:build-01", "lasting": True})
def attach(
    service: Service,
    caller: Caller,
    vgpu: VgpuReference,
    body: AttachWanted = AttachWanted(),  # noqa: B008 - frozen
) -> AttachedResource:
    """Attach a vGPU of hardware to a virtual machine.

    To one that runs at once, where its hypervisor can; without `vm` the answer has the arguments
    with which QEMU is started by hand.
    """
    return service.vms.attach(caller, vgpu, body)


@routes.delete("/vgpus/{vgpu}/attachment")
def detach(service: Service, caller: Caller, vgpu: VgpuReference) -> VgpuResource:
    """Take a vGPU from its virtual machine, and out of that's configuration."""
    return service.vms.detach(caller, vgpu)


@routes.get("/vgpus/{vgpu}/processes")
def processes(service: Service, caller: Caller, vgpu: VgpuReference) -> VgpuProcesses:
    """The processes that use a vGPU, and what the command queues of each do now.

    What is said of queues is told by the vGPU's worker, not measured by its device host.
    """
    return service.processes.of(caller, vgpu)


@routes.get("/vgpus/{vgpu}/series")
def series(
    service: Service, caller: Caller, vgpu: VgpuReference, query: SeriesQuery
) -> SeriesResource:
    """What was measured of a vGPU: 1 s for an hour, 10 s for a day, 5 min for 30 days."""
    return service.vgpus.series(caller, vgpu, **query.given())
