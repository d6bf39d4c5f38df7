"""Devices and vGPUs of the state, as placement sees them. A handful of queries, however many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select

from aliquot.daemon.caller import Caller
from aliquot.daemon.choosing import Line, lines
from aliquot.daemon.resources import is_remotable
from aliquot.devices.pci import normal_address
from aliquot.model.device import SOFTWARE
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import LEASABLE, VgpuState, Wanted
from aliquot.model.modes import Mode
from aliquot.model.shares import PriorityMix
from aliquot.model.vgpu_record import Reservation, VgpuRecord, VgpuSpec
from aliquot.placement import Demand, DeviceView, VgpuView, demand_of
from aliquot.shares import priority_mix
from aliquot.store import View, vgpus
from aliquot.store.tables import labels, reservations
from aliquot.store.tables import vgpus as table

# Without a word about memory, a spec holds this: all that is free, once its device is known.
ALL_MEMORY = 1


def demand(spec: VgpuSpec, tenant: str, *, group: str | None = None) -> Demand:
    """What a vGPU that isn't made yet asks for."""
    return _sized(demand_of(spec, tenant, group=group))


def demand_of_vgpu(kept: VgpuRecord) -> Demand:
    """What a vGPU without a place asks for."""
    found = demand_of(kept.spec, kept.tenant, id=kept.id, name=kept.name, group=kept.group)
    return _sized(found)


def demand_to_go_on(kept: VgpuRecord, leased: bool) -> Demand:
    """What a suspended vGPU that gave up its place asks for.

    Where it has leases, what its programs have is kept by the device host that it had. Another
    device may lack what they were told of, which only shows as it is resumed: whoever wants that
    moves it.
    """
    found = demand_of_vgpu(kept)
    if not leased or kept.status.device is None:
        return found
    return msgspec.structs.replace(found, device=kept.status.device)


def devices_for(view: View, node: str, wanted: Demand) -> list[DeviceView]:
    """The devices of a node with those vGPUs alone that this demand may have to keep away from,
    and with all of devices that have a mix of priority classes.

    Enough to tell whether and where it fits; what is kept for those who wait is not in it.
    """
    conflicting: list[ColumnElement[bool]] = []
    for key, value in wanted.labels.items():
        alike = select(labels.c.vgpu_id).where(labels.c.key == key, labels.c.value == value)
        conflicts = table.c.id.in_(alike)
        if key != wanted.apart:
            conflicts &= table.c.apart == key  # only those that keep away by it
        conflicting.append(conflicts)
    if wanted.group is not None:
        conflicting.append(table.c.group_id == wanted.group)
    which: list[ColumnElement[bool]] = []
    if conflicting:
        which.append((table.c.tenant == wanted.tenant) & or_(*conflicting))
    listed = lines(view, node)
    if mixed := [line.uuid for line in listed if mix_of(line.record)]:
        which.append(reservations.c.device_uuid.in_(mixed))
    there = _placed(view, None, or_(*which)) if which else {}
    return _devices(listed, there, _functions(view, node, listed))


def mix_of(device: DeviceRecord) -> PriorityMix:
    """Which priority classes share a device, as its owner set it; nothing: any."""
    return priority_mix(device.settings.get("priority_mix", {}))


def all_devices(
    view: View, node: str, caller: Caller | None = None, unstoppable: Collection[str] = ()
) -> list[DeviceView]:
    """The devices of a node with all that has a place there; who asks is shown their own.

    `unstoppable` are vGPUs that can't be suspended, whatever their owners allow.
    """
    listed = lines(view, node)
    there = _placed(view, caller, unstoppable=unstoppable)
    return _devices(listed, there, _functions(view, node, listed))


def _sized(wanted: Demand) -> Demand:
    return wanted if wanted.memory != ALL_MEMORY else wanted.without_size()


def _functions(view: View, node: str, listed: Sequence[Line]) -> frozenset[str]:
    """The devices, by their UUIDs, that are virtual functions which vGPUs have.

    Most machines list no virtual function, and then the vGPUs needn't be looked through.
    """
    virtual = {
        one["id"]
        for line in listed
        for one in line.record.facts.get("partitions", ())
        if one["mode"] == Mode.SRIOV
    }
    found = {line.uuid: _place(line.record) for line in listed}
    if virtual.isdisjoint(found.values()):
        return frozenset()
    vgpus_there = (kept for some in vgpus.placed(view, node).values() for kept in some)
    taken = {kept.status.hardware for kept in vgpus_there if kept.spec.mode == Mode.SRIOV}
    return frozenset(uuid for uuid, place in found.items() if place in taken)


def _place(device: DeviceRecord) -> str | None:
    """The PCI address at which its driver offers a device."""
    offer: dict[str, Any] | None = device.facts.get("offer")
    return normal_address(offer.get("pci_address") or "") if offer else None


def _devices(
    listed: Sequence[Line], there: dict[str, list[VgpuView]], functions: Collection[str]
) -> list[DeviceView]:
    return [
        DeviceView(
            uuid=line.uuid,
            name=line.name,
            memory=line.record.memory,
            free_memory=line.record.free_memory,
            free_guarantee=line.record.free_guarantee,
            present=line.record.present,
            remotable=is_remotable(line.record),
            simulated=line.record.simulated,
            software=line.kind == SOFTWARE,
            partition=bool(line.record.facts.get("carrier")) or line.uuid in functions,
            mix=mix_of(line.record),
            vgpus=tuple(there.get(line.uuid, ())),
        )
        for line in listed
    ]


def _placed(
    view: View,
    caller: Caller | None,
    which: ColumnElement[bool] | None = None,
    unstoppable: Collection[str] = (),
) -> dict[str, list[VgpuView]]:
    """By the device's UUID, what has a place there, oldest first."""
    statement = (
        select(reservations, *table.c)
        .join(table, table.c.id == reservations.c.vgpu_id)
        .order_by(reservations.c.vgpu_id)
    )
    if which is not None:
        statement = statement.where(which)
    found: dict[str, list[VgpuView]] = defaultdict(list)
    places: dict[str, int] = defaultdict(int)
    rows = view.connection.execute(statement).all()
    for row in rows:
        places[row[0]] += 1
    for row in rows:
        fields = tuple(row)
        held = Reservation(*fields[:4])
        kept = vgpus.record(fields[4:])
        shown = caller is None or caller.may_see(kept.tenant)
        fixed = places[kept.id] > 1 or kept.id in unstoppable  # two: it is moving
        found[held.device].append(_vgpu(kept, held, fixed=fixed, shown=shown))
    return found


def _vgpu(kept: VgpuRecord, held: Reservation, *, fixed: bool, shown: bool) -> VgpuView:
    spec = kept.spec
    leaving = spec.wanted is Wanted.DELETED or (spec.wanted is Wanted.SUSPENDED and spec.release)
    at_rest = not fixed and not leaving and not spec.adopted
    return VgpuView(
        id=kept.id,
        name=kept.name,
        tenant=kept.tenant,
        memory=held.memory,
        guarantee=held.guarantee,
        priority=spec.shares.priority,
        labels=spec.labels,
        apart=spec.apart,
        group=kept.group if spec.own_device else None,
        movable=at_rest and spec.movable and spec.device is None and kept.state in LEASABLE,
        preemptible=at_rest and spec.preemptible and kept.state in _STOPPABLE,
        leaving=leaving,
        shown=shown,
    )


_STOPPABLE = LEASABLE | {VgpuState.SUSPENDED}
