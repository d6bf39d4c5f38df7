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
