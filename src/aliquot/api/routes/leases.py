"""Leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from aliquot.api.operation import Query, Routes
from aliquot.api.parameters import Cursor, Identity, PageLimit, VgpuReference, Word, YesNo
from aliquot.daemon.caller import Caller
from aliquot.model.api.leases import LeasePage, LeaseResource
from aliquot.model.api.vgpus import Granted, LeaseWanted

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("leases")


class LeaseQuery(Query, frozen=True, kw_only=True):
    """Which leases."""

    vgpu: Word | UnsetType = UNSET
    tenant: Word | UnsetType = UNSET
    ended: YesNo = "false"
    limit: PageLimit = 500
    cursor: Cursor | UnsetType = UNSET


@routes.post("/vgpus/{vgpu}/leases", status=201, example={"process_id": 4711, "name": "train.py"})
def begin(service: Service, caller: Caller, vgpu: VgpuReference, body: LeaseWanted) -> Granted:
    """Lease a vGPU to a process of the caller's own; the lease ends when the process does."""
    return service.leases.begin(caller, vgpu, body)


@routes.get("/leases")
def list_(service: Service, caller: Caller, query: LeaseQuery) -> LeasePage:
    """A page of the leases in force; with `ended` also of those that were."""
    given = query.given()
    return service.leases.list(caller, **{**given, "ended": given["ended"] == "true"})


@routes.get("/leases/{lease}")
def show(service: Service, caller: Caller, lease: Identity) -> LeaseResource:
    """A lease."""
    return service.leases.show(caller, lease)


@routes.delete("/leases/{lease}")
def end(service: Service, caller: Caller, lease: Identity) -> LeaseResource:
    """End a lease; its programs lose the device."""
    return service.leases.end(caller, lease)
