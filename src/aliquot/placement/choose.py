"""The device for a demand: of the GPUs that fit the fullest or the emptiest, else of the others.

How full a device is, is the larger of its shares of memory and of guarantees that are set aside:
the dominant share of Ghodsi et al., Dominant Resource Fairness, 2011. Where two are as full, the
earlier one in the list is taken, so the same question has one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from aliquot.model.shares import WHOLE
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import Placement
from aliquot.placement.demand import Demand
from aliquot.placement.views import DeviceView


class Obstacle(StrEnum):
    """Why a demand can't go to a device."""

    OTHER = "other"  # another device is the only one that will do
    ABSENT = "absent"
    MODE = "mode"
    SIMULATED = "simulated"
    APART = "apart"
    MEMORY = "memory"
    GUARANTEE = "guarantee"


# What time, a move or a suspension can mend.
OF_ROOM = frozenset({Obstacle.APART, Obstacle.MEMORY, Obstacle.GUARANTEE})


class Choice(NamedTuple):
    """A device, how much memory the demand gets there, and how full the device is then (0 to 1)."""

    device: DeviceView
    memory: int
    fullness: float


def obstacles(
    demand: Demand, device: DeviceView, devices: Sequence[DeviceView]
) -> tuple[Obstacle, ...]:
    """All that keeps a demand from a device; nothing where it fits.

    `devices` are all there are: a simulated one is taken only where it is named, or where all are.
    """
    found: list[Obstacle] = []
    named = demand.device == device.uuid
    if demand.device is not None and not named:
        found.append(Obstacle.OTHER)
    if not device.present:
        found.append(Obstacle.ABSENT)
    if not device.remotable or demand.mode != MODE_REMOTING:
        found.append(Obstacle.MODE)
    if device.simulated and not named and not all(other.simulated for other in devices):
        found.append(Obstacle.SIMULATED)
    if any(demand.conflicts(vgpu) for vgpu in device.vgpus if vgpu.id != demand.id):
        found.append(Obstacle.APART)
    # All that is free has to be something.
    if device.room_memory < (demand.memory or 1):
        found.append(Obstacle.MEMORY)
    if device.room_guarantee < demand.guarantee:
        found.append(Obstacle.GUARANTEE)
    return tuple(found)


def ranked(demand: Demand, devices: Sequence[DeviceView]) -> list[Choice]:
    """Every device that fits, the best first: GPUs before software devices."""
    fitting = [
        _choice(demand, device) for device in devices if not obstacles(demand, device, devices)
    ]
    packed = demand.placement is Placement.PACK

    def key(choice: Choice) -> tuple[bool, float]:
        device = choice.device
        if demand.memory is None:  # the one that is the least taken
            return (device.software, -choice.memory / device.memory)
        return (device.software, -choice.fullness if packed else choice.fullness)

    return sorted(fitting, key=key)


def choose(demand: Demand, devices: Sequence[DeviceView]) -> Choice | None:
    """The device for a demand, None where none fits."""
    return next(iter(ranked(demand, devices)), None)


def _choice(demand: Demand, device: DeviceView) -> Choice:
    memory = demand.memory or device.room_memory
    used = device.memory - device.free_memory + memory
    promised = WHOLE - device.free_guarantee + demand.guarantee
    return Choice(device, memory, max(used / device.memory, promised / WHOLE))
