"""Hybrid: software vGPUs on a partition of the hardware. What carries what, as a tree.

A partition that programs of the host can use carries vGPUs of the mode remoting as a device does:
a MIG instance, which the vendor's driver offers where its UUID is named, or a virtual function that
has its vendor's driver. What is handed to a virtual machine carries none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from aliquot.errors import DeviceInUse
from aliquot.model.hardware import Made
from aliquot.model.modes import Mode, Partition
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.why import Why, because
from aliquot.words.refusals import saying

_FOR_MACHINES = ("vfio-pci", "nvidia-vgpu-vfio")


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A device or one of its partitions (`partition`), and the vGPUs on it, by UUID."""

    id: str
    partition: Partition | None = None
    vgpus: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()


def tree(device: PhysicalDevice, made: Iterable[Made]) -> Branch:
    """A device with its partitions and the vGPUs of both.

    A vGPU that is a partition stands at that partition; one of the mode remoting at what carries
    it, which `Made.device` names: the device's UUID or the partition's id.
    """
    by_place: dict[str, list[str]] = {}
    for one in made:
        place = one.device if one.mode is Mode.REMOTING else one.id
        by_place.setdefault(place, []).append(one.vgpu)
    names = (device.uuid, device.pci_address or "", *device.aliases)
    here = [vgpu for name in dict.fromkeys(names) for vgpu in by_place.get(name, ())]
    branches = tuple(
        Branch(id=one.id, partition=one, vgpus=tuple(sorted(by_place.get(one.id, ()))))
        for one in device.partitions
    )
    return Branch(id=device.uuid, vgpus=tuple(sorted(here)), branches=branches)


def carries(partition: Partition) -> bool:
    """Whether software vGPUs can be made on a partition."""
    if partition.mode is Mode.MIG:
        return True
    driver = partition.driver
    return partition.mode is Mode.SRIOV and driver is not None and driver not in _FOR_MACHINES


def environment(partition: Partition) -> Mapping[str, str]:
    """What a worker's driver must be told so that it sees this partition and no other device."""
    if partition.mode is not Mode.MIG:
        return {}
    return {"CUDA_VISIBLE_DEVICES": partition.id, "NVIDIA_VISIBLE_DEVICES": partition.id}


def refuse_carrier(partition: str, made: Iterable[Made]) -> None:
    """Raise DeviceInUse where software vGPUs lie on a partition that is to be deleted."""
    found = sorted(
        one.vgpu for one in made if one.mode is Mode.REMOTING and one.device == partition
    )
    if found:
        names = ", ".join(found)
        raise saying(DeviceInUse, because(Why.CARRIES, partition=partition, vgpus=names))
