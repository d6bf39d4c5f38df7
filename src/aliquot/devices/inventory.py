"""Source: simulated devices of an inventory file, for tests and for planning.

The file is checked wholly before anything of it is used. Everything that comes of it is marked
`simulated`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from aliquot.devices.inventory_file import Simulated, read
from aliquot.devices.source import Listing
from aliquot.devices.synthetic_load import SOURCE
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry


class InventorySource:
    """Simulated devices."""

    name = SOURCE

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        """Read the file; raises BadInventory. Load is that of `clock`, in seconds since 1970."""
        self._devices: dict[str, Simulated] = {device.uuid: device for device in read(path)}
        self._clock = clock

    def list_devices(self) -> Listing:
        """All devices of the file, in its order."""
        return Listing([device.sighting for device in self._devices.values()])

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        """The synthetic load at this moment; None where the file gives the device none."""
        found = self._devices.get(device.uuid)
        if found is None or found.load is None or not device.simulated:
            return None
        return found.load.reading(self._clock(), device.memory)
