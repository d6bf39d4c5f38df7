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

from aliquot.placement.choose import OF_ROOM, Choice, choose, obstacles
from aliquot.placement.demand import Demand
from aliquot.placement.explain import lack
from aliquot.placement.groups import assign
from aliquot.placement.preempt import Preemption, victims
from aliquot.placement.views import DeviceView, VgpuView, changed

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
    now = [device.listing([v for v in device.vgpus if relevant(v)]) for device in devices]
    others = {one.uuid: [v for v in one.vgpus if not relevant(v)] for one in devices}
    turns: list[Turn] = []
    for waiter in waiters:
        found = now
        choices = None
        preemption = None
        if _exhausted(now):
            pass  # for all who are left
        elif (choices := _fitting(waiter, now)) is not None:
            now = _placed(waiter, choices, now)
        else:
            if len(waiter.demands) == 1 and (preemption := victims(waiter.demands[0], now)):
                leaving = frozenset(vgpu.id for vgpu in preemption.vgpus)
                uuid = preemption.device.uuid
                now = changed(now, uuid, lambda one, ids=leaving: one.leaving(ids))
            now = _held(waiter, now, impatient=now_ms - waiter.since_ms >= PATIENCE_MS)
        turns.append(Turn(choices, preemption, found))
    return Round(turns, [one.listing([*others[one.uuid], *one.vgpus]) for one in now])


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


def _fitting(waiter: Waiter, devices: list[DeviceView]) -> tuple[Choice, ...] | None:
    if len(waiter.demands) == 1:
        choice = choose(waiter.demands[0], devices)
        return None if choice is None else (choice,)
    return assign(waiter.demands, devices, spread=waiter.spread).choices


def _placed(
    waiter: Waiter, choices: tuple[Choice, ...], devices: list[DeviceView]
) -> list[DeviceView]:
    for demand, choice in zip(waiter.demands, choices, strict=True):
        vgpu = demand.placed(choice.memory)
        devices = changed(devices, choice.device.uuid, lambda one, come=vgpu: one.with_vgpu(come))
    return devices


def _held(waiter: Waiter, devices: list[DeviceView], *, impatient: bool) -> list[DeviceView]:
    """The devices with room kept for a waiter, where it is time for that."""
    settled = [device.settled() for device in devices]
    if soon := _fitting(waiter, settled):
        uuids: list[str] | None = [choice.device.uuid for choice in soon]
    else:
        uuids = _nearest(waiter, settled) if impatient else None
    for demand, uuid in zip(waiter.demands, uuids or (), strict=False):
        devices = changed(devices, uuid, lambda one, wanted=demand: one.holding(wanted))
    return devices


def _nearest(waiter: Waiter, devices: list[DeviceView]) -> list[str] | None:
    """For each demand the device where it lacks the least; None where one can go nowhere."""
    found: list[str] = []
    for demand in waiter.demands:
        could = [
            device
            for device in devices
            if OF_ROOM.issuperset(obstacles(demand, device, devices))
            and (demand.memory or 1) <= device.memory
            and not (waiter.spread and device.uuid in found)
        ]
        if not could:
            return None
        nearest = min(could, key=lambda device: lack(demand, device))
        devices = changed(devices, nearest.uuid, lambda one, wanted=demand: one.holding(wanted))
        found.append(nearest.uuid)
    return found
