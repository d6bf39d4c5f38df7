"""The queue of what doesn't fit now, fair between tenants.

Start-time fair queuing: see QueueEntry for the order. Who is served is the daemon's decision, which
knows the devices; the store keeps the order and reserves the places of those who are served
together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, tuple_

from aliquot.errors import IllegalTransition, NoSuchEntry
from aliquot.model.lifecycle import VgpuState
from aliquot.model.queue_entry import QueueEntry
from aliquot.store import reservations, vgpus
from aliquot.store.change import Change, View
from aliquot.store.tables import queue
from aliquot.store.tables import vgpus as vgpu_table

_COUNT = select(func.count()).select_from(queue)
_COUNT_OF = _COUNT.where(queue.c.tenant == bindparam("of"))
_WAITING = frozenset({VgpuState.PENDING, VgpuState.SUSPENDED})


def enter(change: Change, vgpu: str, until_ms: int | None = None) -> QueueEntry:
    """Let a vGPU without a place wait for one; one that waits already keeps its position."""
    kept = vgpus.get(change, vgpu)
    if kept.state not in _WAITING or reservations.of_vgpu(change, vgpu):
        raise IllegalTransition(f"vGPU {kept.name!r} is {kept.state} and waits for nothing")
    if (before := find(change, vgpu)) is not None:
        return before
    own = select(func.max(queue.c.tag)).where(queue.c.tenant == kept.tenant)
    last: int = change.connection.execute(own).scalar() or 0
    sequence: int = change.connection.execute(select(func.max(queue.c.sequence))).scalar() or 0
    change.connection.execute(
        insert(queue).values(
            vgpu_id=vgpu,
            tenant=kept.tenant,
            tag=max(change.queue_tag, last) + 1,
            sequence=sequence + 1,
            since_ms=change.now_ms,
            until_ms=until_ms,
        )
    )
    change.tell("queue.entered", vgpu, kept.tenant, name=kept.name, until_ms=until_ms)
    return get(change, vgpu)


def leave(change: Change, vgpu: str, reason: str) -> QueueEntry:
    """End the wait of a vGPU that got no place."""
    entry = get(change, vgpu)
    change.connection.execute(delete(queue).where(queue.c.vgpu_id == vgpu))
    change.tell("queue.left", vgpu, entry.tenant, reason=reason)
    return entry


def serve(change: Change, places: Mapping[str, str]) -> None:
    """Reserve the places of waiting vGPUs, by id the device's UUID: all of them or none.

    Raises MemoryUnavailable, ShareUnavailable or NoSuchEntry; leave the transaction then.
    """
    for vgpu, device in places.items():
        entry = get(change, vgpu)
        kept = vgpus.get(change, vgpu)
        reservations.reserve(change, vgpu, device, kept.spec.memory, kept.spec.shares.guarantee)
        change.connection.execute(delete(queue).where(queue.c.vgpu_id == vgpu))
        change.queue_tag = max(change.queue_tag, entry.tag)
        change.tell(
            "queue.served",
            vgpu,
            entry.tenant,
            device=device,
            waited_ms=max(0, change.now_ms - entry.since_ms),
        )


def waiting(view: View, tenant: str | None = None) -> list[QueueEntry]:
    """Who waits, the next to be served first, with positions among all."""
    rows = view.connection.execute(
        select(queue, vgpu_table.c.group_id)
        .join(vgpu_table, vgpu_table.c.id == queue.c.vgpu_id)
        .order_by(queue.c.tag, queue.c.sequence)
    )
    entries = [_record(row, position) for position, row in enumerate(rows, start=1)]
    return [entry for entry in entries if tenant is None or entry.tenant == tenant]


def overdue(view: View) -> list[QueueEntry]:
    """Those who have waited as long as they wanted to; see clock.py for when to believe that."""
    now = view.now_ms
    return [
        entry for entry in waiting(view) if entry.until_ms is not None and entry.until_ms <= now
    ]


def counted(view: View, tenant: str | None = None) -> int:
    """How many wait, of all or of a tenant."""
    if tenant is None:
        return view.connection.execute(_COUNT).scalar_one()
    return view.connection.execute(_COUNT_OF, {"of": tenant}).scalar_one()


def find(view: View, vgpu: str) -> QueueEntry | None:
    """The place of a vGPU in the queue, or None."""
    row = view.connection.execute(
        select(queue, vgpu_table.c.group_id)
        .join(vgpu_table, vgpu_table.c.id == queue.c.vgpu_id)
        .where(queue.c.vgpu_id == vgpu)
    ).one_or_none()
    if row is None:
        return None
    before = tuple_(queue.c.tag, queue.c.sequence) < tuple_(row.tag, row.sequence)
    count = select(func.count()).select_from(queue).where(before)
    return _record(row, view.connection.execute(count).scalar_one() + 1)


def get(view: View, vgpu: str) -> QueueEntry:
    """The place of a vGPU in the queue; raises NoSuchEntry."""
    entry = find(view, vgpu)
    if entry is None:
        raise NoSuchEntry(f"vGPU {vgpu[:40]!r} doesn't wait in the queue")
    return entry


def _record(row: Row[Any], position: int) -> QueueEntry:
    return QueueEntry(
        vgpu=row.vgpu_id,
        tenant=row.tenant,
        group=row.group_id,
        tag=row.tag,
        sequence=row.sequence,
        since_ms=row.since_ms,
        until_ms=row.until_ms,
        position=position,
    )
