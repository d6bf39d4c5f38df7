"""Why a demand fits or doesn't, device by device, and which one thing would make it fit.

Each remedy carries what it changes, and is told only where choosing again with that finds a place.
Changes of size are the smallest: a byte or a hundredth of a percent less, and it doesn't fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from aliquot import words
from aliquot.model.line import Line
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import Placement
from aliquot.model.why import Why, because
from aliquot.placement.choose import OF_ROOM, Choice, Obstacle, choose, obstacles, ranked
from aliquot.placement.demand import Demand, moving
from aliquot.placement.preempt import victims
from aliquot.placement.views import DeviceView, changed

_SIZE = frozenset({Obstacle.MEMORY, Obstacle.GUARANTEE})


class Verdict(NamedTuple):
    """A device that was looked at. `fullness` is how full it would be, where it fits."""

    device: DeviceView
    fits: bool
    lines: list[Line]
    fullness: float | None

    @property
    def why(self) -> str:
        """Why or why not, in English."""
        return words.english(*self.lines)


class Remedy(NamedTuple):
    """One thing that would make it fit: as words, and as the question that is then answered yes."""

    line: Line
    demand: Demand
    devices: list[DeviceView]

    @property
    def words(self) -> str:
        """The same in English."""
        return words.english(self.line)


def verdicts(demand: Demand, devices: Sequence[DeviceView]) -> list[Verdict]:
    """What there is to say of each device, in their order."""
    fitting = ranked(demand, devices)
    found: list[Verdict] = []
    for device in devices:
        rank = next((at for at, one in enumerate(fitting) if one.device is device), None)
        if rank is None:
            found.append(Verdict(device, False, _hindrance(demand, device, devices), None))
            continue
        choice = fitting[rank]
        lines = [_fitting(demand, choice.memory), _fullness(demand, choice.fullness, rank, fitting)]
        found.append(Verdict(device, True, lines, choice.fullness))
    return found


def why_not(demand: Demand, devices: Sequence[DeviceView]) -> Line:
    """In a sentence, why no device fits: of the ones that come closest."""
    if not devices:
        return because(Why.NO_DEVICE)
    nearest = closest(demand, devices)
    return _at(Why.AT_DEVICE, nearest, *_hindrance(demand, nearest, devices))


def goes_to(verdict: Verdict) -> Line:
    """Where it goes, and why there."""
    return _at(Why.GOES_TO, verdict.device, *verdict.lines)


def closest(demand: Demand, devices: Sequence[DeviceView]) -> DeviceView:
    """The device that lacks the least of what a demand needs; `devices` must not be empty."""
    return min(devices, key=lambda device: _distance(demand, device, devices))


def remedies(demand: Demand, devices: Sequence[DeviceView]) -> list[Remedy]:
    """Single changes, moves and suspensions, each of which would make it fit; [] where it fits."""
    if choose(demand, devices) is not None:
        return []
    found = [*_changes(demand, devices), *_moves(demand, devices), *_suspension(demand, devices)]
    return [remedy for remedy in found if choose(remedy.demand, remedy.devices) is not None]


def _changes(demand: Demand, devices: Sequence[DeviceView]) -> Iterator[Remedy]:
    all_devices = list(devices)
    hindered = {device.uuid: obstacles(demand, device, devices) for device in devices}

    def only(obstacle: Obstacle) -> list[DeviceView]:
        return [device for device in devices if hindered[device.uuid] == (obstacle,)]

    if demand.memory and (short := only(Obstacle.MEMORY)):
        best = max(short, key=lambda device: device.room_memory)
        if room := best.room_memory:
            line = _at(Why.LESS_MEMORY, best, memory=room, less=demand.memory - room)
            yield Remedy(line, _with(demand, memory=room), all_devices)
    if short := only(Obstacle.GUARANTEE):
        best = max(short, key=lambda device: device.room_guarantee)
        share, wanted = best.room_guarantee / 100, demand.guarantee / 100
        line = _at(Why.LESS_GUARANTEE, best, share=share, wanted=wanted)
        yield Remedy(line, _with(demand, guarantee=best.room_guarantee), all_devices)
    freed = _with(demand, device=None)
    if freed != demand and (choice := choose(freed, devices)):
        yield Remedy(_at(Why.NOT_TIED, choice.device), freed, all_devices)
    freed = _with(demand, apart=None)
    if freed != demand and (choice := choose(freed, devices)):
        line = _at(Why.NOT_APART, choice.device, label=str(demand.apart))
        yield Remedy(line, freed, all_devices)


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
            line = _at(
                Why.MOVED,
                source,
                vgpu=vgpu.name,
                memory=vgpu.memory,
                target=target.name,
                target_uuid=target.uuid,
            )
            yield Remedy(line, demand, after)
            return


def _suspension(demand: Demand, devices: Sequence[DeviceView]) -> Iterator[Remedy]:
    found = victims(demand, devices)
    if found is None or len(found.vgpus) != 1:
        return
    (vgpu,) = found.vgpus
    uuid = found.device.uuid
    after = changed([device.settled() for device in devices], uuid, lambda one: one.without([vgpu]))
    if vgpu.shown:
        line = _at(Why.SUSPENDED, found.device, vgpu=vgpu.name, memory=vgpu.memory)
    else:
        line = _at(Why.SUSPENDED_OTHERS, found.device, memory=vgpu.memory)
    yield Remedy(line, demand, after)


def _fitting(demand: Demand, memory: int) -> Line:
    if demand.guarantee:
        return because(Why.FITS_GUARANTEE, memory=memory, guarantee=demand.guarantee / 100)
    return because(Why.FITS, memory=memory)


def _fullness(demand: Demand, fullness: float, rank: int, fitting: Sequence[Choice]) -> Line:
    """How full a device would be, and which of those that fit it is by that."""
    first = rank == 0
    if len(fitting) == 1:
        why = Why.FULL
    elif demand.memory is None or demand.placement is Placement.SPREAD:
        why = Why.FULL_EMPTIEST if first else Why.FULL_NOT_EMPTIEST
    else:
        why = Why.FULL_FULLEST if first else Why.FULL_NOT_FULLEST
    return because(why, share=round(100 * fullness))


def _hindrance(demand: Demand, device: DeviceView, devices: Sequence[DeviceView]) -> list[Line]:
    """All that keeps a demand from a device."""
    hindered = obstacles(demand, device, devices)
    fixed = [one for one in hindered if one not in OF_ROOM]
    told = fixed[:1] or hindered
    return [line for one in told for line in _clauses(one, demand, device)]


def _clauses(obstacle: Obstacle, demand: Demand, device: DeviceView) -> list[Line]:
    match obstacle:
        case Obstacle.OTHER:
            return [because(Why.OTHER_DEVICE)]
        case Obstacle.ABSENT:
            return [because(Why.GONE)]
        case Obstacle.MODE:
            return [because(Why.NO_MODE, mode=demand.mode or MODE_REMOTING)]
        case Obstacle.SIMULATED:
            return [because(Why.NOT_NAMED)]
        case Obstacle.APART:
            there = next(one for one in device.vgpus if demand.conflicts(one))
            return [because(Why.APART, vgpu=there.name)]
        case Obstacle.MEMORY:
            return _short_of_memory(demand.memory or 1, device)
        case Obstacle.GUARANTEE:
            left, wanted = device.room_guarantee / 100, demand.guarantee / 100
            kept = _some_kept(device.held_guarantee, device)
            return [because(Why.GUARANTEE_SHORT, share=left, wanted=wanted), *kept]


def _short_of_memory(wanted: int, device: DeviceView) -> list[Line]:
    size = device.memory
    if wanted > size:
        return [because(Why.TOO_SMALL, size=size, wanted=wanted)]
    if device.room_memory:
        line = because(Why.MEMORY_SHORT, free=device.room_memory, size=size, wanted=wanted)
    else:
        line = because(Why.NO_MEMORY, size=size, wanted=wanted)
    return [line, *_some_kept(device.held_memory, device)]


def _some_kept(held: int, device: DeviceView) -> list[Line]:
    return [because(Why.SOME_KEPT)] if held and device.free_memory else []


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


def _at(why: Why, device: DeviceView, *lines: Line, **values: str | int | float) -> Line:
    """A sentence about a device, which is named in it."""
    return because(why, *lines, device=device.name, uuid=device.uuid, **values)
