"""Devices of nodes: what there is to divide, lost and returned."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from aliquot import words
from aliquot.errors import DeviceLost, NoSuchEntry, QuotaAboveDevice
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import VgpuState
from aliquot.model.line import Line
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.why import Why, because
from aliquot.store import codec, lifecycle, reservations, vgpus
from aliquot.store.change import Change, View
from aliquot.store.tables import devices
from aliquot.store.tables import reservations as places

_OF_UUID = select(devices).where(devices.c.uuid == bindparam("device"))
_ALL = select(devices).order_by(devices.c.node, devices.c.uuid)
_OF_NODE = _ALL.where(devices.c.node == bindparam("of_node"))
_WITH_PLACE = (
    select(devices)
    .join(places, places.c.device_uuid == devices.c.uuid)
    .where(places.c.vgpu_id == bindparam("vgpu"))
    .order_by(devices.c.uuid)
)


def put(change: Change, seen: DeviceRecord) -> DeviceRecord:
    """Keep a device as discovery sees it. What is reserved there is the store's, not the caller's.

    vGPUs that failed because it was gone recover. Where it has less memory than is reserved, the
    newest vGPUs fail and give back theirs: a quota that the device can't hold isn't promised.
    """
    before = _maybe(change, seen.uuid)
    values = {
        "node": seen.node,
        "name": seen.name,
        "memory": seen.memory,
        "present": int(seen.present),
        "simulated": int(seen.simulated),
        "facts": codec.written(seen.facts),
        "seen_ms": change.now_ms,
    }
    if before is None:
        values["settings"] = codec.written(seen.settings)
        change.connection.execute(insert(devices).values(uuid=seen.uuid, **values))
        change.tell("device.found", seen.uuid, name=seen.name, memory=seen.memory)
        return get(change, seen.uuid)
    _shrink(change, before, seen.memory)
    change.connection.execute(update(devices).where(devices.c.uuid == seen.uuid).values(**values))
    if seen.present and not before.present:
        change.tell("device.returned", seen.uuid, name=seen.name)
        for vgpu in _on(change, seen.uuid):
            if vgpu.state is VgpuState.FAILED and vgpu.reason_code == DeviceLost.code:
                lifecycle.recover(change, vgpu.id)
    elif before.present and not seen.present:
        _lose(change, before)
    elif _changed(before, seen):
        change.tell("device.changed", seen.uuid, name=seen.name, memory=seen.memory)
    return get(change, seen.uuid)


def lose(change: Change, uuid: str) -> DeviceRecord:
    """A device is gone: its vGPUs fail, and keep their place for when it returns.

    Not those of hardware: who looks at what each is made of tells of it. A card that was handed
    over is lost to the host's drivers, and as it should be.
    """
    kept = get(change, uuid)
    if kept.present:
        change.connection.execute(update(devices).where(devices.c.uuid == uuid).values(present=0))
        _lose(change, kept)
    return get(change, uuid)


def forget(change: Change, uuid: str) -> None:
    """A device that will not come back, and on which nothing has a place, is no longer kept."""
    kept = _maybe(change, uuid)
    if kept is None or reservations.on_device(change, uuid):
        return
    change.connection.execute(delete(devices).where(devices.c.uuid == uuid))
    change.tell("device.forgotten", uuid, name=kept.name)


def set_up(change: Change, uuid: str, settings: dict[str, Any]) -> DeviceRecord:
    """Keep what the owner set for a device."""
    kept = get(change, uuid)
    change.connection.execute(
        update(devices).where(devices.c.uuid == uuid).values(settings=codec.written(settings))
    )
    change.tell("device.settings", uuid, name=kept.name, before=kept.settings, after=settings)
    return get(change, uuid)


def get(view: View, uuid: str) -> DeviceRecord:
    """The device of a UUID; raises NoSuchEntry."""
    kept = _maybe(view, uuid)
    if kept is None:
        raise NoSuchEntry(f"there is no device {uuid[:40]!r}")
    return kept


def listed(view: View, node: str | None = None) -> list[DeviceRecord]:
    """All devices, or those of a node."""
    if node is None:
        return [_record(row) for row in view.connection.execute(_ALL)]
    return [_record(row) for row in view.connection.execute(_OF_NODE, {"of_node": node})]


def with_place_for(view: View, vgpu: str) -> list[DeviceRecord]:
    """The devices on which a vGPU has a reservation: none while it waits, two while it moves."""
    return [_record(row) for row in view.connection.execute(_WITH_PLACE, {"vgpu": vgpu})]


def _lose(change: Change, kept: DeviceRecord) -> None:
    change.tell("device.lost", kept.uuid, name=kept.name)
    for vgpu in _on(change, kept.uuid):
        if vgpu.state is not VgpuState.FAILED and vgpu.spec.mode == MODE_REMOTING:
            _fail(
                change,
                vgpu.id,
                because(Why.DEVICE_GONE, device=kept.name, uuid=kept.uuid),
                DeviceLost.code,
            )


def _shrink(change: Change, kept: DeviceRecord, memory: int) -> None:
    for vgpu in reversed(_on(change, kept.uuid)):
        if get(change, kept.uuid).reserved_memory <= memory:
            return
        if vgpu.state is not VgpuState.FAILED:
            _fail(
                change,
                vgpu.id,
                because(Why.DEVICE_SHRANK, device=kept.name, uuid=kept.uuid, memory=memory),
                QuotaAboveDevice.code,
            )
        reservations.release(change, vgpu.id, kept.uuid)


def _fail(change: Change, vgpu: str, why: Line, code: str) -> None:
    reason = words.english(why)
    lifecycle.transition(change, vgpu, VgpuState.FAILED, reason, code=code, lines=(why,))


def _on(view: View, uuid: str) -> list[VgpuRecord]:
    """The vGPUs on a device, the newest last: ids are in the order of making."""
    return [vgpus.get(view, kept.vgpu) for kept in reservations.on_device(view, uuid)]


def _changed(before: DeviceRecord, seen: DeviceRecord) -> bool:
    def told(device: DeviceRecord) -> tuple[Any, ...]:
        return (device.node, device.name, device.memory, device.simulated)

    return told(before) != told(seen) or before.facts != codec.plain(seen.facts)


def _maybe(view: View, uuid: str) -> DeviceRecord | None:
    row = view.connection.execute(_OF_UUID, {"device": uuid}).one_or_none()
    return None if row is None else _record(row)


def _record(row: Row[Any]) -> DeviceRecord:
    return DeviceRecord(
        uuid=row.uuid,
        node=row.node,
        name=row.name,
        memory=row.memory,
        present=bool(row.present),
        simulated=bool(row.simulated),
        facts=codec.read_fields(row.facts),
        settings=codec.read_fields(row.settings),
        reserved_memory=row.reserved_memory,
        reserved_guarantee=row.reserved_guarantee,
        seen_ms=row.seen_ms,
    )
