"""Source: AMD's GPUs by the package amdsmi, where it and its library are installed.

Adds to what sysfs tells: the market's name, compute units, the UUID by which AMD's tools name a
GPU. Telemetry is sysfs's, which needs no library. Signatures as in amdsmi 7.0; tested on a
stand-in, not on hardware.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from aliquot.devices import architectures
from aliquot.devices.pci import normal_address
from aliquot.devices.source import Listing, Sighting
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry

_UNKNOWN = ("", "N/A")


def _import_library() -> Any:
    return importlib.import_module("amdsmi")


class AmdsmiSource:
    """AMD's GPUs as the AMD SMI library shows them."""

    name = "amdsmi"

    def __init__(self, load: Callable[[], Any] = _import_library) -> None:
        """Use the library that `load` gives; it is loaded with the first question."""
        self._load = load

    def list_devices(self) -> Listing:
        """All GPUs; nothing, and no complaint, where the package isn't there: sysfs suffices."""
        try:
            library = self._load()
        except (ImportError, OSError, KeyError):
            # The package raises these, too, where its library or ROCm's folder is missing.
            return Listing([])
        try:
            library.amdsmi_init()
        except Exception as error:
            return Listing([], f"AMD SMI: {_reason(error)}")
        try:
            return Listing(_sightings(self.name, library))
        except Exception as error:
            return Listing([], f"AMD SMI: {_reason(error)}")
        finally:
            _quietly(library.amdsmi_shut_down)

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:  # noqa: ARG002
        """None: sysfs tells it."""
        return None


def _sightings(source: str, library: Any) -> list[Sighting]:
    found: list[Sighting] = []
    for handle in library.amdsmi_get_processor_handles():
        told = _quietly(library.amdsmi_get_gpu_device_bdf, handle)
        address = normal_address(str(told)) if told else None
        if address is None:
            continue
        asic: dict[str, Any] = _quietly(library.amdsmi_get_gpu_asic_info, handle) or {}
        uuid = _quietly(library.amdsmi_get_gpu_device_uuid, handle)
        gfx, units = str(asic.get("target_graphics_version", "")), asic.get("num_compute_units")
        name = str(asic.get("market_name", ""))
        found.append(
            Sighting(
                source=source,
                pci_address=address,
                vendor_uuid=str(uuid) if uuid else None,
                name=None if name in _UNKNOWN or name.startswith("0x") else name,
                vendor="AMD",
                kind="gpu",
                architecture=architectures.of_gfx(gfx) if gfx.startswith("gfx") else None,
                compute_units=units if isinstance(units, int) and units > 0 else None,
            )
        )
    return found


def _quietly(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a call answers; None where it fails. The package's errors have many types."""
    try:
        return function(*arguments)
    except Exception:
        return None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
