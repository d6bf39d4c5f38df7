"""Makes one device of all that the sources saw of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from aliquot.devices import pci_names
from aliquot.devices.abilities import Subject, abilities
from aliquot.devices.identity import normal_uuid, place_uuid
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.source import Sighting
from aliquot.model.device import GPU, SOFTWARE
from aliquot.model.physical_device import Clocks, PhysicalDevice

T = TypeVar("T")

# Who is believed first where two sources tell the same thing: the vendor's own before the others.
PRECEDENCE = ("inventory", "nvml", "amdsmi", "amdgpu", "intel", "opencl", "pci")


def grouped(sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    """Sightings of one thing together: by PCI address or UUID, else by being the only ones left."""
    groups: list[list[Sighting]] = []
    for sighting in sightings:
        keys = _keys(sighting)
        fitting = [group for group in groups if any(keys & _keys(seen) for seen in group)]
        if not fitting:
            groups.append([sighting])
            continue
        first, *others = fitting
        first.append(sighting)
        for other in others:
            # This one is the link between two that seemed to be different.
            first += other
            groups.remove(other)
    return _joined_leftovers(groups)


def _keys(sighting: Sighting) -> set[str]:
    """What tells a thing from others. Simulated ones are in nobody else's way."""
    space = f"simulated {sighting.node} " if sighting.simulated else ""
    uuids = (sighting.hardware_uuid, sighting.vendor_uuid, *sighting.aliases)
    found = {space + uuid for uuid in map(normal_uuid, uuids) if uuid}
    if sighting.pci_address:
        found.add(space + sighting.pci_address)
    return found


def _joined_leftovers(groups: list[list[Sighting]]) -> list[list[Sighting]]:
    """Join an OpenCL GPU that tells no place with the only card of its vendor that nobody offers.

    With two of either a guess could give one tenant another's device, so then they stay apart.
    """
    placeless: dict[str, list[list[Sighting]]] = {}
    unoffered: dict[str, list[list[Sighting]]] = {}
    for group in groups:
        vendor = next((seen.vendor for seen in group if seen.vendor), None)
        if vendor is None or any(seen.simulated for seen in group):
            continue
        has_place = any(seen.pci_address for seen in group)
        if not has_place and any(seen.kind == GPU and seen.offers for seen in group):
            placeless.setdefault(vendor, []).append(group)
        elif has_place and not any(seen.offers for seen in group):
            drivers = {seen.pci.driver for seen in group if seen.pci}
            if drivers - {None, "vfio-pci"}:
                unoffered.setdefault(vendor, []).append(group)
    for vendor, found in placeless.items():
        cards = unoffered.get(vendor, [])
        if len(found) == len(cards) == 1:
            found[0] += cards[0]
            groups.remove(cards[0])
    return groups


def made_one(
    group: list[Sighting], known: KnownDevices, *, nvml_asked: bool = False
) -> PhysicalDevice:
    """The device that all these sightings are of, without its links.

    `nvml_asked`: NVML was there to ask, so that what it doesn't know isn't NVIDIA's to drive.
    """
    group = sorted(group, key=lambda seen: _rank(seen.source))

    def first(what: Callable[[Sighting], T | None]) -> T | None:
        return next((told for told in map(what, group) if told is not None), None)

    offers = tuple(offer for seen in group for offer in seen.offers)
    pci = first(lambda seen: seen.pci)
    kind = first(lambda seen: seen.kind) or (GPU if pci else SOFTWARE)
    name = first(lambda seen: seen.name)
    types = tuple(offered for seen in group for offered in seen.partition_types)
    partitions = tuple(partition for seen in group for partition in seen.partitions)
    verdicts = tuple(verdict for seen in group for verdict in seen.verdicts)
    fault = first(lambda seen: seen.fault)
    uuid = _uuid(group, known)
    aliases = {offer.uuid for offer in offers} | {
        alias
        for seen in group
        for alias in map(normal_uuid, (seen.vendor_uuid, *seen.aliases))
        if alias
    }
    if not name:
        name = pci_names.device_name(pci.vendor_id, pci.device_id) if pci else "unknown device"
    return PhysicalDevice(
        uuid=uuid,
        sources=tuple(dict.fromkeys(seen.source for seen in group)),
        name=name,
        kind=kind,
        vendor=first(lambda seen: seen.vendor),
        vendor_uuid=first(lambda seen: seen.vendor_uuid),
        aliases=tuple(sorted(aliases - {uuid})),
        architecture=first(lambda seen: seen.architecture),
        compute_units=first(lambda seen: seen.compute_units),
        clocks=Clocks(
            core_mhz=first(lambda seen: seen.clocks.core_mhz),
            memory_mhz=first(lambda seen: seen.clocks.memory_mhz),
        ),
        memory=first(lambda seen: seen.memory),
        pci=pci,
        modes=abilities(Subject(kind, pci, offers, types, partitions, verdicts, nvml_asked, fault)),
        partition_types=types,
        partitions=partitions,
        offers=offers,
        fault=fault,
        simulated=any(seen.simulated for seen in group),
        node=first(lambda seen: seen.node),
        vgpus=tuple(vgpu for seen in group for vgpu in seen.vgpus),
    )


def _uuid(group: list[Sighting], known: KnownDevices) -> str:
    """The hardware's own UUID, else the one that it told last, else one made of its place.

    A UUID that only an OpenCL driver tells counts where there is no place: another driver for the
    same GPU would tell another. NVIDIA's tells the hardware's own.
    """
    pci = next((seen.pci for seen in group if seen.pci), None)
    told = next(filter(None, (normal_uuid(seen.hardware_uuid) for seen in group)), None)
    if told is None and pci is not None and pci.vendor_id == pci_names.NVIDIA:
        told = next(filter(None, (normal_uuid(seen.vendor_uuid) for seen in group)), None)
    if told is not None:
        if pci is not None and not any(seen.simulated for seen in group):
            known.learn(pci, told)
        return told
    if pci is not None:
        return known.find(pci) or place_uuid(pci.address, pci.vendor_id, pci.device_id)
    offered = next((offer.uuid for seen in group for offer in seen.offers), None)
    address = next((seen.pci_address for seen in group if seen.pci_address), "")
    return offered or place_uuid(address, None, None)


def _rank(source: str) -> int:
    return PRECEDENCE.index(source) if source in PRECEDENCE else len(PRECEDENCE)
