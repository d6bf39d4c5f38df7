"""Reads an inventory file. What the schema can't say is checked here, with each fault's line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from aliquot import shares, sizes
from aliquot.devices import inventory_schema as schema
from aliquot.devices import pci_names
from aliquot.devices.identity import normal_uuid, simulated_uuid
from aliquot.devices.inventory_text import InventoryText
from aliquot.devices.source import PeerLink, Sighting
from aliquot.devices.strict_yaml import Path
from aliquot.devices.synthetic_load import SOURCE, SyntheticLoad
from aliquot.devices.verdicts import can, cannot
from aliquot.errors import UserError
from aliquot.model.modes import Mode, ModeAbility, Partition, PartitionType
from aliquot.model.pci import IommuGroup, IommuMember, PciFunction
from aliquot.model.physical_device import Architecture, Clocks, LinkKind, SimulatedVgpu
from aliquot.model.shares import WHOLE, Shares
from aliquot.model.why import Why, because


class Simulated(NamedTuple):
    """A simulated device and its load."""

    uuid: str
    sighting: Sighting
    load: SyntheticLoad | None


def read(path: str) -> list[Simulated]:
    """All devices of a file, in its order; raises BadInventory."""
    return _File(path).devices()


class _File:
    """A file while devices are made of it."""

    def __init__(self, path: str) -> None:
        self._text = InventoryText(path)

    def devices(self) -> list[Simulated]:
        found: list[Simulated] = []
        uuids: set[str] = set()
        names: set[str] = set()
        for index, node in enumerate(self._text.checked().nodes):
            place: Path = ("nodes", index)
            if node.name in names:
                self._refuse((*place, "name"), f"the node {node.name!r} is there twice")
            names.add(node.name)
            for where, device in self._of_node(node, place):
                if device.uuid in uuids:
                    self._refuse(where, f"the UUID {device.uuid} is there twice")
                uuids.add(device.uuid)
                found.append(device)
        return found

    def _of_node(self, node: schema.NodePart, place: Path) -> Iterator[tuple[Path, Simulated]]:
        uuids: dict[str, str] = {}
        made: list[tuple[Path, schema.DevicePart, str, str]] = []
        for index, part in enumerate(node.devices):
            where: Path = (*place, "devices", index)
            if part.count > 1 and (part.uuid or part.pci_address):
                self._refuse((*where, "count"), "devices alike can't share a UUID or PCI address")
            given = normal_uuid(part.uuid)
            if part.uuid is not None and given is None:
                self._refuse((*where, "uuid"), f"{part.uuid[:60]!r} is no UUID")
            for copy in range(part.count):
                name = part.id if part.count == 1 else f"{part.id}-{copy}"
                if name in uuids:
                    self._refuse((*where, "id"), f"the device {name!r} is there twice in its node")
                uuids[name] = given or simulated_uuid(node.name, name)
                made.append((where, part, name, uuids[name]))
        links = self._links(node, place, uuids)
        for where, part, _, uuid in made:
            sighting = self._sighting(node.name, part, uuid, tuple(links.get(uuid, ())), where)
            yield where, Simulated(uuid, sighting, self._load(part, uuid, where))

    def _links(
        self, node: schema.NodePart, place: Path, uuids: dict[str, str]
    ) -> dict[str, list[PeerLink]]:
        links: dict[str, list[PeerLink]] = {}
        for index, link in enumerate(node.links):
            where: Path = (*place, "links", index)
            for name in link.between:
                if name not in uuids:
                    known = ", ".join(list(uuids)[:8])
                    self._refuse(where, f"there is no device {name!r} in this node ({known})")
            if link.between[0] == link.between[1]:
                self._refuse(where, "a device has no link to itself")
            if link.distance is not None and link.kind is not LinkKind.PCIE:
                self._refuse((*where, "distance"), "only links of the kind 'pcie' have a distance")
            one, other = (uuids[name] for name in link.between)
            for here, there in ((one, other), (other, one)):
                told = PeerLink(
                    kind=link.kind, peer=there, count=link.count, distance=link.distance
                )
                links.setdefault(here, []).append(told)
        return links

    def _sighting(
        self,
        node: str,
        part: schema.DevicePart,
        uuid: str,
        links: tuple[PeerLink, ...],
        where: Path,
    ) -> Sighting:
        memory = self._size(part.memory, (*where, "memory"))
        return Sighting(
            source=SOURCE,
            pci_address=part.pci_address,
            hardware_uuid=uuid,
            name=part.name,
            kind="gpu",
            vendor=part.vendor,
            architecture=(
                Architecture(part.architecture, "inventory") if part.architecture else None
            ),
            compute_units=part.compute_units,
            clocks=Clocks(core_mhz=part.core_mhz, memory_mhz=part.memory_mhz),
            memory=memory,
            pci=_pci(part),
            links=links,
            partition_types=tuple(
                PartitionType(
                    mode=Mode(offered.mode),
                    id=offered.id,
                    name=offered.name or offered.id,
                    most=offered.most,
                    memory=self._maybe(offered.memory, (*where, "partition_types", i, "memory")),
                    compute_units=offered.compute_units,
                )
                for i, offered in enumerate(part.partition_types)
            ),
            partitions=tuple(
                Partition(
                    mode=Mode(partition.mode),
                    id=partition.id,
                    type=partition.type,
                    memory=self._maybe(partition.memory, (*where, "partitions", i, "memory")),
                )
                for i, partition in enumerate(part.partitions)
            ),
            verdicts=_verdicts(part),
            simulated=True,
            node=node,
            vgpus=self._vgpus(part, memory, where),
        )

    def _vgpus(
        self, part: schema.DevicePart, device_memory: int, where: Path
    ) -> tuple[SimulatedVgpu, ...]:
        found: list[SimulatedVgpu] = []
        for index, vgpu in enumerate(part.vgpus):
            here: Path = (*where, "vgpus", index)
            if vgpu.mode not in part.modes:
                self._refuse((*here, "mode"), f"the device's modes don't hold '{vgpu.mode}'")
            if any(vgpu.name == other.name for other in found):
                self._refuse((*here, "name"), f"the vGPU {vgpu.name!r} is there twice")
            try:
                promised = _shares(vgpu)
            except UserError as error:
                self._refuse(here, error.what, error)
            memory = self._size(vgpu.memory, (*here, "memory"))
            found.append(
                SimulatedVgpu(
                    name=vgpu.name,
                    mode=vgpu.mode,
                    memory=memory,
                    shares=promised,
                    tenant=vgpu.tenant,
                )
            )
        if sum(vgpu.memory for vgpu in found) > device_memory:
            self._refuse((*where, "vgpus"), "the vGPUs have more memory than their device")
        if sum(vgpu.shares.guarantee for vgpu in found) > WHOLE:
            self._refuse((*where, "vgpus"), "the vGPUs' guarantees add up to more than 100 %")
        return tuple(found)

    def _load(self, part: schema.DevicePart, uuid: str, where: Path) -> SyntheticLoad | None:
        if part.load is None:
            return None
        here: Path = (*where, "load")
        load = part.load
        try:
            period = sizes.parse_duration_ms(load.period) / 1000
        except UserError as error:
            self._refuse((*here, "period"), error.what, error)
        memory = self._maybe(load.memory, (*here, "memory"))
        if memory is not None and memory > self._size(part.memory, (*where, "memory")):
            self._refuse((*here, "memory"), "the load uses more memory than the device has")
        return SyntheticLoad(
            use=load.use,
            swing=load.swing,
            period=period,
            shape=load.shape,
            memory=memory,
            power=load.power,
            temperature=load.temperature,
            # Any spread will do that is the same everywhere.
            phase=int(uuid[:8], 16) / 2**32 if part.count > 1 else 0.0,
        )

    def _refuse(self, place: Path, what: str, cause: Exception | None = None) -> NoReturn:
        self._text.refuse(place, what, cause)

    def _size(self, size: schema.Size, where: Path) -> int:
        return self._text.size(size, where)

    def _maybe(self, size: schema.Size | None, where: Path) -> int | None:
        return None if size is None else self._size(size, where)


def _shares(vgpu: schema.VgpuPart) -> Shares:
    """Raises ImpossibleShare."""

    def percent(given: float | None, name: str, otherwise: int) -> int:
        return otherwise if given is None else shares.parse_percent(f"{given:.10g}", name)

    guarantee = percent(vgpu.compute, "compute", 0)
    limit = percent(vgpu.compute_limit, "compute_limit", WHOLE)
    priority = shares.parse_priority(vgpu.priority)
    return shares.checked(Shares(guarantee, limit, vgpu.weight, priority))


def _verdicts(part: schema.DevicePart) -> tuple[ModeAbility, ...]:
    if part.driver is None:
        decided = tuple(Mode)
    elif part.vendor == "NVIDIA":
        decided = (Mode.REMOTING, Mode.MIG)  # of MIG only NVML tells, which isn't asked of a file
    else:
        decided = (Mode.REMOTING,)
    return tuple(_verdict(part, mode) for mode in decided)


def _verdict(part: schema.DevicePart, mode: Mode) -> ModeAbility:
    if mode not in part.modes:
        return cannot(mode, because(Why.NOT_IN_INVENTORY))
    if mode is Mode.MIG and part.mig == "off":
        return can(mode, because(Why.MIG_OFF))
    return can(mode, because(Why.SIMULATED))


def _pci(part: schema.DevicePart) -> PciFunction | None:
    if part.pci_address is None:
        return None
    members = [IommuMember(pci_address=part.pci_address, what="display", driver=part.driver)]
    members += [
        IommuMember(pci_address=one.pci_address, what=one.what, driver=one.driver)
        for one in part.iommu_members
    ]
    group = None
    if part.iommu_group is not None:
        group = IommuGroup(number=part.iommu_group, members=tuple(members))
    return PciFunction(
        address=part.pci_address,
        vendor_id=pci_names.vendor_id(part.vendor or ""),
        driver=part.driver,
        numa_node=part.numa_node,
        iommu_group=group,
        boot_display=part.boot_display,
        most_virtual_functions=part.most_virtual_functions,
    )
