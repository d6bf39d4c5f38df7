"""The services that the API is tested on: one of fakes, and the real one on simulated devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aliquot.daemon.service import Service
from aliquot.devices.discovery import Discoverer
from aliquot.devices.inventory import InventorySource
from aliquot.devices.source import Listing
from aliquot.model.physical_device import PhysicalDevice
from aliquot.store import Location
from tests.fakes.service import NODE, FakeService

INVENTORY = f"""\
version: 1
nodes:
  - name: {NODE}
    devices:
      - {{id: gpu-0, name: Simulated GPU, memory: 4096GiB}}
      - {{id: gpu-1, name: Simulated GPU, memory: 16GiB}}
"""


class _NoDrivers:
    """A machine without OpenCL."""

    name = "opencl"

    def list_devices(self) -> Listing:
        """None."""
        return Listing([])

    def telemetry(self, device: PhysicalDevice) -> None:
        """Of none."""


@contextmanager
def fake(folder: Path) -> Iterator[Any]:
    """The one of fakes."""
    service = FakeService(str(folder / "state"))
    try:
        yield service
    finally:
        service.close()


@contextmanager
def real(folder: Path) -> Iterator[Any]:
    """The real one; nothing of this machine is on it."""
    sysfs = folder / "sys"
    sysfs.mkdir()
    inventory = folder / "inventory.yaml"
    inventory.write_text(INVENTORY)
    source = InventorySource(str(inventory))
    discoverer = Discoverer(sysfs_root=str(sysfs), opencl=_NoDrivers(), inventory=source)
    place = Location(str(folder / "state"))
    with Service.open(place, NODE, discoverer=discoverer) as service:
        yield service


BY_NAME = {"fake": fake, "real": real}
