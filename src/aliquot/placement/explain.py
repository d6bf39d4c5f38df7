"""Why a demand fits or doesn't, device by device, and which one thing would make it fit.

Each remedy carries what it changes, and is told only where choosing again with that finds a place.
Changes of size are the smallest: a byte or a hundredth of a percent less, and it doesn't fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from aliquot.model.shares import WHOLE
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.placement.choose import OF_ROOM, Obstacle, choose, obstacles, ranked
from aliquot.placement.demand import Demand, moving
from aliquot.placement.preempt import victims
from aliquot.placement.views import DeviceView, VgpuView, changed
from aliquot.shares import format_percent
from aliquot.sizes import format_size, parse_size

_SIZE = frozenset({Obstacle.MEMORY, Obstacle.GUARANTEE})


class Verdict(NamedTuple):
    """A device that was looked at. `fullness` is how full it would be, where it fits."""

    device: DeviceView
    fits: bool
    why: str
    fullness: float | None


class Remedy(NamedTuple):
    """One thing that would make it fit: as words, and as the question that is then answered yes."""

    words: str
    demand: Demand
    devices: list[DeviceView]


def verdicts(demand: Demand, devices: Sequence[DeviceView]) -> list[Verdict]:
    """What there is to say of each device, in their order."""
    fitting = ranked(demand, devices)
    found: list[Verdict] = []
    for device in devices:
        rank = next((at for at, one in enumerate(fitting) if one.device is device), None)
        if rank is None:
            found.append(Verdict(device, False, _hindrance(demand, device, devices), None))
            continue
        words = f"{exact_size(fitting[rank].memory)} of memory fit"
        if demand.guarantee:
            words += f", and a guarantee of {format_percent(demand.guarantee)}"
        words += f"; it would be {fitting[rank].fullness:.0%} full"
        if len(fitting) > 1 and demand.memory is None:
            words += ", the emptiest" if rank == 0 else ", not the emptiest"
        elif len(fitting) > 1:
            best = {"pack": "fullest", "spread": "emptiest"}[demand.placement.value]
            words += f", the {best} that fits" if rank == 0 else f", not the {best} that fits"
        found.append(Verdict(device, True, words, fitting[rank].fullness))
    return found


def why_not(demand: Demand, devices: Sequence[DeviceView]) -> str:
    """In a sentence, why no device fits: of the ones that come closest."""
    if not devices:
        return "there is no device here"
    nearest = closest(demand, devices)
    return f"{_named(nearest)}: {_hindrance(demand, nearest, devices)}"


def closest(demand: Demand, devices: Sequence[DeviceView]) -> DeviceView:
    """The device that lacks the least of what a demand needs; `devices` must not be empty."""
    return min(devices, key=lambda device: _distance(demand, device, devices))


def remedies(demand: Demand, devices: Sequence[DeviceView]) -> list[Remedy]:
    """Single changes, moves and suspensions, each of which would make it fit; [] where it fits."""
    if choose(demand, devices) is not None:
        return []
    found = [*_changes(demand, devices), *_moves(demand, devices), *_suspension(demand, devices)]
    return [remedy for remedy in found if choose(remedy.demand, remedy.devices) is not None]


def exact_size(size: int) -> str:
    """A size that reads back as what it is: in a large unit where that is exact, else in bytes."""
    words = format_size(size)
    return words if parse_size(words) == size else f"{size} B"


def _changes(demand: Demand, devices: Sequence[DeviceView]) -> Iterator[Remedy]:
    all_devices = list(devices)
    hindered = {device.uuid: obstacles(demand, device, devices) for device in devices}

    def only(obstacle: Obstacle) -> list[DeviceView]:
        return [device for device in devices if hindered[device.uuid] == (obstacle,)]

    if demand.memory and (short := only(Obstacle.MEMORY)):
        best = max(short, key=lambda device: device.room_memory)
        if room := best.room_memory:
            less = exact_size(demand.memory - room)
            words = f"with {exact_size(room)} of memory, {less} less, it fits on {_named(best)}"
            yield Remedy(words, _with(demand, memory=room), all_devices)
    if short := only(Obstacle.GUARANTEE):
        best = max(short, key=lambda device: device.room_guarantee)
        share = format_percent(best.room_guarantee)
        words = f"with a guarantee of {share} instead of {format_percent(demand.guarantee)}"
        words += f", it fits on {_named(best)}"
        yield Remedy(words, _with(demand, guarantee=best.room_guarantee), all_devices)
    for field, words in (
        ("device", "not tied to one device"),
        ("apart", f"not kept apart by the label {demand.apart!r}"),
    ):
        freed = _with(demand, **{field: None})
        if freed != demand and (choice := choose(freed, devices)):
            yield Remedy(f"{words}, it fits on {_named(choice.device)}", freed, all_devices)


def _moves(demand: Demand, devices: Sequence[DeviceView]) -> Iterator[Remedy]:
    """The one move of the least memory, among those that who asks may see."""
    if demand.memory is None:
        return
    sources = [
        device for device in devices if OF_ROOM.issuperset(obstacles(demand, device, devices))
    ]
    pairs = [
        (vgpu, source)
        for source in sources
        for vgpu in source.vgpus
        if vgpu.movable and vgpu.shown and not vgpu.leaving and vgpu.id != demand.id
    ]
    for vgpu, source in sorted(pairs, key=lambda pair: (pair[0].memory, pair[0].id)):
        if obstacles(demand, source.without([vgpu]), devices):
            continue
        for choice in ranked(moving(vgpu), [d for d in devices if d.simulated == source.simulated]):
            target = choice.device
            if target is source:
                continue
            after = changed(devices, source.uuid, lambda one, gone=vgpu: one.without([gone]))
            after = changed(after, target.uuid, lambda one, come=vgpu: one.with_vgpu(come))
            size = exact_size(vgpu.memory)
            words = f"with vGPU {vgpu.name!r} ({size}) moved from {_named(source)} to "
            words += f"{_named(target)}, it fits on {_named(source)}"
            yield Remedy(words, demand, after)
            return


def _suspension(demand: Demand, devices: Sequence[DeviceView]) -> Iterator[Remedy]:
    found = victims(demand, devices)
    if found is None or len(found.vgpus) != 1:
        return
    (vgpu,) = found.vgpus
    uuid = found.device.uuid
    after = changed([device.settled() for device in devices], uuid, lambda one: one.without([vgpu]))
    words = f"with {_whose(vgpu)} ({exact_size(vgpu.memory)}) suspended, as its owner allows, it "
    words += f"fits on {_named(found.device)}; whoever waits in the queue gets that done"
    yield Remedy(words, demand, after)


def _hindrance(demand: Demand, device: DeviceView, devices: Sequence[DeviceView]) -> str:
    """All that keeps a demand from a device, as a clause."""
    hindered = obstacles(demand, device, devices)
    fixed = [one for one in hindered if one not in OF_ROOM]
    return (
        _clause(fixed[0], demand, device)
        if fixed
        else ", and ".join(_clause(one, demand, device) for one in hindered)
    )


def _clause(obstacle: Obstacle, demand: Demand, device: DeviceView) -> str:
    match obstacle:
        case Obstacle.OTHER:
            return "another device was asked for"
        case Obstacle.ABSENT:
            return "it is gone"
        case Obstacle.MODE:
            return f"it can't do the mode {demand.mode or MODE_REMOTING}"
        case Obstacle.SIMULATED:
            return "it is simulated, and taken only where it is named"
        case Obstacle.APART:
            there = next(one for one in device.vgpus if demand.conflicts(one))
            return f"vGPU {there.name!r} is there, from which it is kept apart"
        case Obstacle.MEMORY:
            return _short_of_memory(demand.memory or 1, device)
        case Obstacle.GUARANTEE:
            words = f"{format_percent(device.room_guarantee)} of its time can still be guaranteed, "
            words += f"{format_percent(demand.guarantee)} are asked for"
            return words + (_kept(device) if device.held_guarantee else "")


def _short_of_memory(wanted: int, device: DeviceView) -> str:
    if wanted > device.memory:
        return f"it has {exact_size(device.memory)} at all, {exact_size(wanted)} are asked for"
    words = f"{exact_size(device.room_memory) if device.room_memory else 'nothing'} is free of "
    words += f"{exact_size(device.memory)}, {exact_size(wanted)} are asked for"
    return words + (_kept(device) if device.held_memory else "")


def _kept(device: DeviceView) -> str:
    return " (some of it is kept for those who wait longer)" if device.free_memory else ""


def _distance(
    demand: Demand, device: DeviceView, devices: Sequence[DeviceView]
) -> tuple[bool, int, bool, float]:
    hindered = obstacles(demand, device, devices)
    other = Obstacle.OTHER in hindered  # the one that was asked for is the one to tell of
    never = (demand.memory or 0) > device.memory
    return (other, sum(one not in _SIZE for one in hindered), never, lack(demand, device))


def lack(demand: Demand, device: DeviceView) -> float:
    """How much a device lacks of what a demand needs: the larger of its shares; 0 where it fits."""
    memory = max(0, (demand.memory or 1) - device.room_memory) / max(1, device.memory)
    return max(memory, max(0, demand.guarantee - device.room_guarantee) / WHOLE)


def _with(demand: Demand, **fields: object) -> Demand:
    return msgspec.structs.replace(demand, **fields)


def _named(device: DeviceView) -> str:
    return f"{device.name} ({device.uuid})"


def _whose(vgpu: VgpuView) -> str:
    return f"the batch vGPU {vgpu.name!r}" if vgpu.shown else "a batch vGPU of another tenant"
