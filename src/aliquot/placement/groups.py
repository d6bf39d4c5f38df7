"""Places for a group: all of its members get one, or none does.

On devices of their own the members are a matching in a bipartite graph, found with augmenting paths
(Kuhn, 1955), exactly and fast. Sharing devices they are vectors packed into bins: a search that
places the hardest first, remembers states that failed, and is cut off after MOST_STEPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aliquot.placement.choose import Choice, obstacles, ranked
from aliquot.placement.demand import Demand
from aliquot.placement.views import DeviceView

MOST_STEPS = 2_000


class Assignment(NamedTuple):
    """A choice for each member, in their order; None where there is none.

    `cut_off`: the search was ended before it knew; then there may be one after all.
    """

    choices: tuple[Choice, ...] | None
    cut_off: bool = False


def assign(demands: Sequence[Demand], devices: Sequence[DeviceView], *, spread: bool) -> Assignment:
    """Devices for all demands; with `spread` no two on the same one.

    A member without a size takes all that is free: such ones need a device of their own.
    """
    if spread:
        return Assignment(_matched(demands, devices))
    if any(demand.memory is None for demand in demands):
        raise ValueError("members that share devices need a size")
    search = _Search(demands, devices)
    return Assignment(search.run(), search.cut_off)


def misfit(demands: Sequence[Demand], devices: Sequence[DeviceView], *, spread: bool) -> int | None:
    """The first member that finds no place together with those before it; None where all do."""
    low, high = 0, len(demands)
    if assign(demands, devices, spread=spread).choices is not None:
        return None
    while high - low > 1:  # the first `low` fit, the first `high` don't
        middle = (low + high) // 2
        fits = assign(demands[:middle], devices, spread=spread).choices is not None
        low, high = (middle, high) if fits else (low, middle)
    return low


def _matched(demands: Sequence[Demand], devices: Sequence[DeviceView]) -> tuple[Choice, ...] | None:
    wishes = [ranked(demand, devices) for demand in demands]
    taken: dict[str, int] = {}

    def place(member: int, tried: set[str]) -> bool:
        for choice in wishes[member]:
            uuid = choice.device.uuid
            if uuid in tried:
                continue
            tried.add(uuid)
            if uuid not in taken or place(taken[uuid], tried):
                taken[uuid] = member
                return True
        return False

    for member in sorted(range(len(demands)), key=lambda at: len(wishes[at])):
        if not place(member, set()):
            return None
    device_of = {member: uuid for uuid, member in taken.items()}
    return tuple(
        next(choice for choice in wishes[at] if choice.device.uuid == device_of[at])
        for at in range(len(demands))
    )


class _Search:
    def __init__(self, demands: Sequence[Demand], devices: Sequence[DeviceView]) -> None:
        self._demands = demands
        self._devices = devices
        self._order = sorted(range(len(demands)), key=self._hardness)
        # Without labels and pins, devices with the same room are as good as each other.
        self._alike = not any(d.labels or d.device or d.group for d in demands)
        self._failed: set[tuple[int, tuple[object, ...]]] = set()
        self._steps = 0
        self._chosen: dict[int, Choice] = {}

    @property
    def cut_off(self) -> bool:
        return self._steps > MOST_STEPS

    def run(self) -> tuple[Choice, ...] | None:
        if not self._place(0, list(self._devices)):
            return None
        return tuple(self._chosen[at] for at in range(len(self._demands)))

    def _hardness(self, at: int) -> tuple[int, int, int, int]:
        demand = self._demands[at]
        fitting = sum(not obstacles(demand, device, self._devices) for device in self._devices)
        return (fitting, -(demand.memory or 0), -demand.guarantee, at)

    def _place(self, depth: int, devices: list[DeviceView]) -> bool:
        if depth == len(self._order):
            return True
        self._steps += 1
        if self.cut_off or not self._could(depth, devices):
            return False
        state = (depth, self._state(devices))
        if state in self._failed:
            return False
        at = self._order[depth]
        demand = self._demands[at]
        for choice in ranked(demand, devices):
            placed = demand.placed(choice.memory)
            after = [
                device.with_vgpu(placed) if device is choice.device else device
                for device in devices
            ]
            if self._place(depth + 1, after):
                self._chosen[at] = choice
                return True
        if not self.cut_off:
            self._failed.add(state)
        return False

    def _could(self, depth: int, devices: list[DeviceView]) -> bool:
        """Whether all that is left fits at least into the sum of all rooms."""
        rest = [self._demands[at] for at in self._order[depth:]]
        usable = [d for d in devices if d.present and d.remotable]
        return sum(d.memory or 0 for d in rest) <= sum(d.room_memory for d in usable) and sum(
            d.guarantee for d in rest
        ) <= sum(d.room_guarantee for d in usable)

    def _state(self, devices: list[DeviceView]) -> tuple[object, ...]:
        if self._alike:
            rooms = [
                (d.room_memory, d.room_guarantee, d.present, d.remotable, d.simulated)
                for d in devices
            ]
            return tuple(sorted(rooms))
        return tuple((d.room_memory, d.room_guarantee, _marks(d, self._demands)) for d in devices)


def _marks(device: DeviceView, demands: Sequence[Demand]) -> frozenset[object]:
    """The labels there that may keep members away."""
    mine = {demand.id or f"~{demand.name}" for demand in demands}
    return frozenset(
        (vgpu.apart, vgpu.group, tuple(sorted(vgpu.labels.items())))
        for vgpu in device.vgpus
        if vgpu.id in mine
    )
