"""Who of those who wait gets a place now, and what is kept for the others.

The waiters come in their fair order. One that fits is served. One that doesn't may be overtaken by
those behind it that fit, but not for long: from PATIENCE_MS on, and at once where what it needs is
about to be given back, its size is kept for it on the device where it lacks the least. What is
lacking there can only become less then, so everyone whose device is there is served in the end.
This is the backfilling of batch schedulers (Lifka, 1995) for jobs whose length nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aliquot.placement.demand import Demand
from aliquot.placement.explain import lack
from aliquot.placement.groups import assign
from aliquot.placement.machine import OF_ROOM, Choice, Machine
from aliquot.placement.preempt import Preemption, victims
from aliquot.placement.views import DeviceView, VgpuView

PATIENCE_MS = 30_000


class Waiter(NamedTuple):
    """A demand that waits, or all of a group that do: places for all of them or for none."""

    demands: tuple[Demand, ...]
    since_ms: int
    spread: bool = False


class Turn(NamedTuple):
    """What came of a waiter: its places, or whom to suspend for it; `devices` as it found them."""

    choices: tuple[Choice, ...] | None
    preemption: Preemption | None
    devices: list[DeviceView]


class Round(NamedTuple):
    """What came of all of them. `devices` are left for whoever comes next."""

    turns: list[Turn]
    devices: list[DeviceView]


def serve(waiters: Sequence[Waiter], devices: Sequence[DeviceView], now_ms: int) -> Round:
    """A turn for each waiter, in their order. Sizes are needed: nobody waits for all that is free.

    Only single demands have others suspended for them, not groups.
    """
    relevant = _relevant(waiters)
    parted = {one.uuid: _parted(one, relevant) for one in devices}
    now = Machine([device.listing(parted[device.uuid][0]) for device in devices])
    turns: list[Turn] = []
    for waiter in waiters:
        found = list(now.devices)
        choices = None
        preemption = None
        if _exhausted(found):
            pass  # for all who are left
        elif (choices := _fitting(waiter, now)) is not None:
            for demand, choice in zip(waiter.demands, choices, strict=True):
                now.put(demand, choice)
        else:
            if len(waiter.demands) == 1 and (preemption := victims(waiter.demands[0], found)):
                now.leaving(preemption.device.uuid, [vgpu.id for vgpu in preemption.vgpus])
            _hold(waiter, now, impatient=now_ms - waiter.since_ms >= PATIENCE_MS)
        turns.append(Turn(choices, preemption, found))
    return Round(turns, [one.listing([*parted[one.uuid][1], *one.vgpus]) for one in now.devices])


def _parted(
    device: DeviceView, relevant: Callable[[VgpuView], bool]
) -> tuple[list[VgpuView], list[VgpuView]]:
    """Those of a device that can decide anything, and the others: to a mix of classes all count."""
    kept = [vgpu for vgpu in device.vgpus if device.mix or relevant(vgpu)]
    return kept, [vgpu for vgpu in device.vgpus if not device.mix and not relevant(vgpu)]


def _relevant(waiters: Sequence[Waiter]) -> Callable[[VgpuView], bool]:
    """Which vGPUs can decide anything here: thousands may be there, and many may wait."""
    marks = {
        (demand.tenant, mark)
        for waiter in waiters
        for demand in waiter.demands
        for mark in (*demand.labels.items(), demand.group)
        if mark is not None
    }

    def relevant(vgpu: VgpuView) -> bool:
        if vgpu.leaving or vgpu.preemptible:
            return True
        own = (*vgpu.labels.items(), vgpu.group) if marks else ()
        return any((vgpu.tenant, mark) in marks for mark in own)

    return relevant


def _exhausted(devices: Sequence[DeviceView]) -> bool:
    """Whether nobody could get anything any more, whatever leaves or makes way."""
    return all(
        not device.room_memory
        and not any(vgpu.leaving or vgpu.preemptible for vgpu in device.vgpus)
        for device in devices
        if device.present and device.remotable
    )


def _fitting(waiter: Waiter, machine: Machine) -> tuple[Choice, ...] | None:
    if len(waiter.demands) == 1:
        choice = machine.choose(waiter.demands[0])
        return None if choice is None else (choice,)
    return assign(waiter.demands, machine.devices, spread=waiter.spread).choices


def _hold(waiter: Waiter, machine: Machine, *, impatient: bool) -> None:
    """Keep room for a waiter, where it is time for that."""
    somebody_leaves = any(vgpu.leaving for device in machine.devices for vgpu in device.vgpus)
    if not somebody_leaves and not impatient:
        return
    settled = Machine([device.settled() for device in machine.devices])
    soon = _fitting(waiter, settled) if somebody_leaves else None
    if soon is not None:
        uuids: list[str] | None = [choice.device.uuid for choice in soon]
    else:
        uuids = _nearest(waiter, settled) if impatient else None
    for demand, uuid in zip(waiter.demands, uuids or (), strict=False):
        machine.hold(demand, uuid)


def _nearest(waiter: Waiter, machine: Machine) -> list[str] | None:
    """For each demand the device where it lacks the least; None where one can go nowhere.

    The machine is there to be changed.
    """
    found: list[str] = []
    for demand in waiter.demands:
        could = [
            device
            for at, device in enumerate(machine.devices)
            if OF_ROOM.issuperset(machine.obstacles(demand, at))
            and (demand.memory or 1) <= device.memory
            and not (waiter.spread and device.uuid in found)
        ]
        if not could:
            return None
        nearest = min(could, key=lambda device: lack(demand, device))
        machine.hold(demand, nearest.uuid)
        found.append(nearest.uuid)
    return found
