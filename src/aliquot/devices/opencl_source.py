"""Source: what OpenCL drivers offer, software devices included; see aliquot.devices.opencl."""

from __future__ import annotations

from aliquot.devices.opencl import survey
from aliquot.devices.source import Listing, Sighting
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


class OpenclSource:
    """Devices as OpenCL drivers offer them, in the order of the indices that users see."""

    name = "opencl"

    def __init__(self, *, fresh: bool = False, retry: bool = False) -> None:
        """As aliquot.devices.opencl.survey; `fresh` holds for the first listing."""
        self._fresh = fresh
        self._retry = retry
        self.error: AliquotError | None = None

    def list_devices(self) -> Listing:
        """Every device of every driver; where there is none, `error` says why as well."""
        self.error = None
        try:
            found = survey(fresh=self._fresh, retry=self._retry)
        except AliquotError as error:
            self.error = error
            return Listing([], str(error))
        finally:
            self._fresh = False
        problems = "; ".join(f"{driver.library}: {problem}" for driver, problem in found.failures)
        return Listing([_sighting(self.name, device) for device in found.devices], problems or None)

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:  # noqa: ARG002
        """None: OpenCL tells nothing of what a device does."""
        return None


def _sighting(source: str, device: Device) -> Sighting:
    vendor = device.vendor.casefold()
    return Sighting(
        source=source,
        pci_address=device.pci_address,
        vendor_uuid=device.uuid,
        name=device.name,
        kind=device.kind,
        vendor=next((name for part, name in _VENDORS.items() if part in vendor), device.vendor),
        compute_units=device.compute_units or None,
        clocks=Clocks(core_mhz=device.clock_mhz or None),
        memory=device.global_memory or None,
        offers=(device,),
    )
