"""Values of `hostpciN` and of resource mappings. Format: Proxmox VE's property strings.

A token may give a VM devices by mappings alone: `host=` and `romfile=` are root@pam's. So a mapping
is made for each vGPU, and is named like it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from aliquot.devices.pci import normal_address
from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.errors import HardwareGone, HypervisorRefused
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.naming import device_name, vgpu_of
from aliquot.leases.vm.proxmox.api import garbled
from aliquot.leases.vm.qemu.arguments import must_be_device
from aliquot.model.hardware import Attachment
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

MOST_DEVICES = 16
KEEPS_DRIVER = (9, 1)  # qemu-server 9.0.24, of October 2025
_KEY = re.compile(r"hostpci(\d{1,2})", re.ASCII)
_MDEVS = "bus/mdev/devices"
_CURRENT = "nvidia/current_vgpu_type"


class PciDevice(msgspec.Struct, frozen=True):
    """A device as `GET /nodes/NODE/hardware/pci` lists it."""

    id: str
    vendor: str
    device: str
    iommugroup: int = -1
    subsystem_vendor: str = ""
    subsystem_device: str = ""


class Share(NamedTuple):
    """What becomes one mapping and one `hostpciN`."""

    mapping: str
    paths: tuple[str, ...]  # functions by their full addresses
    mdev: str | None = None
    keep: bool = False  # its driver is one that we bound, and may stay as it is


def shares(attachment: Attachment, sysfs: Sysfs) -> list[Share]:
    """What of a vGPU becomes a device of its own in the VM: all functions of a card are one."""
    must_be_device(attachment)
    vgpu = vgpu_id(attachment)
    if attachment.rom is not None:
        raise refusal(HypervisorRefused, Why.ROM_OF_ROOT)
    if attachment.path is not None:
        uuid = attachment.path.rpartition("/")[2]
        kind = sysfs.link(_MDEVS, uuid, "mdev_type")
        parent = _parent(sysfs, uuid)
        if kind is None or parent is None:
            raise refusal(HardwareGone, Why.MDEV_GONE, uuid=uuid)
        return [Share(device_name(vgpu, 0), (parent,), mdev=kind)]
    cards: dict[str, list[str]] = {}
    for address in attachment.functions:
        cards.setdefault(address.rpartition(".")[0], []).append(address)
    found: list[Share] = []
    for number, functions in enumerate(cards.values()):
        current = sysfs.text(PCI_DEVICES, functions[0], _CURRENT)
        kind = f"nvidia-{current}" if current not in (None, "", "0") else None
        name = device_name(vgpu, number)
        found.append(Share(name, tuple(functions), mdev=kind, keep=kind is None))
    return found


def mapping_entry(share: Share, node: str, listed: Mapping[str, PciDevice]) -> str:
    """A mapping's value for a node: the place, and what must be there."""
    first = listed.get(share.paths[0])
    if first is None:
        raise refusal(HypervisorRefused, Why.PROXMOX_NOT_LISTED, address=share.paths[0], node=node)
    several = len(share.paths) > 1
    parts = {
        "node": node,
        "path": share.paths[0].rpartition(".")[0] if several else share.paths[0],
        "id": f"{_hex(first.vendor)}:{_hex(first.device)}",
    }
    if first.iommugroup >= 0:
        parts["iommugroup"] = str(first.iommugroup)
    if first.subsystem_vendor and first.subsystem_device:
        parts["subsystem-id"] = f"{_hex(first.subsystem_vendor)}:{_hex(first.subsystem_device)}"
    return _written(parts)


def device_value(share: Share, *, express: bool, version: tuple[int, int]) -> str:
    """The value of `hostpciN`; its driver is ours, where the version can leave that alone."""
    parts = {"mapping": share.mapping}
    if share.mdev is not None:
        parts["mdev"] = share.mdev
    if express:
        parts["pcie"] = "1"
    if share.keep and version >= KEEPS_DRIVER:
        parts["driver"] = "keep"
    return _written(parts)


def slots(config: Mapping[str, object]) -> dict[int, str]:
    """The values of `hostpciN` in a VM's configuration, by N."""
    return {
        int(found[1]): value
        for key, value in config.items()
        if (found := _KEY.fullmatch(key)) and isinstance(value, str)
    }


def vgpu_in(value: str) -> str | None:
    """The vGPU of ours to which a `hostpciN` belongs."""
    for part in value.split(","):
        key, _, name = part.partition("=")
        if key == "mapping":
            return vgpu_of(name)
    return None


def _parent(sysfs: Sysfs, uuid: str) -> str | None:
    """The function below which an mdev lies: its place in sysfs is in its parent's folder."""
    try:
        place = os.readlink(sysfs.path(_MDEVS, uuid))
    except OSError:
        return None
    return normal_address(os.path.basename(os.path.dirname(place)))


def _hex(text: str) -> str:
    found = text.removeprefix("0x").lower()
    if not re.fullmatch(r"[0-9a-f]{4}", found):
        raise garbled(f"{text!r} for a PCI vendor or device")
    return found


def _written(parts: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in parts.items())
