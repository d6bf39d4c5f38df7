"""What a list tells of each vGPU besides its own row, in a few queries for the whole page."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, select

from aliquot.store.change import View
from aliquot.store.tables import leases, queue, reservations


def _on_page(vgpu: ColumnElement[Any]) -> ColumnElement[bool]:
    return vgpu.between(bindparam("first"), bindparam("last"))


_PLACES = (
    select(reservations.c.vgpu_id, reservations.c.device_uuid)
    .where(_on_page(reservations.c.vgpu_id))
    .order_by(reservations.c.vgpu_id, reservations.c.device_uuid)
)
_LEASES = (
    select(leases.c.vgpu_id, func.count())
    .where(_on_page(leases.c.vgpu_id), leases.c.released_ms.is_(None))
    .group_by(leases.c.vgpu_id)
)
_order = func.row_number().over(order_by=(queue.c.tag, queue.c.sequence))
_numbered = select(queue.c.vgpu_id, _order.label("position")).subquery()
_POSITIONS = select(_numbered).where(_on_page(_numbered.c.vgpu_id))


class More(NamedTuple):
    """By the vGPU's id: devices with a place for it, leases in force, place in the queue."""

    devices: dict[str, list[str]]
    leases: dict[str, int]
    positions: dict[str, int]


def more(view: View, first: str, last: str) -> More:
    """What there is of vGPUs whose ids lie from `first` to `last`: a page is in their order."""
    page = {"first": first, "last": last}
    found = More({}, {}, {})
    for vgpu, device in view.connection.execute(_PLACES, page):
        found.devices.setdefault(vgpu, []).append(device)
    for vgpu, count in view.connection.execute(_LEASES, page):
        found.leases[vgpu] = count
    for vgpu, position in view.connection.execute(_POSITIONS, page):
        found.positions[vgpu] = position
    return found


def vgpus_by_device(view: View) -> dict[str, int]:
    """How many vGPUs have a place on each device."""
    device = reservations.c.device_uuid
    rows = view.connection.execute(select(device, func.count()).group_by(device))
    return {row[0]: row[1] for row in rows}
