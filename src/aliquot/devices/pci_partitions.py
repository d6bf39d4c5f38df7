"""Partitions that the kernel's bus shows: SR-IOV virtual functions, mdevs, and NVIDIA's vGPU types.

Formats: Linux's Documentation/ABI/testing/sysfs-bus-pci (sriov_*, virtfnN), sysfs-bus-vfio-mdev;
NVIDIA's newer host drivers offer types in VF/nvidia/creatable_vgpu_types, lines of `id : name`, in
place of mdev (NVIDIA vGPU Software User Guide, "Creating an NVIDIA vGPU on a Linux with KVM
Hypervisor").
"""

from __future__ import annotations

import re

from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.model.modes import Mode, Partition, PartitionType

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_VIRTUAL_FUNCTION = re.compile(r"virtfn[0-9]{1,4}", re.ASCII)
_TYPE = re.compile(r"([0-9]{1,9})\s*:\s*(\S.*)", re.ASCII)


def types(sysfs: Sysfs, address: str) -> tuple[PartitionType, ...]:
    """The kinds of partitions that the driver offers, of the function or its virtual functions."""
    found: dict[tuple[Mode, str], PartitionType] = {}
    virtual_functions = _virtual_functions(sysfs, address)
    for function in (address, *virtual_functions):
        for offered in _mdev_types(sysfs, function):
            known = found.get((offered.mode, offered.id))
            # The same type on several virtual functions: they add up.
            found[offered.mode, offered.id] = _sum(known, offered) if known else offered
        for offered in _vgpu_types(sysfs, function):
            known = found.get((offered.mode, offered.id))
            found[offered.mode, offered.id] = _sum(known, offered) if known else offered
    return tuple(found.values())


def existing(sysfs: Sysfs, address: str) -> tuple[Partition, ...]:
    """The partitions that exist now."""
    virtual_functions = _virtual_functions(sysfs, address)
    found: list[Partition] = []
    for function in (address, *virtual_functions):
        for name in sysfs.names(PCI_DEVICES, function):
            if _UUID.fullmatch(name):
                kind = sysfs.link(PCI_DEVICES, function, name, "mdev_type")
                driver = sysfs.link(PCI_DEVICES, function, name, "driver")
                found.append(Partition(mode=Mode.MDEV, id=name.lower(), type=kind, driver=driver))
    for function in virtual_functions:
        current = sysfs.text(PCI_DEVICES, function, "nvidia/current_vgpu_type")
        driver = sysfs.link(PCI_DEVICES, function, "driver")
        kind = None if current in (None, "0") else current
        found.append(Partition(mode=Mode.SRIOV, id=function, type=kind, driver=driver))
    return tuple(found)


def _virtual_functions(sysfs: Sysfs, address: str) -> list[str]:
    links = [
        name for name in sysfs.names(PCI_DEVICES, address) if _VIRTUAL_FUNCTION.fullmatch(name)
    ]
    links.sort(key=lambda name: int(name.removeprefix("virtfn")))
    found = (sysfs.link(PCI_DEVICES, address, name) for name in links)
    return [function for function in found if function]


def _mdev_types(sysfs: Sysfs, address: str) -> list[PartitionType]:
    found: list[PartitionType] = []
    for name in sysfs.names(PCI_DEVICES, address, "mdev_supported_types"):
        here = (PCI_DEVICES, address, "mdev_supported_types", name)
        shown = sysfs.text(*here, "name") or name
        available = sysfs.natural(*here, "available_instances")
        found.append(PartitionType(mode=Mode.MDEV, id=name, name=shown, available=available))
    return found


def _vgpu_types(sysfs: Sysfs, address: str) -> list[PartitionType]:
    """A virtual function holds one vGPU: each type that it lists can be made on it once."""
    listed = sysfs.text(PCI_DEVICES, address, "nvidia/creatable_vgpu_types") or ""
    found: list[PartitionType] = []
    for line in listed.splitlines():
        if match := _TYPE.fullmatch(line.strip()):
            number, name = match.groups()
            found.append(PartitionType(mode=Mode.SRIOV, id=number, name=name.strip(), available=1))
    return found


def _sum(one: PartitionType, other: PartitionType) -> PartitionType:
    if one.available is None or other.available is None:
        return one
    return PartitionType(
        mode=one.mode, id=one.id, name=one.name, available=one.available + other.available
    )
