"""Whom to suspend, so that a demand of a higher class gets a place.

Only vGPUs of class `batch` whose owners allow it, and only for a demand that is not `batch` itself:
never the same class, so nothing that was suspended can suspend another in turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from aliquot.model.shares import PriorityClass
from aliquot.placement.demand import Demand
from aliquot.placement.engine.mix import Classes
from aliquot.placement.machine import OF_ROOM, Machine
from aliquot.placement.marks import conflict
from aliquot.placement.views import DeviceView, VgpuView

# A search this long is cut off, and the best that it found is taken.
MOST_STEPS = 20_000


class Preemption(NamedTuple):
    """The device, and whom to suspend there with release."""

    device: DeviceView
    vgpus: tuple[VgpuView, ...]

    @property
    def cost(self) -> tuple[int, int, list[_Newest]]:
        """Fewest first, then least memory, then the newest."""
        return (
            len(self.vgpus),
            sum(vgpu.memory for vgpu in self.vgpus),
            sorted(_Newest(vgpu.id) for vgpu in self.vgpus),
        )


class _Newest(str):
    """An id that comes the sooner the newer it is."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str(self) > str(other)


def may_preempt(demand: Demand) -> bool:
    """Whether a demand is of a class for which others may be suspended."""
    return demand.priority is not PriorityClass.BATCH and demand.memory is not None


def victims(demand: Demand, devices: Sequence[DeviceView]) -> Preemption | None:
    """Whom to suspend: the fewest, of these the least memory, of these the newest.

    None where that doesn't help, or isn't needed: it fits, or will once those leaving have left.
    """
    if not may_preempt(demand):
        return None
    settled = [device.settled() for device in devices]
    found: list[Preemption] = []
    machine = Machine(settled)
    for at, device in enumerate(settled):
        hindered = machine.obstacles(demand, at)
        if not hindered:
            return None
        if OF_ROOM.issuperset(hindered) and (best := _on(demand, device)) is not None:
            found.append(best)
    return min(found, key=lambda one: one.cost, default=None)


def _on(demand: Demand, device: DeviceView) -> Preemption | None:
    allowed = [
        vgpu
        for vgpu in device.vgpus
        if vgpu.preemptible and vgpu.priority is PriorityClass.BATCH and vgpu.id != demand.id
    ]
    in_the_way = [v for v in device.vgpus if v.id != demand.id and conflict(demand, v)]
    too_many = _too_many(demand, device)
    if too_many is None or any(vgpu not in allowed for vgpu in in_the_way):
        return None
    # The room that others wait for stays theirs.
    lacking = (
        (demand.memory or 0) + device.held_memory - device.free_memory,
        demand.guarantee + device.held_guarantee - device.free_guarantee,
    )
    lacking = (
        lacking[0] - sum(vgpu.memory for vgpu in in_the_way),
        lacking[1] - sum(vgpu.guarantee for vgpu in in_the_way) if demand.guarantee else 0,
    )
    rest = [vgpu for vgpu in allowed if vgpu not in in_the_way]
    chosen = _Search(rest, *lacking, least=too_many - len(in_the_way)).run()
    return None if chosen is None else Preemption(device, (*in_the_way, *chosen))


def _too_many(demand: Demand, device: DeviceView) -> int | None:
    """How many of class batch have to leave for the device's mix; None where that doesn't do."""
    there = Counter(vgpu.priority for vgpu in device.vgpus if vgpu.id != demand.id)
    there.update(device.held_classes)
    for leaving in range(there[PriorityClass.BATCH] + 1):
        classes = Classes([device.mix])
        for priority in (there - Counter({PriorityClass.BATCH: leaving})).elements():
            classes.add(0, priority)
        if classes.allow(0, demand.priority):
            return leaving
    return None


class _Search:
    """The cheapest set that frees as much as is lacking, of so many at least: by size, each size
    exhaustively."""

    def __init__(self, vgpus: list[VgpuView], memory: int, guarantee: int, *, least: int) -> None:
        # Of those that are as good as each other the newest comes first, and is taken first.
        self._vgpus = sorted(vgpus, key=lambda v: (v.memory, v.guarantee, _Newest(v.id)))
        self._memory, self._guarantee, self._least = memory, guarantee, max(0, least)
        self._steps = 0
        self._best: tuple[int, list[_Newest]] | None = None
        self._chosen: tuple[VgpuView, ...] | None = None
        # What the last n free together, and the most of a guarantee from a place on.
        self._most_memory = [0, *accumulate(v.memory for v in reversed(self._vgpus))]
        guarantees = [v.guarantee for v in reversed(self._vgpus)]
        self._most_guarantee = [*reversed(list(accumulate(guarantees, max)))]

    def run(self) -> tuple[VgpuView, ...] | None:
        """The set, or None where all together don't free enough."""
        if self._memory <= 0 and self._guarantee <= 0 and not self._least:
            return ()
        for size in range(max(1, self._least), len(self._vgpus) + 1):
            self._extend((), 0, size, self._memory, self._guarantee)
            if self._chosen is not None:
                return self._chosen
            if self._steps > MOST_STEPS:
                return self._greedy()
        return None

    def _extend(
        self, taken: tuple[VgpuView, ...], start: int, left: int, memory: int, guarantee: int
    ) -> None:
        if left == 0:
            cost = (sum(v.memory for v in taken), sorted(_Newest(v.id) for v in taken))
            if memory <= 0 and guarantee <= 0 and (self._best is None or cost < self._best):
                self._best, self._chosen = cost, taken
            return
        if memory > self._most_memory[left]:
            return
        spent = sum(v.memory for v in taken)
        for at in range(start, len(self._vgpus) - left + 1):
            self._steps += 1
            if self._steps > MOST_STEPS or guarantee > left * self._most_guarantee[at]:
                return
            one = self._vgpus[at]
            if at > start and _alike(one, self._vgpus[at - 1]):
                continue
            if self._best is not None and spent + left * one.memory > self._best[0]:
                return  # they are in the order of their memory
            self._extend(
                (*taken, one), at + 1, left - 1, memory - one.memory, guarantee - one.guarantee
            )

    def _greedy(self) -> tuple[VgpuView, ...] | None:
        """Whoever frees most of what is lacking, again and again; then nobody in vain."""
        memory, guarantee = self._memory, self._guarantee
        rest, taken = list(self._vgpus), list[VgpuView]()
        while rest and (memory > 0 or guarantee > 0 or len(taken) < self._least):
            one = max(rest, key=lambda v: _eased(v, memory, guarantee))
            rest.remove(one)
            taken.append(one)
            memory, guarantee = memory - one.memory, guarantee - one.guarantee
        if memory > 0 or guarantee > 0 or len(taken) < self._least:
            return None
        for one in list(taken):
            spare = len(taken) > self._least
            if spare and memory + one.memory <= 0 and guarantee + one.guarantee <= 0:
                taken.remove(one)
                memory, guarantee = memory + one.memory, guarantee + one.guarantee
        return tuple(taken)


def _alike(one: VgpuView, other: VgpuView) -> bool:
    return (one.memory, one.guarantee) == (other.memory, other.guarantee)


def _eased(vgpu: VgpuView, memory: int, guarantee: int) -> float:
    eased = min(vgpu.memory, memory) / memory if memory > 0 else 0.0
    return eased + (min(vgpu.guarantee, guarantee) / guarantee if guarantee > 0 else 0.0)
