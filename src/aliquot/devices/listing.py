"""The list of devices as users see it: what OpenCL drivers offer first, then all other devices.

So an index means the same device to `aliquot devices` and to `--device`, whatever else is found.
"""

from __future__ import annotations

from typing import NamedTuple

from aliquot.devices.choose import choose_device
from aliquot.devices.discovery import Discoverer, Discovery
from aliquot.errors import AmbiguousDevice, DeviceNotOffered, UnknownDevice
from aliquot.model.device import Device
from aliquot.model.modes import Mode
from aliquot.model.physical_device import PhysicalDevice


class Entry(NamedTuple):
    """A line of the list: a physical device, as this OpenCL driver offers it or as none does."""

    device: PhysicalDevice
    offer: Device | None

    @property
    def uuid(self) -> str:
        """The UUID that `--device` finds."""
        return self.offer.uuid if self.offer else self.device.uuid

    @property
    def name(self) -> str:
        """The driver's name for it, else its own."""
        return self.offer.name if self.offer else self.device.name

    @property
    def kind(self) -> str:
        """gpu, accelerator, custom or software."""
        return self.offer.kind if self.offer else self.device.kind

    @property
    def platform(self) -> str:
        """The OpenCL platform, else nothing."""
        return self.offer.platform if self.offer else ""

    @property
    def memory(self) -> int | None:
        """As much as the driver offers, else as much as there is."""
        return self.offer.global_memory if self.offer else self.device.memory

    @property
    def other_names(self) -> tuple[str, ...]:
        """Its place and its other UUIDs."""
        device = self.device
        told = (device.uuid, device.vendor_uuid, device.pci_address, *device.aliases)
        return tuple(name.casefold() for name in told if name)


def entries(found: Discovery) -> list[Entry]:
    """All devices in the order of their indices."""
    of_offer = {offer.uuid: device for device in found.devices for offer in device.offers}
    listed = [Entry(of_offer[offer.uuid], offer) for offer in found.offers]
    return listed + [Entry(device, None) for device in found.devices if not device.offers]


def choose_entry(listed: list[Entry], wanted: str) -> Entry:
    """The line that an index, UUID, PCI address or part of a name means; see choose_device.

    Of a device that several drivers offer, its own UUID or place means the first line.
    """
    try:
        return choose_device(listed, wanted)
    except AmbiguousDevice:
        text = wanted.strip().casefold()
        named = [entry for entry in listed if text in entry.other_names]
        if named and all(entry.device is named[0].device for entry in named):
            return named[0]
        raise


def refuse_unoffered(wanted: str | None) -> None:
    """Raise DeviceNotOffered where `wanted` is a device that no OpenCL driver offers."""
    if wanted is None:
        return
    listed = entries(Discoverer().discover())
    try:
        entry = choose_entry(listed, wanted)
    except (UnknownDevice, AmbiguousDevice):
        return
    ability = entry.device.ability(Mode.REMOTING)
    if entry.offer is None and ability is not None and ability.why_not:
        index = listed.index(entry)
        raise DeviceNotOffered(f"device {index} ({entry.name}): {ability.why_not}")
