"""Discovery of OpenCL devices.

Drivers run inside `aliquot-worker probe --driver LIBRARY`, never in this process: they crash, and
they take long. The program prints one JSON object on stdout and exits with 0, also when the
library is no usable driver; then `platforms` is empty and `error` is one sentence.

    {"library": "/usr/lib/x86_64-linux-gnu/libpocl.so.2.10.0",   # as the dynamic linker found it
     "platforms": [
       {"name": "Portable Computing Language", "vendor": "The pocl project",
        "version": "OpenCL 3.0 PoCL 3.1",
        "devices": [
          {"index": 0,                      # as clGetDeviceIDs(CL_DEVICE_TYPE_ALL) orders them
           "name": "pthread-…", "vendor": "…", "version": "OpenCL 3.0 …", "driver_version": "3.1",
           "type": ["cpu"],                 # of cpu, gpu, accelerator, custom
           "compute_units": 2, "clock_mhz": 2600,
           "global_memory": 25769803776,    # bytes
           "max_allocation": 8589934592,    # bytes
           "unified_memory": true,          # CL_DEVICE_HOST_UNIFIED_MEMORY
           "uuid": null,                    # 32 hex digits where cl_khr_device_uuid is there
           "pci_address": null,             # "0000:41:00.0" where cl_khr_pci_bus_info or
                                            # cl_amd_device_attribute_query is there
           "extensions": ["cl_khr_fp64"]}]}],
     "error": null}

The place of a platform in the list is the worker's `--platform-index`.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from aliquot.devices import cache
from aliquot.devices.choose import choose_device
from aliquot.devices.drivers import Driver, choice, find_drivers
from aliquot.errors import ChosenDriverUnusable, IncompatibleDriver, NoDriver, UnknownDevice
from aliquot.model.device import Device

NO_DEVICE = "the driver offers no device"


class Survey(NamedTuple):
    """All devices, and the drivers that can't be used or not wholly, each with the reason.

    Where the user's variables name drivers, only those of them: nobody asked for the others.
    """

    devices: list[Device]
    failures: list[tuple[Driver, str]]


def discover(*, fresh: bool = False, retry: bool = False) -> list[Device]:
    """All devices of all drivers, in the order of the indices that users see.

    See survey for the rest.
    """
    return survey(fresh=fresh, retry=retry).devices


def survey(*, fresh: bool = False, retry: bool = False) -> Survey:
    """All devices, in the order of the indices that users see, and what is wrong with drivers.

    Asks drivers whose answer isn't known: all with `fresh`, those that failed with `retry` or
    where there is no device otherwise. Raises NoDriver, MissingNativeProgram, IncompatibleDriver,
    and ChosenDriverUnusable where the user's variables name drivers and no device is one of
    theirs; a list of devices that is returned is never empty.
    """
    drivers = find_drivers()
    chosen = choice()
    if not drivers and not chosen:
        raise NoDriver("no OpenCL driver is installed here")
    devices: list[Device] = []
    failed: list[tuple[Driver, str]] = []
    remembered = False
    served = not chosen  # a driver that the user chose offers a device, or none was chosen
    for driver in drivers:
        known = None if fresh else cache.load(driver.library)
        if known is not None and (known.devices or not retry):
            found, problem = known.devices, known.problem
            remembered = True
        else:
            found, problem = examine(driver)
        devices += found
        served |= driver.chosen and bool(found)
        if problem:
            failed.append((driver, problem))
    if chosen:
        failed = [failure for failure in failed if failure[0].chosen]
    if devices and served:
        return Survey(_distinct(devices), failed)
    if remembered:
        return survey(fresh=True)
    reasons = "; ".join(f"{driver.library}: {problem}" for driver, problem in failed)
    if not served:
        told = f"names no usable driver ({reasons})" if reasons else "names no driver"
        raise ChosenDriverUnusable(f"{chosen} {told}")
    raise IncompatibleDriver(f"no OpenCL driver here is usable ({reasons})")


def find_device(wanted: str | None) -> tuple[int, Device]:
    """The index and the device that `--device` means; see choose_device and discover.

    A driver that failed before may work by now, so it is asked again before the device is said
    not to be there.
    """
    index, device, _ = look_up(wanted)
    return index, device


def look_up(wanted: str | None) -> tuple[int, Device, list[tuple[Driver, str]]]:
    """As find_device, and the drivers that can't be used, each with the reason.

    Raises DeviceNotOffered for a device that is there but that no OpenCL driver offers.
    """
    found = survey()
    try:
        device = choose_device(found.devices, wanted)
    except UnknownDevice:
        found = survey(retry=True)
        try:
            device = choose_device(found.devices, wanted)
        except UnknownDevice:
            # Only now: what it takes to look at the whole machine is slow to import.
            from aliquot.devices.listing import refuse_unoffered

            refuse_unoffered(wanted)
            raise
    return found.devices.index(device), device, found.failures


def examine(driver: Driver) -> tuple[list[Device], str | None]:
    """Ask one driver: its devices, and why there are none or some may be missing."""
    if os.path.isabs(driver.library) and not os.path.exists(driver.library):
        return [], "there is no such file"
    # Costs 40 ms to import, and only the first run needs it.
    from aliquot.devices.probe import devices_of, probe

    answer = probe(driver.library)
    devices = devices_of(answer, driver.library)
    problem = answer.error
    if not devices and not problem:
        problem = NO_DEVICE
    resolved = answer.library or driver.library
    cache.store(driver.library, resolved, cache.Known(devices, problem))
    return devices, problem


def _distinct(devices: list[Device]) -> list[Device]:
    """Give each device a UUID of its own: two drivers may tell the same for one GPU."""
    seen: set[str] = set()
    result: list[Device] = []
    for device in devices:
        if device.uuid in seen:
            # Rare, and uuid costs 3 ms to import.
            from aliquot.devices.identity import device_uuid

            made = device_uuid(
                device.library,
                device.platform,
                device.name,
                device.platform_index,
                device.device_index,
                device.types,
                None,
            )
            device = device._replace(uuid=made)
        seen.add(device.uuid)
        result.append(device)
    return result
