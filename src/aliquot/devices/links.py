"""Links between devices: what their drivers tell (NVLink, XGMI), and PCIe by their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from aliquot.devices import topology
from aliquot.devices.source import PeerLink
from aliquot.devices.sysfs import Sysfs
from aliquot.model.physical_device import Link, LinkKind, PhysicalDevice


def with_links(
    devices: list[PhysicalDevice], told: Mapping[str, Iterable[PeerLink]], sysfs: Sysfs
) -> list[PhysicalDevice]:
    """The devices with their links; `told` are the drivers' by the device's UUID.

    Only devices of one node, and either all real or all simulated, are linked.
    """
    routes = {
        device.uuid: topology.route(sysfs, device.pci_address)
        for device in devices
        if device.pci_address and not device.simulated
    }
    return [
        msgspec.structs.replace(
            device,
            links=(*_told(device, devices, told), *_by_pcie(device, devices, routes)),
        )
        for device in devices
    ]


def _told(
    device: PhysicalDevice, devices: list[PhysicalDevice], told: Mapping[str, Iterable[PeerLink]]
) -> list[Link]:
    own = list(told.get(device.uuid, ()))
    found: list[Link] = []
    for other in devices:
        if other.uuid == device.uuid or other.node != device.node:
            continue
        names = {other.uuid, other.pci_address}
        direct = [link for link in own if link.peer in names]
        for link in direct:
            found.append(
                Link(kind=link.kind, peer=other.uuid, count=link.count, distance=link.distance)
            )
        if not direct and (count := _over_switches(own, list(told.get(other.uuid, ())), devices)):
            found.append(Link(kind=LinkKind.NVLINK, peer=other.uuid, count=count))
    return found


def _over_switches(
    own: list[PeerLink], others: list[PeerLink], devices: list[PhysicalDevice]
) -> int:
    """How many NVLinks two GPUs have to the same switches, which are nobody's device here."""
    names = {name for device in devices for name in (device.uuid, device.pci_address)}
    switches = {
        link.peer: link.count or 0
        for link in others
        if link.kind is LinkKind.NVLINK and link.peer not in names
    }
    return sum(min(link.count or 0, switches.get(link.peer, 0)) for link in own)


def _by_pcie(
    device: PhysicalDevice, devices: list[PhysicalDevice], routes: dict[str, tuple[str, ...]]
) -> list[Link]:
    found: list[Link] = []
    for other in devices:
        if other.uuid == device.uuid or not device.pci or not other.pci:
            continue
        nodes = (device.pci.numa_node, other.pci.numa_node)
        ways = topology.distance(routes.get(device.uuid, ()), routes.get(other.uuid, ()), nodes)
        if ways is not None:
            apart, bridges = ways
            found.append(Link(kind=LinkKind.PCIE, peer=other.uuid, distance=apart, bridges=bridges))
    return found
