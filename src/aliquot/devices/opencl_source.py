"""Source: what OpenCL drivers offer, software devices included; see aliquot.devices.opencl.

Drivers are asked out of process, which takes long, and what they say is remembered. So they are
asked again only where that can matter: when the drivers that are installed or the cards and their
kernel drivers have changed, or where what is remembered contradicts the cards that are there.
"""

from __future__ import annotations

from aliquot.devices.drivers import find_drivers
from aliquot.devices.opencl import survey
from aliquot.devices.pci import display_functions, driver_of, normal_address
from aliquot.devices.source import Listing, Sighting
from aliquot.devices.sysfs import Sysfs
from aliquot.errors import AliquotError
from aliquot.model.device import Device
from aliquot.model.physical_device import Clocks, PhysicalDevice
from aliquot.model.telemetry import Telemetry

# What drivers call their vendor, in part and lower case, and what PCI calls it.
_VENDORS = {
    "nvidia": "NVIDIA",
    "advanced micro devices": "AMD",
    "amd": "AMD",
    "intel": "Intel",
}
_NO_USE = (None, "vfio-pci")


class OpenclSource:
    """Devices as OpenCL drivers offer them, in the order of the indices that users see."""

    name = "opencl"

    def __init__(self, sysfs: Sysfs, *, fresh: bool = False, retry: bool = False) -> None:
        """Ask as aliquot.devices.opencl.survey does; `sysfs` tells when to ask again."""
        self._sysfs = sysfs
        self._fresh = fresh
        self._retry = retry
        self._seen: tuple[object, Listing] | None = None
        self._again = False
        self.error: AliquotError | None = None

    def ask_again(self) -> None:
        """Ask the drivers at the next listing, whatever is remembered. Any thread may call this."""
        self._again = True

    def list_devices(self) -> Listing:
        """Every device of every driver; where there is none, `error` says why as well."""
        cards = {a: driver_of(self._sysfs, a) for a in display_functions(self._sysfs)}
        surroundings = (find_drivers(), cards)
        again, self._again = self._again, False
        if not again and self._seen is not None and self._seen[0] == surroundings:
            return self._seen[1]
        fresh = again or self._fresh or self._seen is not None
        listing = self._ask(fresh)
        if not fresh and cards and _contradicts(listing, cards):
            listing = self._ask(True)
        self._seen = (surroundings, listing)
        self._fresh = False
        return listing

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:  # noqa: ARG002
        """None: OpenCL tells nothing of what a device does."""
        return None

    def _ask(self, fresh: bool) -> Listing:
        self.error = None
        try:
            found = survey(fresh=fresh, retry=self._retry)
        except AliquotError as error:
            self.error = error
            return Listing([], str(error))
        problems = "; ".join(f"{driver.library}: {problem}" for driver, problem in found.failures)
        return Listing([_sighting(self.name, device) for device in found.devices], problems or None)


def _contradicts(listing: Listing, cards: dict[str, str | None]) -> bool:
    """Whether a driver is remembered to offer a card that is gone, or in nobody's use."""
    places = [seen.pci_address for seen in listing.sightings if seen.pci_address]
    return any(cards.get(place) in _NO_USE for place in places)


def _sighting(source: str, device: Device) -> Sighting:
    vendor = device.vendor.casefold()
    return Sighting(
        source=source,
        pci_address=normal_address(device.pci_address or ""),
        vendor_uuid=device.uuid,
        name=device.name,
        kind=device.kind,
        vendor=next((name for part, name in _VENDORS.items() if part in vendor), device.vendor),
        compute_units=device.compute_units or None,
        clocks=Clocks(core_mhz=device.clock_mhz or None),
        memory=device.global_memory or None,
        offers=(device,),
    )
