"""Runs `aliquot-worker probe` on one driver and reads its answer.

Only imported when the cache has no answer: subprocess and msgspec cost 40 ms.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

import msgspec

from aliquot import environment, native_programs
from aliquot.devices.identity import device_uuid
from aliquot.model.device import Device

PROBE_SECONDS = 60.0
_LARGEST_ANSWER = 4 << 20


class ProbedDevice(msgspec.Struct):
    """A device in the worker's words; see aliquot.devices.opencl."""

    index: int
    name: str
    vendor: str
    version: str
    driver_version: str
    type: list[str]
    compute_units: int
    clock_mhz: int
    global_memory: int
    max_allocation: int
    unified_memory: bool
    extensions: list[str]
    uuid: str | None = None
    pci_address: str | None = None


class ProbedPlatform(msgspec.Struct):
    """A platform in the worker's words."""

    name: str
    vendor: str
    version: str
    devices: list[ProbedDevice]


class Probe(msgspec.Struct):
    """What one driver told about itself, or one sentence why it could not."""

    platforms: list[ProbedPlatform]
    error: str | None = None
    library: str | None = None


def probe(
    library: str, timeout: float = PROBE_SECONDS, variables: Mapping[str, str] | None = None
) -> Probe:
    """Ask one driver, out of process; a driver that crashes or hangs becomes an `error`.

    `variables` are set for it beside those that are there.
    """
    worker = native_programs.find(native_programs.WORKER)
    try:
        finished = subprocess.run(
            [worker, "probe", "--driver", library],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**environment.without_secrets(os.environ), **(variables or {})},
        )
    except subprocess.TimeoutExpired:
        return Probe([], f"the driver did not answer within {timeout:g} s")
    except OSError as error:
        return Probe([], f"{worker} can't be executed: {error.strerror}")
    if finished.returncode < 0:
        return Probe([], f"the driver crashed with signal {-finished.returncode}")
    try:
        return msgspec.json.decode(finished.stdout[:_LARGEST_ANSWER], type=Probe)
    except (msgspec.DecodeError, msgspec.ValidationError):
        last = finished.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        reason = f": {last}" if last else ""
        return Probe([], f"probing ended with exit status {finished.returncode}{reason}")


def devices_of(answer: Probe, library: str) -> list[Device]:
    """The devices of an answer, in the driver's order."""
    return [
        Device(
            uuid=device_uuid(
                library,
                platform.name,
                device.name,
                platform_index,
                device.index,
                device.type,
                device.uuid,
            ),
            name=device.name,
            types=device.type,
            vendor=device.vendor,
            version=device.version,
            driver_version=device.driver_version,
            platform=platform.name,
            platform_version=platform.version,
            library=answer.library or library,
            platform_index=platform_index,
            device_index=device.index,
            compute_units=device.compute_units,
            clock_mhz=device.clock_mhz,
            global_memory=device.global_memory,
            max_allocation=device.max_allocation,
            unified_memory=device.unified_memory,
            extensions=device.extensions,
            pci_address=device.pci_address,
        )
        for platform_index, platform in enumerate(answer.platforms)
        for device in platform.devices
    ]
