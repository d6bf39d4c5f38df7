"""Source: Intel's GPUs by the sysfs of the drivers i915 and xe.

Formats: Linux's Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon and -xe-hwmon;
drivers/gpu/drm/i915/gt/intel_gt_sysfs_pm.c; xe_gt_freq.c and xe_gt_idle.c in drivers/gpu/drm/xe.
Neither driver tells the use there: the time asleep bounds it.
Tested on made-up trees, not on hardware.
"""

from __future__ import annotations

import re
import time

from aliquot.devices import architectures, pci_names
from aliquot.devices.hwmon import Hwmon
from aliquot.devices.pci import display_functions, driver_of, vendor_of
from aliquot.devices.source import Listing, Sighting
from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.model.physical_device import Clocks, PhysicalDevice
from aliquot.model.telemetry import Telemetry

_DRIVERS = ("i915", "xe")
_CARD = re.compile(r"card[0-9]{1,4}", re.ASCII)
_TILE = re.compile(r"tile[0-9]{1,2}", re.ASCII)
_GT = re.compile(r"gt[0-9]{1,2}", re.ASCII)


class IntelSource:
    """Intel's GPUs as i915 or xe shows them."""

    name = "intel"

    def __init__(self, sysfs: Sysfs) -> None:
        """Read this sysfs."""
        self._sysfs = sysfs

    def list_devices(self) -> Listing:
        """Intel's GPUs, also those without a driver: the PCI id tells the architecture."""
        sysfs = self._sysfs
        addresses = display_functions(sysfs)
        theirs = [a for a in addresses if vendor_of(sysfs, a) == pci_names.INTEL]
        return Listing([self._sighting(address) for address in theirs])

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        """Power, temperatures, clock and sleep; None without the driver."""
        address = device.pci_address
        if address is None or driver_of(self._sysfs, address) not in _DRIVERS:
            return None
        hwmon = Hwmon(self._sysfs, address)
        temperature = hwmon.degrees("pkg")
        return Telemetry(
            time=time.time(),
            sources=(self.name,),
            memory_total=_memory(self._sysfs, address),
            power_limit_watts=hwmon.watts("power1_max", "power2_max"),
            # Energy 1 is the card's, 2 the package's where the card's isn't measured.
            energy_joules=hwmon.joules("energy1_input", "energy2_input"),
            temperature=hwmon.first_degrees() if temperature is None else temperature,
            memory_temperature=hwmon.degrees("vram"),
            core_mhz=self._number(address, "freq0/act_freq", "rps_act_freq_mhz"),
            asleep_ms=self._number(address, "gtidle/idle_residency_ms", "rc6_residency_ms"),
        )

    def _sighting(self, address: str) -> Sighting:
        sysfs = self._sysfs
        device_id = sysfs.hexadecimal(PCI_DEVICES, address, "device", digits=4)
        core = self._number(address, "freq0/rp0_freq", "rps_RP0_freq_mhz")
        return Sighting(
            source=self.name,
            pci_address=address,
            vendor="Intel",
            kind="gpu",
            architecture=architectures.of_intel_device(device_id) if device_id else None,
            clocks=Clocks(core_mhz=core or None),
            memory=_memory(sysfs, address),
        )

    def _number(self, address: str, xe: str, i915: str) -> int | None:
        """A number of the first engine group, as the one driver or the other calls it."""
        for group in _groups(self._sysfs, address):
            for name in (xe, i915):
                found = self._sysfs.natural(PCI_DEVICES, address, group, name)
                if found is not None:
                    return found
        return None


def _groups(sysfs: Sysfs, address: str) -> list[str]:
    """Where the engine groups (GTs) are: tile0/gt0 of xe, drm/card0/gt/gt0 of i915."""
    found: list[str] = []
    for tile in filter(_TILE.fullmatch, sysfs.names(PCI_DEVICES, address)):
        groups = filter(_GT.fullmatch, sysfs.names(PCI_DEVICES, address, tile))
        found += [f"{tile}/{group}" for group in groups]
    for card in filter(_CARD.fullmatch, sysfs.names(PCI_DEVICES, address, "drm")):
        groups = filter(_GT.fullmatch, sysfs.names(PCI_DEVICES, address, "drm", card, "gt"))
        found += [f"drm/{card}/gt/{group}" for group in groups]
    return found


def _memory(sysfs: Sysfs, address: str) -> int | None:
    """The memory of all tiles, or what the card tells; None as well where it uses the host's."""
    tiles = filter(_TILE.fullmatch, sysfs.names(PCI_DEVICES, address))
    sizes = [sysfs.natural(PCI_DEVICES, address, t, "physical_vram_size_bytes") for t in tiles]
    if sizes and None not in sizes:
        return sum(size for size in sizes if size is not None) or None
    for card in filter(_CARD.fullmatch, sysfs.names(PCI_DEVICES, address, "drm")):
        if size := sysfs.natural(PCI_DEVICES, address, "drm", card, "lmem_total_bytes"):
            return size
    return None
