"""Partitions that the kernel's bus shows: SR-IOV virtual functions, mdevs, and NVIDIA's vGPU types.

Formats: Linux's Documentation/ABI/testing/sysfs-bus-pci (sriov_*, virtfnN), sysfs-bus-vfio-mdev;
NVIDIA's newer host drivers offer types in VF/nvidia/creatable_vgpu_types, lines of `id : name`, in
place of mdev (NVIDIA vGPU Software User Guide, "Creating an NVIDIA vGPU on a Linux with KVM
Hypervisor"). The `description` of an mdev type is optional, and every driver writes it in its own
way: what isn't understood is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.model.modes import Mode, Partition, PartitionType

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_VIRTUAL_FUNCTION = re.compile(r"virtfn[0-9]{1,4}", re.ASCII)
# NVIDIA: `framebuffer=4096M, max_instance=12`; GVT-g: `low_gm_size: 128MB`, a line each.
_FRAMEBUFFER = re.compile(r"\bframebuffer=([0-9]{1,7})M\b", re.ASCII)
_GRAPHICS_MEMORY = re.compile(r"\blow_gm_size:\s*([0-9]{1,7})MB\b", re.ASCII)
_MOST = re.compile(r"\bmax_instance=([0-9]{1,5})\b", re.ASCII)
_MIB = 1 << 20
_TYPE = re.compile(r"([0-9]{1,9})\s*:\s*(\S.*)", re.ASCII)


def types(sysfs: Sysfs, address: str) -> tuple[PartitionType, ...]:
    """The kinds of partitions that the driver offers, of the function or its virtual functions."""
    found: list[PartitionType] = []
    for function in (address, *virtual_functions(sysfs, address)):
        found += mdev_types(sysfs, PCI_DEVICES, function)
        found += vgpu_types(sysfs, function)
    return added_up(found)


def added_up(offered: Iterable[PartitionType]) -> tuple[PartitionType, ...]:
    """The same type on several functions is one, of which there are as many as of all together."""
    found: dict[tuple[Mode, str], PartitionType] = {}
    for one in offered:
        known = found.get((one.mode, one.id))
        found[one.mode, one.id] = _sum(known, one) if known else one
    return tuple(found.values())


def existing(sysfs: Sysfs, address: str) -> tuple[Partition, ...]:
    """The partitions that exist now."""
    virtual = virtual_functions(sysfs, address)
    found: list[Partition] = []
    for function in (address, *virtual):
        for name in sysfs.names(PCI_DEVICES, function):
            if _UUID.fullmatch(name):
                kind = sysfs.link(PCI_DEVICES, function, name, "mdev_type")
                driver = sysfs.link(PCI_DEVICES, function, name, "driver")
                found.append(Partition(mode=Mode.MDEV, id=name.lower(), type=kind, driver=driver))
    for function in virtual:
        current = sysfs.text(PCI_DEVICES, function, "nvidia/current_vgpu_type")
        driver = sysfs.link(PCI_DEVICES, function, "driver")
        kind = None if current in (None, "0") else current
        found.append(Partition(mode=Mode.SRIOV, id=function, type=kind, driver=driver))
    return tuple(found)


def virtual_functions(sysfs: Sysfs, address: str) -> list[str]:
    """The addresses of a function's virtual functions, in the order of their numbers."""
    links = [
        name for name in sysfs.names(PCI_DEVICES, address) if _VIRTUAL_FUNCTION.fullmatch(name)
    ]
    links.sort(key=lambda name: int(name.removeprefix("virtfn")))
    found = (sysfs.link(PCI_DEVICES, address, name) for name in links)
    return [function for function in found if function]


def mdev_types(sysfs: Sysfs, *parent: str) -> list[PartitionType]:
    """The mdev types of one parent, by its path."""
    found: list[PartitionType] = []
    for name in sysfs.names(*parent, "mdev_supported_types"):
        here = (*parent, "mdev_supported_types", name)
        shown = sysfs.text(*here, "name") or name
        told = sysfs.text(*here, "description") or ""
        memory = _FRAMEBUFFER.search(told) or _GRAPHICS_MEMORY.search(told)
        most = _MOST.search(told)
        found.append(
            PartitionType(
                mode=Mode.MDEV,
                id=name,
                name=shown,
                available=sysfs.natural(*here, "available_instances"),
                most=int(most[1]) if most else None,
                memory=int(memory[1]) * _MIB if memory else None,
            )
        )
    return found


def vgpu_types(sysfs: Sysfs, address: str) -> list[PartitionType]:
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
    most = None if one.most is None or other.most is None else one.most + other.most
    return msgspec.structs.replace(one, available=one.available + other.available, most=most)
