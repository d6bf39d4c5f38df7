"""Why a device won't do for a demand at all, whatever is free there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from aliquot.model.vgpu import MODE_REMOTING
from aliquot.placement.demand import Demand
from aliquot.placement.views import DeviceView


class Unfit(StrEnum):
    """What neither time nor a move mends."""

    OTHER = "other"  # another device is the only one that will do
    ABSENT = "absent"
    MODE = "mode"
    SIMULATED = "simulated"
    PARTITION = "partition"


def unfit(demand: Demand, device: DeviceView, devices: Sequence[DeviceView]) -> tuple[Unfit, ...]:
    """All that makes a device unfit; nothing where it will do.

    `devices` are all there are: a simulated one is taken only where it is named, or where all are.
    """
    return tuple(_found(demand, device, devices))


def _found(demand: Demand, device: DeviceView, devices: Sequence[DeviceView]) -> Iterator[Unfit]:
    named = demand.device == device.uuid
    if demand.device is not None and not named:
        yield Unfit.OTHER
    if not device.present:
        yield Unfit.ABSENT
    if not device.remotable or demand.mode != MODE_REMOTING:
        yield Unfit.MODE
    if device.partition and not (named and demand.on):
        yield Unfit.PARTITION
    if device.simulated and not named and not all(other.simulated for other in devices):
        yield Unfit.SIMULATED
