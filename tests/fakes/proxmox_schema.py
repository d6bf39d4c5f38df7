"""What Proxmox VE's API takes, of the calls that matter here: facts, in words of our own.

Read from the official API schema of pve-docs 9.1.3. Every call forbids parameters that it doesn't
name. `driver` of a host device came with 9.1; a version before that refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_CONFIG_ID = r"[A-Za-z][A-Za-z0-9_-]+"
_PCI = r"(?:[a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(?:\.[a-f0-9])?"
_MAP_PCI = r"[a-f0-9]{4,}:[a-f0-9]{2}:[a-f0-9]{2}(?:\.[a-f0-9])?"
_IDS = r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}"
_BOOLEAN = r"[01]|true|false|yes|no|on|off"


class Kind(NamedTuple):
    """A parameter: what it must look like, and whether it may be left out."""

    pattern: str = r"[\s\S]*"
    optional: bool = True
    longest: int = 65536
    least: int | None = None
    most: int | None = None


BOOLEAN = Kind(_BOOLEAN)
NODE = Kind(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?", optional=False)
VM = Kind(r"\d+", optional=False, least=100, most=999_999_999)
TEXT = Kind()

# Property strings: keys, and what each value must look like; the first key may be left out.
HOSTPCI: Mapping[str, str] = {
    "host": rf"{_PCI}(?:;{_PCI})*",
    "mapping": _CONFIG_ID,
    "mdev": r"[^/\.:]+",
    "pcie": _BOOLEAN,
    "rombar": _BOOLEAN,
    "romfile": r"[^,;]+",
    "x-vga": _BOOLEAN,
    "legacy-igd": _BOOLEAN,
    "vendor-id": r"0x[0-9a-fA-F]{4}",
    "device-id": r"0x[0-9a-fA-F]{4}",
    "sub-vendor-id": r"0x[0-9a-fA-F]{4}",
    "sub-device-id": r"0x[0-9a-fA-F]{4}",
}
DRIVER = {"driver": "vfio|keep"}
MAP: Mapping[str, str] = {
    "node": NODE.pattern,
    "path": rf"(?:{_MAP_PCI};)*{_MAP_PCI}",
    "id": _IDS,
    "iommugroup": r"-?\d+",
    "subsystem-id": _IDS,
    "description": r"[\s\S]{0,4096}",
}
MAP_NEEDS = ("node", "path", "id")

_GUEST = {"node": NODE, "vmid": VM}
_CONFIG = {
    **_GUEST,
    "digest": Kind(longest=40),
    "delete": Kind(rf"{_CONFIG_ID}(?:[,; ]{_CONFIG_ID})*"),
    "revert": TEXT,
    "force": BOOLEAN,
    "skiplock": BOOLEAN,
    "hookscript": TEXT,
    "args": TEXT,
    "machine": TEXT,
    "name": TEXT,
    **{f"hostpci{number}": TEXT for number in range(16)},
}
_MAPPING = {"id": Kind(_CONFIG_ID, optional=False), "description": Kind(longest=4096)}
_MAPPING_VALUES = {
    "map": Kind(optional=False),
    "mdev": BOOLEAN,
    "live-migration-capable": BOOLEAN,
}
_DEVICE = Kind(r"(?:[0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-9a-fA-F]|" + _CONFIG_ID)

CALLS: Mapping[str, Mapping[str, Kind]] = {
    "GET /version": {},
    "GET /cluster/resources": {"type": Kind("vm|storage|node|sdn")},
    "GET /cluster/mapping/pci": {"check-node": NODE._replace(optional=True)},
    "POST /cluster/mapping/pci": {**_MAPPING, **_MAPPING_VALUES},
    "GET /cluster/mapping/pci/{id}": {"id": _MAPPING["id"]},
    "DELETE /cluster/mapping/pci/{id}": {"id": _MAPPING["id"]},
    "GET /nodes/{node}/hardware/pci": {
        "node": NODE,
        "pci-class-blacklist": Kind(r"[0-9a-fA-F]+(?:[,; ][0-9a-fA-F]+)*"),
        "verbose": BOOLEAN,
    },
    "GET /nodes/{node}/hardware/pci/{pci-id-or-mapping}/mdev": {
        "node": NODE,
        "pci-id-or-mapping": _DEVICE._replace(optional=False),
    },
    "GET /nodes/{node}/qemu/{vmid}/config": {
        **_GUEST,
        "current": BOOLEAN,
        "snapshot": Kind(_CONFIG_ID, longest=40),
    },
    "POST /nodes/{node}/qemu/{vmid}/config": {
        **_CONFIG,
        "background_delay": Kind(r"\d+", least=1, most=30),
    },
    "PUT /nodes/{node}/qemu/{vmid}/config": _CONFIG,
    "GET /nodes/{node}/qemu/{vmid}/status/current": _GUEST,
    "POST /nodes/{node}/qemu/{vmid}/status/start": {**_GUEST, "timeout": Kind(r"\d+")},
    "POST /nodes/{node}/qemu/{vmid}/status/stop": {**_GUEST, "timeout": Kind(r"\d+")},
    "GET /nodes/{node}/tasks/{upid}/status": {"node": NODE, "upid": Kind(optional=False)},
}
_ARRAYS = frozenset({"map"})


def route(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The call of a path, and what its parts are."""
    parts = path.strip("/").split("/")
    for call in CALLS:
        verb, _, template = call.partition(" ")
        places = template.strip("/").split("/")
        if verb != method or len(places) != len(parts):
            continue
        pairs = list(zip(places, parts, strict=True))
        if all(place.startswith("{") or place == part for place, part in pairs):
            return call, {place[1:-1]: part for place, part in pairs if place.startswith("{")}
    return None


def faults(call: str, given: Mapping[str, list[str]]) -> dict[str, str]:
    """What is wrong with the parameters of a call, by their names; nothing where all is well."""
    known = CALLS[call]
    found: dict[str, str] = {}
    for name, values in given.items():
        kind = known.get(name)
        if kind is None:
            found[name] = "property is not defined in schema and the schema does not allow it"
        elif len(values) > 1 and name not in _ARRAYS:
            found[name] = "duplicate parameter"
        else:
            for value in values:
                if fault := _fault(kind, value):
                    found[name] = fault
    for name, kind in known.items():
        if not kind.optional and name not in given:
            found[name] = "property is missing and it is not optional"
    return found


def _fault(kind: Kind, value: str) -> str | None:
    if len(value) > kind.longest:
        return f"value may only be {kind.longest} characters long"
    if not re.fullmatch(kind.pattern, value, re.ASCII):
        return "value does not match the regex pattern"
    if kind.least is not None and int(value) < kind.least:
        return f"value must have a minimum value of {kind.least}"
    if kind.most is not None and int(value) > kind.most:
        return f"value must have a maximum value of {kind.most}"
    return None


def properties(text: str, known: Mapping[str, str], first: str | None = None) -> dict[str, str]:
    """A property string's parts; raises ValueError as the API complains."""
    found: dict[str, str] = {}
    for number, part in enumerate(text.split(",")):
        key, equals, value = part.partition("=")
        if not equals and first is not None and number == 0:
            key, value = first, part
        if key not in known:
            raise ValueError(f"invalid format - format error\n{key}: property is not defined")
        if key in found:
            raise ValueError(f"duplicate key in comma-separated list property: {key}")
        if not re.fullmatch(known[key], value, re.ASCII):
            raise ValueError(f"invalid format - format error\n{key}: value does not match")
        found[key] = value
    return found
