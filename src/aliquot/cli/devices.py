"""`aliquot devices`: what devices are here, how busy, how divisible, how much is free."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aliquot.cli.parser import Parser, add_json
from aliquot.cli.printable import printable
from aliquot.client.device_host import Welcome, running_hosts
from aliquot.devices.discovery import Discoverer
from aliquot.devices.inventory import InventorySource
from aliquot.devices.listing import Entry, choose_entry, entries
from aliquot.devices.readings import Sampler
from aliquot.model.telemetry import Telemetry
from aliquot.sizes import format_size

_DESCRIPTION = """\
Lists the devices of this machine, with their index, how much memory no vGPU has reserved,
how busy they are, the modes in which vGPUs can be made on them, and the UUID by which
--device always finds them. Those that OpenCL drivers offer come first; the others are what
the vendors' libraries and the kernel know, and 'aliquot run' can't use them.

With DEVICE it tells all about that one: modes and why not, links, IOMMU group, partitions,
telemetry. --inventory adds simulated devices, for tests and for planning."""

# Worth no line: a machine without PCI has its software devices all the same, and what is wrong
# with OpenCL drivers is for doctor.
_UNTOLD = ("pci", "opencl")


def build_parser() -> Parser:
    """The options of `aliquot devices`."""
    parser = Parser(
        "devices",
        _DESCRIPTION,
        example="aliquot devices --json",
        exit_status="0; 2 where no device is found, or not the one that is meant.",
    )
    parser.add_argument(
        "device",
        metavar="DEVICE",
        nargs="?",
        help="index, UUID, PCI address or unique part of a name: tell all about this one",
    )
    add_json(parser)
    parser.add_argument(
        "--fresh", action="store_true", help="ask the drivers again instead of what is remembered"
    )
    parser.add_argument(
        "--inventory", metavar="FILE", help="add the simulated devices of this YAML file"
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """List the devices, or tell all about one."""
    given = build_parser().parse_args(arguments)
    inventory = InventorySource(given.inventory) if given.inventory is not None else None
    discoverer = Discoverer(inventory=inventory, fresh=given.fresh, retry=True)
    found = discoverer.discover()
    listed = entries(found)
    if found.opencl_error is not None and not listed:
        raise found.opencl_error
    hosts = _hosts()
    if given.device is not None:
        from aliquot.cli.device_details import show

        entry = choose_entry(listed, given.device)
        show(listed, entry, hosts.get(entry.uuid), discoverer.telemetry, as_json=given.json)
        return 0
    readings = Sampler(discoverer.telemetry).sample(found.devices)
    if given.json:
        told = [
            as_dict(index, entry, hosts.get(entry.uuid), readings.get(entry.device.uuid))
            for index, entry in enumerate(listed)
        ]
        print(json.dumps({"devices": told, "problems": found.problems}, indent=2))
        return 0
    print_table(listed, hosts, readings)
    for source, problem in found.problems.items():
        if source not in _UNTOLD or (source == "opencl" and not found.offers):
            print(printable(f"{source}: {problem}"))
    return 0


def as_dict(
    index: int, entry: Entry, host: Welcome | None, reading: Telemetry | None
) -> dict[str, Any]:
    """One device for `--json`: as OpenCL offers it, and below `physical` all that is known."""
    device = entry.device
    own: dict[str, Any] = {
        "uuid": entry.uuid,
        "name": entry.name,
        "kind": entry.kind,
        "vendor": device.vendor,
        "compute_units": device.compute_units,
        "global_memory": device.memory,
    }
    return {
        "index": index,
        **(entry.offer.as_dict() if entry.offer else own),
        "reserved_memory": host.reserved_memory if host else 0,
        "vgpu_count": host.vgpu_count if host else len(device.vgpus),
        "offered": entry.offer is not None,
        "simulated": device.simulated,
        "physical": device.as_dict(),
        "telemetry": reading.as_dict() if reading else None,
    }


def _hosts() -> dict[str, Welcome]:
    hosts: dict[str, Welcome] = {}
    for host in running_hosts():
        with host:
            hosts[host.welcome.device_uuid] = host.welcome
    return hosts


def print_table(
    listed: list[Entry], hosts: dict[str, Welcome], readings: dict[str, Telemetry]
) -> None:
    """A line a device."""
    from aliquot.cli.tables import Column, console, table

    headings = (
        Column("index", right=True),
        Column("name"),
        Column("kind"),
        Column("memory", right=True),
        Column("unreserved", right=True),
        Column("vGPUs", right=True),
        Column("units", right=True),
        Column("use", right=True),
        Column("modes"),
        Column("platform"),
        Column("UUID"),
    )
    rows = [
        _row(index, entry, hosts.get(entry.uuid), readings.get(entry.device.uuid))
        for index, entry in enumerate(listed)
    ]
    console().print(table(headings, rows))


def _row(index: int, entry: Entry, host: Welcome | None, reading: Telemetry | None) -> list[str]:
    """A device's line; a dash is what isn't known, or has no meaning for it."""
    device, memory = entry.device, entry.memory
    reserved = host.reserved_memory if host else sum(vgpu.memory for vgpu in device.vgpus)
    units = entry.offer.compute_units if entry.offer else device.compute_units
    modes = "" if device.fault else ", ".join(a.mode.value for a in device.modes if a.can)
    return [
        str(index),
        printable(entry.name) + (" (simulated)" if device.simulated else ""),
        entry.kind,
        format_size(memory) if memory is not None else "-",
        format_size(memory - reserved) if memory is not None else "-",
        str(host.vgpu_count if host else len(device.vgpus)),
        str(units) if units is not None else "-",
        f"{reading.use:.0f} %" if reading and reading.use is not None else "-",
        modes or ("lost" if device.fault else "none"),
        printable(entry.platform) if entry.offer else _whereabouts(entry),
        entry.uuid,
    ]


def _whereabouts(entry: Entry) -> str:
    """In place of the platform of a device that no OpenCL driver offers."""
    device = entry.device
    if device.simulated:
        return f"simulated, node {device.node}"
    driver = device.pci.driver if device.pci else None
    return f"no OpenCL driver ({driver or 'no driver at all'})"
