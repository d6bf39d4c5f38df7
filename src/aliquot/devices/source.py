"""What every source of devices offers, and how it tells what it sees."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from aliquot.model.device import Device
from aliquot.model.modes import ModeAbility, Partition, PartitionType
from aliquot.model.pci import PciFunction
from aliquot.model.physical_device import (
    Architecture,
    Clocks,
    Distance,
    LinkKind,
    PhysicalDevice,
    SimulatedVgpu,
)
from aliquot.model.telemetry import Telemetry


class PeerLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to another device, which sources name by PCI address (an inventory by UUID)."""

    kind: LinkKind
    peer: str
    count: int | None = None
    distance: Distance | None = None


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What one source knows of one device; None where it doesn't.

    `hardware_uuid` is a UUID that lies in the hardware itself; `verdicts` are modes of which this
    source knows better than anybody; `problem` is what the source could not read.
    """

    source: str
    pci_address: str | None = None
    hardware_uuid: str | None = None
    vendor_uuid: str | None = None
    aliases: tuple[str, ...] = ()
    name: str | None = None
    kind: str | None = None
    vendor: str | None = None
    architecture: Architecture | None = None
    compute_units: int | None = None
    clocks: Clocks = Clocks()
    memory: int | None = None
    pci: PciFunction | None = None
    links: tuple[PeerLink, ...] = ()
    partition_types: tuple[PartitionType, ...] = ()
    partitions: tuple[Partition, ...] = ()
    verdicts: tuple[ModeAbility, ...] = ()
    offers: tuple[Device, ...] = ()
    fault: str | None = None
    simulated: bool = False
    node: str | None = None
    vgpus: tuple[SimulatedVgpu, ...] = ()


class Listing(NamedTuple):
    """What a source sees, and why it may see less than there is, in one sentence."""

    sightings: list[Sighting]
    problem: str | None = None


class Source(Protocol):
    """A source of devices. Neither call raises because of what the machine is like."""

    @property
    def name(self) -> str:
        """Its name, as PhysicalDevice.sources and Telemetry.sources give it."""
        ...

    def list_devices(self) -> Listing:
        """All devices that this source sees now."""
        ...

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        """What the device does now; None where this source can't tell."""
        ...
