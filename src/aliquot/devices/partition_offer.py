"""The OpenCL device that a MIG instance is to programs: asked of the driver with variables set.

CUDA_VISIBLE_DEVICES with a MIG device's UUID lets NVIDIA's driver show that instance and no other
(NVIDIA MIG User Guide, "CUDA Device Enumeration"). Tested with another driver and another variable;
not tested on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping

from aliquot.devices.drivers import find_drivers
from aliquot.devices.probe import devices_of, probe
from aliquot.model.device import SOFTWARE, Device

_VENDOR = "nvidia"


def partition_offer(variables: Mapping[str, str], vendor: str = _VENDOR) -> Device | None:
    """The one device that drivers of this vendor offer with the variables set; None: not one.

    Takes as long as the drivers take to start. Raises MissingNativeProgram.
    """
    found = [
        device
        for driver in find_drivers()
        for device in devices_of(probe(driver.library, variables=variables), driver.library)
        if vendor in device.vendor.casefold() and (device.kind != SOFTWARE or vendor != _VENDOR)
    ]
    if len(found) != 1:
        return None
    return found[0]._replace(variables=tuple(sorted(variables.items())))
