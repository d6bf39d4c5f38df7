"""Whether the state agrees with itself: what no transaction may ever leave otherwise.

The tests ask this after every crash, and `aliquot doctor --deep` is to ask it of a real one.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Select, func, select

from aliquot.model.lifecycle import VgpuState
from aliquot.store import audit
from aliquot.store.change import View
from aliquot.store.tables import devices, events, labels, leases, queue, reservations, vgpus


def problems(view: View) -> Iterator[str]:
    """Each disagreement in a sentence; none where all is well."""
    yield from _reservations(view)
    yield from _states(view)
    yield from _events(view)
    for broken in audit.verify(view):
        yield f"audit of {broken.node}, row {broken.sequence}: {broken.why}"


def _reservations(view: View) -> Iterator[str]:
    sums = {
        row[0]: (int(row[1]), int(row[2]))
        for row in view.connection.execute(
            select(
                reservations.c.device_uuid,
                func.sum(reservations.c.memory),
                func.sum(reservations.c.guarantee),
            ).group_by(reservations.c.device_uuid)
        )
    }
    for device in view.connection.execute(select(devices)):
        there = (device.reserved_memory, device.reserved_guarantee)
        if sums.get(device.uuid, (0, 0)) != there:
            yield f"device {device.uuid}: {there} are reserved, and the sum is otherwise"
        if device.reserved_memory > device.memory:
            yield f"device {device.uuid}: more is reserved than there is"


def _states(view: View) -> Iterator[str]:
    def ids(statement: Select[str]) -> set[str]:
        return set(view.connection.execute(statement).scalars())

    reserved = ids(select(reservations.c.vgpu_id))
    leased = ids(select(leases.c.vgpu_id).where(leases.c.released_ms.is_(None)))
    waiting = ids(select(queue.c.vgpu_id))
    known: set[str] = set()
    for vgpu in view.connection.execute(select(vgpus.c.id, vgpus.c.state, vgpus.c.deleted_ms)):
        known.add(vgpu.id)
        state = VgpuState(vgpu.state)
        if (state is VgpuState.DELETED) != (vgpu.deleted_ms is not None):
            yield f"vGPU {vgpu.id}: {state}, and the time of its deletion says otherwise"
        if state is VgpuState.DELETED and vgpu.id in reserved | leased | waiting:
            yield f"vGPU {vgpu.id} is deleted, and has a reservation, lease or place in the queue"
        if state is VgpuState.LEASED and vgpu.id not in leased:
            yield f"vGPU {vgpu.id} is leased, and has no lease"
        if state is VgpuState.READY and vgpu.id in leased:
            yield f"vGPU {vgpu.id} is ready, and has a lease"
        if state in (VgpuState.READY, VgpuState.LEASED) and vgpu.id not in reserved:
            yield f"vGPU {vgpu.id} is {state}, and has no reservation"
        if vgpu.id in waiting and vgpu.id in reserved:
            yield f"vGPU {vgpu.id} waits for a place, and has one"
    for stray in sorted((reserved | leased | waiting | ids(select(labels.c.vgpu_id))) - known):
        yield f"vGPU {stray} is gone, and something of it is left"


def _events(view: View) -> Iterator[str]:
    least, most, count = view.connection.execute(
        select(func.min(events.c.sequence), func.max(events.c.sequence), func.count())
    ).one()
    if count and (most - least + 1 != count or most != view.event_sequence()):
        yield f"events {least} to {most} are {count}, and the newest is {view.event_sequence()}"
