"""`aliquot devices DEVICE`: all about one device."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

from aliquot import environment
from aliquot.cli.devices import as_dict
from aliquot.cli.printable import printable
from aliquot.client.device_host import Welcome
from aliquot.devices.listing import Entry
from aliquot.devices.readings import derived
from aliquot.devices.sysfs import Sysfs
from aliquot.devices.users import users
from aliquot.model.modes import PartitionType
from aliquot.model.pci import Bar, PciFunction, PciLink
from aliquot.model.physical_device import Link, PhysicalDevice
from aliquot.model.telemetry import Telemetry
from aliquot.shares import format_shares
from aliquot.sizes import format_size

_WIDTH = 16
_ROM = 6  # of a function's ranges of addresses
# Long enough for counters of energy and sleep to have moved.
_SPAN_SECONDS = 0.25


def show(
    listed: list[Entry],
    entry: Entry,
    host: Welcome | None,
    read: Callable[[PhysicalDevice], Telemetry | None],
    *,
    as_json: bool,
) -> None:
    """Print all about one device."""
    index, reading = listed.index(entry), _read_twice(entry.device, read)
    if as_json:
        print(json.dumps(as_dict(index, entry, host, reading), indent=2))
        return
    names = {
        other.device.uuid: f"{i} ({other.name})" for i, other in reversed([*enumerate(listed)])
    }
    for line in lines(index, entry, host, reading, names):
        print(printable(line))


def lines(
    index: int,
    entry: Entry,
    host: Welcome | None,
    reading: Telemetry | None,
    names: dict[str, str],
) -> Iterator[str]:
    """All about one device, for people; `names` are those of its peers by UUID."""
    device = entry.device
    mark = f", simulated on node {device.node}" if device.simulated else ""
    yield f"device {index}: {entry.name}, {entry.kind}{mark}"
    if device.fault:
        yield _line("fault", device.fault)
    yield _line("UUID", entry.uuid)
    for alias in dict.fromkeys((device.uuid, device.vendor_uuid, *device.aliases)):
        if alias and alias != entry.uuid:
            yield _line("", f"also {alias}")
    yield _line("seen by", ", ".join(device.sources))
    if entry.offer:
        offer = entry.offer
        yield _line("OpenCL", f"{offer.platform}, {offer.version}, driver {offer.driver_version}")
    if device.name != entry.name:
        yield _line("card", device.name)
    if device.vendor:
        yield _line("vendor", device.vendor)
    if device.architecture:
        yield _line("architecture", str(device.architecture))
    yield _line("compute units", _or_unknown(device.compute_units))
    yield _line("highest clocks", _clocks(device))
    yield _line("memory", _memory(entry, host))
    yield from _pci(device.pci)
    yield from _users(device)
    yield from _modes(device)
    yield from _partitions(device)
    for vgpu in device.vgpus:
        promised = format_shares(vgpu.shares) or "what is left over"
        yield _line("vGPU", f"{vgpu.name}: {vgpu.mode}, {format_size(vgpu.memory)}, {promised}")
    for link in device.links:
        yield _line("link", f"{_link(link)} to device {names.get(link.peer, link.peer)}")
    yield from _telemetry(reading)


def _modes(device: PhysicalDevice) -> Iterator[str]:
    for ability in device.modes:
        if ability.can:
            text = f"yes; {ability.note}" if ability.note else "yes"
        else:
            text = f"no: {ability.why_not}"
        yield _line(ability.mode.value, text)


def _partitions(device: PhysicalDevice) -> Iterator[str]:
    for partition in device.partitions:
        kind = f", type {partition.type}" if partition.type else ""
        size = f", {format_size(partition.memory)}" if partition.memory else ""
        driver = f", driver {partition.driver}" if partition.driver else ""
        place = ""
        if partition.start is not None and partition.slices is not None:
            place = f", memory slices {partition.start} to {partition.start + partition.slices - 1}"
        yield _line("partition", f"{partition.mode} {partition.id}{kind}{size}{place}{driver}")
    for offered in device.partition_types:
        yield _line("offers", _partition_type(offered))


def _partition_type(offered: PartitionType) -> str:
    text = f"{offered.mode} {offered.name}"
    if offered.id != offered.name:
        text += f" (type {offered.id})"
    if offered.memory:
        text += f", {format_size(offered.memory)}"
    if offered.compute_units:
        text += f", {offered.compute_units} units"
    if offered.most is not None:
        text += f", at most {offered.most}"
    if offered.available is not None:
        text += f", {offered.available} more now"
    return text


def _pci(function: PciFunction | None) -> Iterator[str]:
    if function is None:
        return
    yield _line("PCI", f"{function.address}, {_pci_link(function.link)}")
    yield _line("driver", function.driver or "none")
    if function.numa_node is not None:
        yield _line("NUMA node", str(function.numa_node))
    group = function.iommu_group
    yield _line("IOMMU group", "none" if group is None else str(group.number))
    for member in group.members if group else ():
        if member.pci_address != function.address:
            driver = member.driver or "no driver"
            yield _line("", f"with {member.pci_address}, {member.what}, {driver}")
    if function.reset_methods is not None:
        yield _line("reset", ", ".join(function.reset_methods) or "not alone")
    if function.boot_display:
        yield _line("boot display", "yes: it is never taken from the machine unforced")
    for bar in function.bars:
        yield _line("ROM" if bar.number == _ROM else f"BAR {bar.number}", _bar(bar))


def _bar(bar: Bar) -> str:
    if bar.io:
        return f"{bar.size} ports"
    return format_size(bar.size) + (", prefetchable" if bar.prefetchable else "")


def _users(device: PhysicalDevice) -> Iterator[str]:
    """Who has the device's files open; of a copied sysfs that is another machine's matter."""
    if device.pci is None or device.simulated or environment.SYSFS_ROOT.get():
        return
    for user in users(Sysfs(), device.pci.address):
        yield _line("used by", f"{user.name}, process {user.process_id}, {user.file}")


def _pci_link(link: PciLink | None) -> str:
    if link is None:
        return "link unknown"

    def end(speed: float | None, width: int | None) -> str:
        return f"{_or_unknown(speed)} GT/s, {_or_unknown(width)} lanes"

    now, most = end(link.speed_gts, link.width), end(link.most_speed_gts, link.most_width)
    return now if now == most else f"{now} now, {most} at most"


def _link(link: Link) -> str:
    if link.distance is None:
        return f"{link.count} {link.kind}" if link.count else link.kind.value
    places = {
        "switch": "over a switch",
        "host-bridge": "over the host bridge",
        "numa-node": "over the processor of one NUMA node",
        "system": "over the link between processors",
    }
    return f"{link.kind} {places[link.distance.value]}"


def _telemetry(reading: Telemetry | None) -> Iterator[str]:
    """Only what is known; where nothing is, that is said."""
    if reading is None:
        yield _line("now", "no source tells what it does")
        return
    told = {
        "use": _with(reading.use, ".0f", " %"),
        "awake": _with(reading.awake, ".0f", " % (it is busy no more than that)"),
        "memory bus": _with(reading.memory_bus_use, ".0f", " %"),
        "memory in use": None if reading.memory_used is None else format_size(reading.memory_used),
        "power": _with(reading.power_watts, ".1f", " W"),
        "power limit": _with(reading.power_limit_watts, ".1f", " W"),
        "temperature": _with(reading.temperature, ".0f", " °C"),
        "memory at": _with(reading.memory_temperature, ".0f", " °C"),
        "clock": _with(reading.core_mhz, "d", " MHz"),
        "memory clock": _with(reading.memory_mhz, "d", " MHz"),
        "errors": _errors(reading),
    }
    for name, text in told.items():
        if text is not None:
            yield _line(name, text)
    yield _line("told by", ", ".join(reading.sources))


def _errors(reading: Telemetry) -> str | None:
    counts = {
        "corrected": reading.corrected_errors,
        "uncorrected": reading.uncorrected_errors,
        "PCIe replays": reading.pcie_replays,
    }
    told = [f"{count} {name}" for name, count in counts.items() if count is not None]
    return ", ".join(told) or None


def _read_twice(
    device: PhysicalDevice, read: Callable[[PhysicalDevice], Telemetry | None]
) -> Telemetry | None:
    """A reading; twice where power or sleep only follow from two."""
    first = read(device)
    if first is None or (first.energy_joules is None and first.asleep_ms is None):
        return first
    time.sleep(_SPAN_SECONDS)
    second = read(device)
    return first if second is None else derived(first, second)


def _memory(entry: Entry, host: Welcome | None) -> str:
    if entry.memory is None:
        return "unknown"
    reserved = host.reserved_memory if host else sum(v.memory for v in entry.device.vgpus)
    free = f", {format_size(entry.memory - reserved)} unreserved" if reserved else ""
    return format_size(entry.memory) + free


def _clocks(device: PhysicalDevice) -> str:
    core, memory = device.clocks.core_mhz, device.clocks.memory_mhz
    told = [_with(core, "d", " MHz"), _with(memory, "d", " MHz of memory")]
    return ", ".join(text for text in told if text) or "unknown"


def _with(number: float | None, form: str, unit: str) -> str | None:
    return None if number is None else f"{number:{form}}{unit}"


def _or_unknown(number: float | None) -> str:
    return "unknown" if number is None else f"{number:g}"


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}".rstrip()
