"""A physical device: all that the sources together know of it.

Structs of msgspec, for strictness and JSON; nothing on the path of `aliquot run` imports this.
None always means that no source tells; it is never 0 for unknown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from aliquot.model.device import Device
from aliquot.model.modes import Mode, ModeAbility, Partition, PartitionType
from aliquot.model.pci import PciFunction
from aliquot.model.shares import Shares

UNKNOWN = "unknown"


class Architecture(msgspec.Struct, frozen=True):
    """An architecture's name, or `unknown`, and the vendor's own id that it was looked up by."""

    name: str
    id: str

    def __str__(self) -> str:
        """As people read it: `Ampere (compute capability 8.0)`."""
        return f"{self.name} ({self.id})"


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """The highest clocks, in MHz."""

    core_mhz: int | None = None
    memory_mhz: int | None = None


class LinkKind(StrEnum):
    """What joins two devices."""

    NVLINK = "nvlink"
    XGMI = "xgmi"
    PCIE = "pcie"


class Distance(StrEnum):
    """How far apart two PCI devices are, nearest first."""

    SWITCH = "switch"
    HOST_BRIDGE = "host-bridge"
    NUMA_NODE = "numa-node"
    SYSTEM = "system"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A way to another device.

    `peer` is that device's UUID; `count` the number of links (NVLink), `distance` and `bridges`
    (PCIe bridges between the two) are told for PCIe.
    """

    kind: LinkKind
    peer: str
    count: int | None = None
    distance: Distance | None = None
    bridges: int | None = None


class SimulatedVgpu(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU that an inventory puts on a simulated device. Memory is in bytes."""

    name: str
    mode: Mode
    memory: int
    shares: Shares
    tenant: str | None = None


class PhysicalDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One device, however many sources see it. Memory is in bytes.

    `uuid` stays the same across reboots and whichever sources are there; `vendor_uuid` is the
    vendor's own way to write it, by which the vendor's exporters name the device; `aliases` are
    other UUIDs that find it. `offers` are the OpenCL devices that it is to programs. `fault` says
    why it can't be used although it is there.
    """

    uuid: str
    sources: tuple[str, ...]
    name: str
    kind: str
    vendor: str | None = None
    vendor_uuid: str | None = None
    aliases: tuple[str, ...] = ()
    architecture: Architecture | None = None
    compute_units: int | None = None
    clocks: Clocks = Clocks()
    memory: int | None = None
    pci: PciFunction | None = None
    links: tuple[Link, ...] = ()
    modes: tuple[ModeAbility, ...] = ()
    partition_types: tuple[PartitionType, ...] = ()
    partitions: tuple[Partition, ...] = ()
    offers: tuple[Device, ...] = ()
    fault: str | None = None
    simulated: bool = False
    node: str | None = None
    vgpus: tuple[SimulatedVgpu, ...] = ()

    @property
    def pci_address(self) -> str | None:
        """Where it is on the PCI bus, as sysfs writes it."""
        return self.pci.address if self.pci else None

    def ability(self, mode: Mode) -> ModeAbility | None:
        """What it can of one mode."""
        return next((ability for ability in self.modes if ability.mode is mode), None)

    def as_dict(self) -> dict[str, Any]:
        """The device for `--json`; of its OpenCL devices only the UUIDs."""
        told: dict[str, Any] = {
            name: msgspec.to_builtins(getattr(self, name))
            for name in self.__struct_fields__
            if name not in ("offers", "vgpus")
        }
        told["offers"] = [offer.uuid for offer in self.offers]
        told["vgpus"] = [
            {"name": vgpu.name, "mode": vgpu.mode.value, "memory": vgpu.memory}
            | vgpu.shares.as_dict()
            | {"tenant": vgpu.tenant}
            for vgpu in self.vgpus
        ]
        return told
