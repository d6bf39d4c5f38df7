"""Leases: who uses which vGPU, since when. A vGPU is leased while at least one is in force."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, insert, select, update

from aliquot.errors import IllegalTransition, NoSuchEntry
from aliquot.model.lease import Holder, Lease, LeaseKind
from aliquot.model.lifecycle import LEASABLE, VgpuState
from aliquot.store import codec, lifecycle, vgpus
from aliquot.store.change import Change, View
from aliquot.store.tables import leases

MOST_LISTED = 10_000


def begin(
    change: Change, vgpu: str, tenant: str, kind: LeaseKind, holder: Holder, *, enforced: bool
) -> Lease:
    """A lease of a vGPU that is ready or leased; raises IllegalTransition where it isn't."""
    kept = vgpus.get(change, vgpu)
    if kept.state not in LEASABLE:
        why = f": {kept.reason}" if kept.reason else ""
        raise IllegalTransition(f"vGPU {kept.name!r} is {kept.state} and can't be used{why}")
    made = Lease(
        id=change.new_id(),
        vgpu=vgpu,
        tenant=tenant,
        kind=kind,
        holder=holder,
        enforced=enforced,
        since_ms=change.now_ms,
    )
    change.connection.execute(
        insert(leases).values(
            id=made.id,
            vgpu_id=vgpu,
            tenant=tenant,
            kind=kind.value,
            holder=codec.written(holder),
            enforced=int(enforced),
            since_ms=made.since_ms,
            ending="",
        )
    )
    change.tell(
        "lease.begun",
        made.id,
        tenant,
        vgpu=vgpu,
        kind=kind.value,
        holder=codec.plain(holder),
        enforced=enforced,
    )
    lifecycle.transition(change, vgpu, VgpuState.LEASED)
    return made


def release(change: Change, lease: str, ending: str = "") -> Lease:
    """End a lease; one that has ended stays as it is, since two may see its holder die."""
    before = get(change, lease)
    if before.released_ms is not None:
        return before
    change.connection.execute(
        update(leases).where(leases.c.id == lease).values(released_ms=change.now_ms, ending=ending)
    )
    change.tell("lease.released", lease, before.tenant, vgpu=before.vgpu, ending=ending)
    if vgpus.get(change, before.vgpu).state is VgpuState.LEASED:
        lifecycle.transition(change, before.vgpu, VgpuState.READY)
    return get(change, lease)


def get(view: View, lease: str) -> Lease:
    """The lease of an id; raises NoSuchEntry."""
    row = view.connection.execute(select(leases).where(leases.c.id == lease)).one_or_none()
    if row is None:
        raise NoSuchEntry(f"there is no lease {lease[:40]!r}")
    return _record(row)


def listed(
    view: View,
    *,
    vgpu: str | None = None,
    tenant: str | None = None,
    ended: bool = False,
    after: str = "",
    limit: int = MOST_LISTED,
) -> list[Lease]:
    """Leases in the order of their ids: those in force or, with `ended`, all that are kept."""
    statement = select(leases).where(leases.c.id > after)
    if vgpu is not None:
        statement = statement.where(leases.c.vgpu_id == vgpu)
    if tenant is not None:
        statement = statement.where(leases.c.tenant == tenant)
    if not ended:
        statement = statement.where(leases.c.released_ms.is_(None))
    rows = view.connection.execute(statement.order_by(leases.c.id).limit(limit))
    return [_record(row) for row in rows]


def leased(view: View, ids: Collection[str]) -> frozenset[str]:
    """Those of some vGPUs that have leases in force."""
    in_force = select(leases.c.vgpu_id).where(leases.c.released_ms.is_(None))
    return frozenset(view.connection.execute(in_force.distinct()).scalars()) & frozenset(ids)


def _record(row: Row[Any]) -> Lease:
    return Lease(
        id=row.id,
        vgpu=row.vgpu_id,
        tenant=row.tenant,
        kind=LeaseKind(row.kind),
        holder=codec.read_holder(row.holder),
        enforced=bool(row.enforced),
        since_ms=row.since_ms,
        released_ms=row.released_ms,
        ending=row.ending,
    )
