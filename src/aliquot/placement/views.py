"""What placement sees of devices and of the vGPUs there. Memory in bytes, guarantees in 1/100 %."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from aliquot.model.shares import WHOLE, PriorityClass, PriorityMix

if TYPE_CHECKING:
    from aliquot.placement.demand import Demand


class VgpuView(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU that has a place. Ids sort by age: the newest is the greatest.

    `group` is that of one that shares no device with another of it.
    `movable`: it can go on elsewhere, and may. `preemptible`: its owner allows that it is suspended
    for a higher class. `leaving`: its place is about to be given back. `shown`: to whoever asks.
    """

    id: str
    name: str
    tenant: str
    memory: int
    guarantee: int = 0
    priority: PriorityClass = PriorityClass.NORMAL
    labels: dict[str, str] = {}
    apart: str | None = None
    group: str | None = None
    movable: bool = False
    preemptible: bool = False
    leaving: bool = False
    shown: bool = True


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A device: what is free there, and what of that is kept for those who wait.

    `software`: it stands in for a GPU, and is taken where no GPU will do. `partition`: it is one of
    another device, which a vGPU has, and is taken only where it is named by that vGPU.

    What is free is told beside `vgpus` and not reckoned from them, so that whoever only asks
    whether something fits need not list them all: those that its labels can conflict with will do.
    Of a device with a `mix` of priority classes all are listed; `held_classes` are those of who
    waits for room there.
    """

    uuid: str
    name: str
    memory: int
    free_memory: int
    free_guarantee: int = WHOLE
    held_memory: int = 0
    held_guarantee: int = 0
    present: bool = True
    remotable: bool = True
    simulated: bool = False
    software: bool = False
    partition: bool = False
    mix: PriorityMix = {}
    held_classes: tuple[PriorityClass, ...] = ()
    vgpus: tuple[VgpuView, ...] = ()

    @property
    def room_memory(self) -> int:
        """What can be reserved without taking what others wait for."""
        return max(0, self.free_memory - self.held_memory)

    @property
    def room_guarantee(self) -> int:
        """What can be promised without taking what others wait for."""
        return max(0, self.free_guarantee - self.held_guarantee)

    def with_vgpu(self, vgpu: VgpuView) -> DeviceView:
        """The same device with one more vGPU."""
        return msgspec.structs.replace(
            self,
            free_memory=self.free_memory - vgpu.memory,
            free_guarantee=self.free_guarantee - vgpu.guarantee,
            vgpus=(*self.vgpus, vgpu),
        )

    def without(self, gone: Iterable[VgpuView]) -> DeviceView:
        """The same device once these vGPUs have given back their places."""
        lost = {vgpu.id: vgpu for vgpu in gone}
        return msgspec.structs.replace(
            self,
            free_memory=self.free_memory + sum(vgpu.memory for vgpu in lost.values()),
            free_guarantee=self.free_guarantee + sum(vgpu.guarantee for vgpu in lost.values()),
            vgpus=tuple(vgpu for vgpu in self.vgpus if vgpu.id not in lost),
        )

    def listing(self, vgpus: Iterable[VgpuView]) -> DeviceView:
        """The same device, of whose vGPUs these are told."""
        return msgspec.structs.replace(self, vgpus=tuple(vgpus))

    def settled(self) -> DeviceView:
        """The same device once those that are leaving have left."""
        leaving = [vgpu for vgpu in self.vgpus if vgpu.leaving]
        return self.without(leaving) if leaving else self

    def leaving(self, ids: frozenset[str]) -> DeviceView:
        """The same device with these vGPUs on their way out."""
        marked = tuple(
            msgspec.structs.replace(vgpu, leaving=True) if vgpu.id in ids else vgpu
            for vgpu in self.vgpus
        )
        return msgspec.structs.replace(self, vgpus=marked)

    def holding(self, demand: Demand) -> DeviceView:
        """The same device with room kept for a demand: all behind it find that much less."""
        return msgspec.structs.replace(
            self,
            held_memory=self.held_memory + (demand.memory or 0),
            held_guarantee=self.held_guarantee + demand.guarantee,
            held_classes=(*self.held_classes, demand.priority),
        )


def changed(
    devices: Iterable[DeviceView], uuid: str, change: Callable[[DeviceView], DeviceView]
) -> list[DeviceView]:
    """The same devices with one of them changed."""
    return [change(device) if device.uuid == uuid else device for device in devices]
