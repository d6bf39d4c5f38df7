"""What a list tells of each vGPU besides its own row, in a few queries for the whole page."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select

from aliquot.store.change import View
from aliquot.store.tables import leases, queue, reservations


class More(NamedTuple):
    """By the vGPU's id: devices with a place for it, leases in force, place in the queue."""

    devices: dict[str, list[str]]
    leases: dict[str, int]
    positions: dict[str, int]


def more(view: View, first: str, last: str) -> More:
    """What there is of vGPUs whose ids lie from `first` to `last`: a page is in their order."""
    found = More({}, {}, {})
    places = reservations.c
    for vgpu, device in view.connection.execute(
        select(places.vgpu_id, places.device_uuid)
        .where(places.vgpu_id.between(first, last))
        .order_by(places.vgpu_id, places.device_uuid)
    ):
        found.devices.setdefault(vgpu, []).append(device)
    for vgpu, count in view.connection.execute(
        select(leases.c.vgpu_id, func.count())
        .where(leases.c.vgpu_id.between(first, last), leases.c.released_ms.is_(None))
        .group_by(leases.c.vgpu_id)
    ):
        found.leases[vgpu] = count
    order = select(queue.c.vgpu_id).order_by(queue.c.tag, queue.c.sequence)
    for position, vgpu in enumerate(view.connection.execute(order).scalars(), start=1):
        found.positions[vgpu] = position
    return found


def vgpus_by_device(view: View) -> dict[str, int]:
    """How many vGPUs have a place on each device."""
    device = reservations.c.device_uuid
    rows = view.connection.execute(select(device, func.count()).group_by(device))
    return {row[0]: row[1] for row in rows}
