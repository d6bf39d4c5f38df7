"""Why a demand fits or doesn't, device by device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aliquot import words
from aliquot.model.line import Line
from aliquot.model.shares import WHOLE
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import Placement
from aliquot.model.why import Why, because
from aliquot.placement.demand import Demand
from aliquot.placement.engine.obstacles import Obstacle
from aliquot.placement.engine.quotas import Quota
from aliquot.placement.machine import OF_ROOM, Choice, Machine
from aliquot.placement.marks import conflict
from aliquot.placement.unfit import Unfit
from aliquot.placement.views import DeviceView

_SIZE = frozenset({Obstacle.DEVICE_MEMORY, Obstacle.SHARE})


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


def verdicts(demand: Demand, devices: Sequence[DeviceView]) -> list[Verdict]:
    """What there is to say of each device, in their order."""
    machine = Machine(devices)
    fitting = machine.ranked(demand)
    found: list[Verdict] = []
    for at, device in enumerate(devices):
        rank = next((rank for rank, one in enumerate(fitting) if one.device is device), None)
        if rank is None:
            found.append(Verdict(device, False, _hindrance(demand, machine, at), None))
            continue
        choice = fitting[rank]
        lines = [_fitting(demand, choice.memory), _fullness(demand, choice.fullness, rank, fitting)]
        found.append(Verdict(device, True, lines, choice.fullness))
    return found


def why_not(demand: Demand, devices: Sequence[DeviceView]) -> Line:
    """In a sentence, why no device fits: of the ones that come closest."""
    if not devices:
        return because(Why.NO_DEVICE)
    machine = Machine(devices)
    nearest = closest(demand, machine)
    return about(Why.AT_DEVICE, devices[nearest], *_hindrance(demand, machine, nearest))


def goes_to(verdict: Verdict) -> Line:
    """Where it goes, and why there."""
    return about(Why.GOES_TO, verdict.device, *verdict.lines)


def closest(demand: Demand, machine: Machine) -> int:
    """The device, by its number, that lacks the least of what a demand needs; there must be one."""
    return min(range(len(machine.devices)), key=lambda at: _distance(demand, machine, at))


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


def _hindrance(demand: Demand, machine: Machine, at: int) -> list[Line]:
    """All that keeps a demand from a device."""
    hindered = machine.obstacles(demand, at)
    fixed = [one for one in hindered if one not in OF_ROOM]
    told = fixed[:1] or hindered
    return [line for one in told for line in _clauses(one, demand, machine, at)]


def _clauses(obstacle: Unfit | Obstacle, demand: Demand, machine: Machine, at: int) -> list[Line]:
    device = machine.devices[at]
    match obstacle:
        case Unfit.OTHER:
            return [because(Why.OTHER_DEVICE)]
        case Unfit.ABSENT:
            return [because(Why.GONE)]
        case Unfit.MODE:
            return [because(Why.NO_MODE, mode=demand.mode or MODE_REMOTING)]
        case Unfit.SIMULATED:
            return [because(Why.NOT_NAMED)]
        case Unfit.PARTITION:
            return [because(Why.ANOTHERS_PARTITION)]
        case Obstacle.RULE:
            there = next(one for one in device.vgpus if conflict(demand, one))
            return [because(Why.APART, vgpu=there.name)]
        case Obstacle.DEVICE_MEMORY:
            return _short_of_memory(demand.memory or 1, device)
        case Obstacle.MIX:
            return _mixed(demand, machine, at)
        case Obstacle.QUOTA_MEMORY | Obstacle.QUOTA_SHARE | Obstacle.QUOTA_PLACES:
            return quota_lines(demand.quota, demand.memory or 1, demand.guarantee)
        case _:  # a guarantee: nothing else is asked of a machine's devices
            left, wanted = device.room_guarantee / 100, demand.guarantee / 100
            kept = _some_kept(device.held_guarantee, device)
            return [because(Why.GUARANTEE_SHORT, share=left, wanted=wanted), *kept]


def _mixed(demand: Demand, machine: Machine, at: int) -> list[Line]:
    """What the device's mix of priority classes says against a demand."""
    breach = machine.placer.breach(at, demand.priority)
    if breach is None:
        raise ValueError("the mix lets it come")
    first, second, most = breach
    line = because(Why.MIX, first=first.word, second=second.word, most=most)
    waiting = {first, second}.intersection(machine.devices[at].held_classes)
    return [line, because(Why.MIX_OF_WAITING)] if waiting else [line]


def quota_lines(left: Quota, memory: int, guarantee: int) -> list[Line]:
    """What of a tenant's quota is less than it asks for; nothing where enough is left."""
    found: list[Line] = []
    if left.device_memory is not None and left.device_memory < memory:
        found.append(because(Why.QUOTA_MEMORY, left=left.device_memory, wanted=memory))
    if left.share is not None and left.share < guarantee:
        share, wanted = left.share / 100, guarantee / 100
        found.append(because(Why.QUOTA_GUARANTEE, left=share, wanted=wanted))
    return found


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


def _distance(demand: Demand, machine: Machine, at: int) -> tuple[bool, int, bool, float]:
    hindered = machine.obstacles(demand, at)
    device = machine.devices[at]
    other = Unfit.OTHER in hindered  # the one that was asked for is the one to tell of
    never = (demand.memory or 0) > device.memory
    return (other, sum(one not in _SIZE for one in hindered), never, lack(demand, device))


def lack(demand: Demand, device: DeviceView) -> float:
    """How much a device lacks of what a demand needs: the larger of its shares; 0 where it fits."""
    memory = max(0, (demand.memory or 1) - device.room_memory) / max(1, device.memory)
    return max(memory, max(0, demand.guarantee - device.room_guarantee) / WHOLE)


def about(why: Why, device: DeviceView, *lines: Line, **values: str | int | float) -> Line:
    """A sentence about a device, which is named in it."""
    return because(why, *lines, device=device.name, uuid=device.uuid, **values)
