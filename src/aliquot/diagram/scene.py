"""What a picture is made of: what the API tells of a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.picture import Look
from aliquot.model.api.processes import VgpuProcesses
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.modes import Mode


class Grouping(StrEnum):
    """By what vGPUs stand together: on their devices, or by whose they are or how they are made."""

    NODE = "node"
    OWNER = "owner"
    MODE = "mode"


class Collapse(StrEnum):
    """Whether a device's vGPUs are drawn one by one: never, always, or where they are few."""

    AUTO = "auto"
    ALL = "all"
    NONE = "none"


class Choice(NamedTuple):
    """What of all that there is somebody wants to see, and how.

    `owner` and `device` leave out what is another's; `opened` and `closed` are devices, or
    groups, that are drawn one by one, or not, whatever `collapse` says. With `vgpu`, nothing is
    drawn but that one's processes and command queues, and what they stand on.
    """

    grouping: Grouping = Grouping.NODE
    collapse: Collapse = Collapse.AUTO
    owner: str | None = None
    device: str | None = None
    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    vgpu: str | None = None


class Scene(NamedTuple):
    """A moment. vGPUs are in the order of their making; `stale` devices have no figures of now.

    `processes` are of the one vGPU that was chosen, where who uses it may be told.
    """

    node: str
    at_ms: int
    sequence: int
    devices: Sequence[DeviceResource]
    vgpus: Sequence[VgpuResource]
    leases: Mapping[str, Sequence[LeaseResource]]  # by vGPU
    stale: frozenset[str] = frozenset()
    processes: VgpuProcesses | None = None


def look_of(vgpu: VgpuResource) -> Look:
    """How a vGPU's chain is drawn, by its mode."""
    if vgpu.mode == Mode.PASSTHROUGH:
        return Look.PASSTHROUGH
    if vgpu.mode in (Mode.MIG, Mode.MDEV, Mode.SRIOV):
        return Look.HARDWARE
    return Look.SOFTWARE if vgpu.on is None else Look.HYBRID
