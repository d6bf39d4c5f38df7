"""Reservations: memory and guarantee set aside on devices, never more than there is.

The sum is reckoned under the lock that every change holds, so it is right whatever the number of
concurrent creators. It is kept in the device's row, where the database's own CHECK constraints
guard it, against faults of ours as well.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, insert, select, update

from aliquot.errors import DeviceLost, MemoryUnavailable, NoSuchEntry, ShareUnavailable
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu_record import Reservation
from aliquot.store.change import Change, View
from aliquot.store.tables import devices, reservations


def reserve(change: Change, vgpu: str, device: str, memory: int, guarantee: int) -> None:
    """Set aside exactly this much on a device, instead of what the vGPU has there.

    Raises MemoryUnavailable or ShareUnavailable, with what is free; DeviceLost, NoSuchEntry.
    """
    kept = change.connection.execute(select(devices).where(devices.c.uuid == device)).one_or_none()
    if kept is None:
        raise NoSuchEntry(f"there is no device {device!r}")
    had = _on(change, vgpu, device)
    more_memory = memory - (had.memory if had else 0)
    more_guarantee = guarantee - (had.guarantee if had else 0)
    if not kept.present and (more_memory > 0 or more_guarantee > 0):
        raise DeviceLost(f"device {device} is gone, and nothing more can be reserved there")
    free = kept.memory - kept.reserved_memory
    if more_memory > 0 and more_memory > free:
        raise MemoryUnavailable(
            f"{more_memory} bytes more were asked for and device {device} has {free} left of "
            f"{kept.memory}"
        )
    free = WHOLE - kept.reserved_guarantee
    if more_guarantee > 0 and more_guarantee > free:
        raise ShareUnavailable(
            f"a guarantee of {more_guarantee / 100:g} % more was asked for and device {device} has "
            f"{free / 100:g} % left"
        )
    if had is None:
        statement = insert(reservations).values(vgpu_id=vgpu, device_uuid=device)
    else:
        statement = update(reservations).where(_is(vgpu, device))
    change.connection.execute(statement.values(memory=memory, guarantee=guarantee))
    _add(change, device, more_memory, more_guarantee)


def release(change: Change, vgpu: str, device: str | None = None) -> None:
    """Give back what a vGPU has on a device, or everywhere."""
    for kept in of_vgpu(change, vgpu):
        if device is None or kept.device == device:
            change.connection.execute(delete(reservations).where(_is(vgpu, kept.device)))
            _add(change, kept.device, -kept.memory, -kept.guarantee)


def of_vgpu(view: View, vgpu: str) -> list[Reservation]:
    """What a vGPU has: nothing while it waits, two while it moves."""
    return _listed(view, reservations.c.vgpu_id == vgpu)


def on_device(view: View, device: str) -> list[Reservation]:
    """What is set aside on a device, the newest vGPU last."""
    return _listed(view, reservations.c.device_uuid == device)


def _on(view: View, vgpu: str, device: str) -> Reservation | None:
    return next(iter(_listed(view, _is(vgpu, device))), None)


def _is(vgpu: str, device: str) -> ColumnElement[bool]:
    return (reservations.c.vgpu_id == vgpu) & (reservations.c.device_uuid == device)


def _listed(view: View, condition: ColumnElement[bool]) -> list[Reservation]:
    found = view.connection.execute(
        select(reservations).where(condition).order_by(reservations.c.vgpu_id)
    )
    return [Reservation(*row) for row in found]


def _add(change: Change, device: str, memory: int, guarantee: int) -> None:
    change.connection.execute(
        update(devices)
        .where(devices.c.uuid == device)
        .values(
            reserved_memory=devices.c.reserved_memory + memory,
            reserved_guarantee=devices.c.reserved_guarantee + guarantee,
        )
    )
