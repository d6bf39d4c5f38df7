"""All devices by all sources: the one place that knows them all."""

from __future__ import annotations

from typing import NamedTuple

from aliquot import environment
from aliquot.devices import pci_names
from aliquot.devices.amdgpu import AmdgpuSource
from aliquot.devices.amdsmi import AmdsmiSource
from aliquot.devices.intel import IntelSource
from aliquot.devices.inventory import InventorySource
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.links import with_links
from aliquot.devices.merge import grouped, made_one
from aliquot.devices.nvml import NvmlSource
from aliquot.devices.opencl_source import OpenclSource
from aliquot.devices.pci import PciSource, display_functions, vendor_of
from aliquot.devices.readings import combined
from aliquot.devices.source import PeerLink, Sighting, Source
from aliquot.devices.sysfs import ROOT, Sysfs
from aliquot.errors import AliquotError
from aliquot.model.device import Device
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry

# Under WSL, NVIDIA's GPUs are display functions of Microsoft's, and NVML knows them.
_NVML_VENDORS = (pci_names.NVIDIA, "1414")


class Discovery(NamedTuple):
    """What was found: the devices, and what OpenCL offers in the order of its indices.

    `problems` say by source why there may be more than was seen; `opencl_error` is the error that
    `aliquot run` would end with where OpenCL offers nothing.
    """

    devices: list[PhysicalDevice]
    offers: list[Device]
    problems: dict[str, str]
    opencl_error: AliquotError | None = None


class Discoverer:
    """Finds devices and reads their telemetry, as often as asked; keeps libraries open meanwhile.

    No call raises because of what the machine is like.
    """

    def __init__(
        self,
        *,
        sysfs_root: str | None = None,
        opencl: Source | None = None,
        inventory: InventorySource | None = None,
        nvml: Source | None = None,
        amdsmi: Source | None = None,
        known: KnownDevices | None = None,
        fresh: bool = False,
        retry: bool = False,
    ) -> None:
        """Read this sysfs (by default ALIQUOT_SYSFS_ROOT, else /sys) and ask these sources.

        A sysfs from elsewhere tells of another machine: then the vendors' libraries are asked only
        where they are given. `fresh` and `retry` are for OpenCL's drivers; see
        aliquot.devices.opencl.survey.
        """
        root = sysfs_root or environment.SYSFS_ROOT.get() or ROOT
        here = root == ROOT
        self._sysfs = Sysfs(root)
        self._opencl = opencl or OpenclSource(self._sysfs, fresh=fresh, retry=retry)
        self._nvml = nvml or (NvmlSource() if here else None)
        self._amdsmi = amdsmi or (AmdsmiSource() if here else None)
        self._sysfs_sources: list[Source] = [
            PciSource(self._sysfs),
            AmdgpuSource(self._sysfs),
            IntelSource(self._sysfs),
        ]
        self._inventory = inventory
        self._known = known or KnownDevices()
        self._asked: list[Source] = []

    def discover(self) -> Discovery:
        """Look at everything anew. What OpenCL offers comes first, in its order."""
        sightings: list[Sighting] = []
        problems: dict[str, str] = {}
        self._asked = self._sources()
        for source in self._asked:
            listing = source.list_devices()
            sightings += listing.sightings
            if listing.problem:
                problems[source.name] = listing.problem
        sightings = _still_there(sightings)
        told_by = {seen.source for seen in sightings}
        nvml_asked = self._nvml is not None and (
            self._nvml.name in told_by or self._nvml.name not in problems
        )
        devices: list[PhysicalDevice] = []
        told: dict[str, list[PeerLink]] = {}
        for group in grouped(sightings):
            device = made_one(group, self._known, nvml_asked=nvml_asked)
            devices.append(device)
            told[device.uuid] = [link for seen in group for link in seen.links]
        self._known.keep()
        offers = [offer for seen in sightings for offer in seen.offers]
        error = self._opencl.error if isinstance(self._opencl, OpenclSource) else None
        return Discovery(with_links(devices, told, self._sysfs), offers, problems, error)

    def ask_again(self) -> None:
        """Take nothing as remembered at the next discovery. Any thread may call this."""
        if isinstance(self._opencl, OpenclSource):
            self._opencl.ask_again()

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        """What a device does now, by all sources that were asked last; None where none can tell.

        A simulated device is its inventory's alone: its place may be a real device's as well.
        """
        sources = self._asked or self._sources()
        asked = [s for s in sources if (s is self._inventory) == device.simulated]
        readings = (source.telemetry(device) for source in asked)
        return combined([reading for reading in readings if reading is not None])

    def _sources(self) -> list[Source]:
        sources: list[Source] = [self._opencl]
        vendors = {vendor_of(self._sysfs, a) for a in display_functions(self._sysfs)}
        # Their libraries take long to load, and are of no use without a card.
        if self._nvml is not None and vendors & {*_NVML_VENDORS}:
            sources.append(self._nvml)
        if self._amdsmi is not None and pci_names.AMD in vendors:
            sources.append(self._amdsmi)
        sources += self._sysfs_sources
        if self._inventory is not None:
            sources.append(self._inventory)
        return sources


def _still_there(sightings: list[Sighting]) -> list[Sighting]:
    """Without cards that only a library still knows, as lost: they are no longer on the bus."""
    places = {seen.pci_address for seen in sightings if seen.pci is not None}
    return [seen for seen in sightings if seen.fault is None or seen.pci_address in places]
