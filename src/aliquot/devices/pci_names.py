"""Names of PCI vendors, classes and, from the machine's own list, of devices."""

from __future__ import annotations

import functools
import os

NVIDIA = "10de"
AMD = "1002"
INTEL = "8086"

# Vendors whose name we say ourselves; the ids are the PCI-SIG's.
_VENDORS = {
    NVIDIA: "NVIDIA",
    AMD: "AMD",
    INTEL: "Intel",
    "1a03": "ASPEED",
    "102b": "Matrox",
    "1234": "QEMU",
    "15ad": "VMware",
    "1af4": "Red Hat",
    "1b36": "Red Hat",
    "1d17": "Zhaoxin",
    "1ed5": "Moore Threads",
}

# By the class's first two digits, else four; PCI Code and ID Assignment Specification.
_CLASSES = {
    "01": "storage",
    "02": "network",
    "03": "display",
    "0403": "audio",
    "04": "multimedia",
    "05": "memory",
    "06": "bridge",
    "07": "communication",
    "08": "system",
    "0c03": "USB",
    "0c80": "serial bus",
    "0c": "serial bus",
    "12": "accelerator",
}

_LISTS = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")
_MOST_BYTES = 16 << 20


def vendor_name(vendor_id: str | None) -> str | None:
    """A vendor's name, else `PCI vendor 0x…`; None where there is no id."""
    return _VENDORS.get(vendor_id, f"PCI vendor 0x{vendor_id}") if vendor_id else None


def vendor_id(name: str) -> str | None:
    """The id of a vendor that we name ourselves."""
    return next((key for key, known in _VENDORS.items() if known == name), None)


def class_name(class_id: str | None) -> str:
    """What a function is, in a word, by six hexadecimal digits."""
    if class_id is None:
        return "unknown"
    return _CLASSES.get(class_id[:4]) or _CLASSES.get(class_id[:2]) or f"class 0x{class_id}"


@functools.cache  # a watcher asks once a second, and the lists have more than a megabyte
def device_name(
    vendor_id: str | None, device_id: str | None, lists: tuple[str, ...] = _LISTS
) -> str:
    """A device's name from the machine's pci.ids, else its vendor and id."""
    vendor = vendor_name(vendor_id)
    if vendor_id is None or device_id is None:
        return f"{vendor or 'unknown'} device"
    listed = next(filter(None, (_listed(path, vendor_id, device_id) for path in lists)), None)
    return f"{vendor} {listed}" if listed else f"{vendor} device 0x{device_id}"


def _listed(path: str, vendor_id: str, device_id: str) -> str | None:
    """The name in one list: vendors begin a line, their devices follow after a tab each."""
    try:
        if os.path.getsize(path) > _MOST_BYTES:
            return None
        with open(path, encoding="utf-8", errors="replace") as file:
            inside = False
            for line in file:
                if line.startswith(("#", "\t\t", "\n")):
                    continue
                if not line.startswith("\t"):
                    if inside:
                        return None
                    inside = line.startswith(vendor_id + " ")
                elif inside and line.startswith(f"\t{device_id} "):
                    return line[1 + len(device_id) :].strip() or None
    except OSError:
        return None
    return None
