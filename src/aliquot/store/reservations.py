"""Reservations: memory and guarantee set aside on devices, never more than there is.

The sum is reckoned under the lock that every change holds, so it is right whatever the number of
concurrent creators. It is kept in the device's row, where the database's own CHECK constraints
guard it, against faults of ours as well.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select, update

from aliquot.errors import DeviceLost, MemoryUnavailable, NoSuchEntry, ShareUnavailable
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu_record import Reservation
from aliquot.model.why import Why
from aliquot.store.change import Change, View
from aliquot.store.tables import devices, reservations
from aliquot.words.refusals import refusal

_PLACE = (reservations.c.vgpu_id == bindparam("vgpu")) & (
    reservations.c.device_uuid == bindparam("device")
)
_DEVICE_AND_PLACE = (
    select(
        devices.c.memory,
        devices.c.present,
        devices.c.reserved_memory,
        devices.c.reserved_guarantee,
        reservations.c.memory.label("had_memory"),
        reservations.c.guarantee.label("had_guarantee"),
    )
    .select_from(
        devices.outerjoin(
            reservations,
            (reservations.c.device_uuid == devices.c.uuid)
            & (reservations.c.vgpu_id == bindparam("vgpu")),
        )
    )
    .where(devices.c.uuid == bindparam("device"))
)
_ADD_PLACE = insert(reservations)
_SET_PLACE = update(reservations).where(_PLACE)
_REMOVE_PLACE = delete(reservations).where(_PLACE)
_ADD_TO_DEVICE = (
    update(devices)
    .where(devices.c.uuid == bindparam("device"))
    .values(
        reserved_memory=devices.c.reserved_memory + bindparam("more_memory"),
        reserved_guarantee=devices.c.reserved_guarantee + bindparam("more_guarantee"),
    )
)
_OF_VGPU = (
    select(reservations)
    .where(reservations.c.vgpu_id == bindparam("vgpu"))
    .order_by(reservations.c.vgpu_id)
)
_ON_DEVICE = (
    select(reservations)
    .where(reservations.c.device_uuid == bindparam("device"))
    .order_by(reservations.c.vgpu_id)
)


def reserve(change: Change, vgpu: str, device: str, memory: int, guarantee: int) -> None:
    """Set aside exactly this much on a device, instead of what the vGPU has there.

    Raises MemoryUnavailable or ShareUnavailable, with what is free; DeviceLost, NoSuchEntry.
    """
    place = {"vgpu": vgpu, "device": device}
    kept = change.connection.execute(_DEVICE_AND_PLACE, place).one_or_none()
    if kept is None:
        raise NoSuchEntry(f"there is no device {device!r}")
    more_memory = memory - (kept.had_memory or 0)
    more_guarantee = guarantee - (kept.had_guarantee or 0)
    if not kept.present and (more_memory > 0 or more_guarantee > 0):
        raise refusal(DeviceLost, Why.NOTHING_MORE_THERE, uuid=device)
    free = kept.memory - kept.reserved_memory
    if more_memory > 0 and more_memory > free:
        raise refusal(
            MemoryUnavailable,
            Why.NO_MORE_MEMORY,
            more=more_memory,
            uuid=device,
            free=free,
            size=kept.memory,
        )
    free = WHOLE - kept.reserved_guarantee
    if more_guarantee > 0 and more_guarantee > free:
        raise refusal(
            ShareUnavailable,
            Why.NO_MORE_GUARANTEE,
            more=more_guarantee / 100,
            uuid=device,
            free=free / 100,
        )
    size = {"memory": memory, "guarantee": guarantee}
    if kept.had_memory is None:
        change.connection.execute(_ADD_PLACE, {"vgpu_id": vgpu, "device_uuid": device, **size})
    else:
        change.connection.execute(_SET_PLACE, {**place, **size})
    _add(change, device, more_memory, more_guarantee)


def release(change: Change, vgpu: str, device: str | None = None) -> None:
    """Give back what a vGPU has on a device, or everywhere."""
    for kept in of_vgpu(change, vgpu):
        if device is None or kept.device == device:
            change.connection.execute(_REMOVE_PLACE, {"vgpu": vgpu, "device": kept.device})
            _add(change, kept.device, -kept.memory, -kept.guarantee)


def of_vgpu(view: View, vgpu: str) -> list[Reservation]:
    """What a vGPU has: nothing while it waits, two while it moves."""
    return [Reservation(*row) for row in view.connection.execute(_OF_VGPU, {"vgpu": vgpu})]


def on_device(view: View, device: str) -> list[Reservation]:
    """What is set aside on a device, the newest vGPU last."""
    return [Reservation(*row) for row in view.connection.execute(_ON_DEVICE, {"device": device})]


def _add(change: Change, device: str, memory: int, guarantee: int) -> None:
    change.connection.execute(
        _ADD_TO_DEVICE, {"device": device, "more_memory": memory, "more_guarantee": guarantee}
    )
