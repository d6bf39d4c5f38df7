"""A device's UUID: the same at every start, and different on every machine."""

from __future__ import annotations

import os
import uuid

_NAMESPACE = uuid.UUID("5e1b7d0e-3a55-4c7e-9b6f-0c6a1d6f41a1")


def device_uuid(
    library: str,
    platform: str,
    name: str,
    platform_index: int,
    device_index: int,
    types: list[str],
    vendor_uuid: str | None,
) -> str:
    """The vendor's UUID of a GPU where its driver tells it, else one made of machine and place.

    A driver for the CPU tells a UUID that names no hardware (PoCL's is the same on every
    machine), so it doesn't count.
    """
    if vendor_uuid and "cpu" not in types:
        try:
            told = uuid.UUID(vendor_uuid)
        except ValueError:
            told = uuid.UUID(int=0)
        if told.int:
            return str(told)
    place = (
        machine_id(),
        os.path.basename(library),
        platform,
        str(platform_index),
        name,
        str(device_index),
    )
    return str(uuid.uuid5(_NAMESPACE, "\0".join(place)))


def machine_id() -> str:
    """What tells this machine from others: its machine id, else its host name."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                text = file.read(64).strip()
        except OSError:
            continue
        if text:
            return text
    return os.uname().nodename


def normal_uuid(text: str | None) -> str | None:
    """A UUID as Python writes it, also from NVML's GPU-…; None where it is none, or all zeros."""
    try:
        found = uuid.UUID((text or "").strip().removeprefix("GPU-"))
    except ValueError:
        return None
    return str(found) if found.int else None


def hardware_uuid(vendor: str, serial: str) -> str:
    """A UUID made of a number that lies in the hardware: the same in every machine."""
    return str(uuid.uuid5(_NAMESPACE, f"{vendor}\0{serial}"))


def place_uuid(address: str, vendor_id: str | None, device_id: str | None) -> str:
    """A UUID for a PCI device that tells none: made of machine, slot and kind of card."""
    place = (machine_id(), address, vendor_id or "", device_id or "")
    return str(uuid.uuid5(_NAMESPACE, "\0".join(place)))


def simulated_uuid(node: str, device: str) -> str:
    """A UUID for a simulated device, the same wherever its inventory is read."""
    return str(uuid.uuid5(_NAMESPACE, f"simulated\0{node}\0{device}"))
