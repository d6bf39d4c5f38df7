"""Which modes a device can do, and of each other one why not, in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aliquot.devices import pci_names
from aliquot.devices.verdicts import can, cannot
from aliquot.model.device import SOFTWARE, Device
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility, Partition, PartitionType
from aliquot.model.pci import IommuMember, PciFunction
from aliquot.model.why import Why, because

_VFIO = "vfio-pci"
_MOST_LISTED = 3  # functions of an IOMMU group


class Subject(NamedTuple):
    """What decides on a device's modes."""

    kind: str
    pci: PciFunction | None
    offers: tuple[Device, ...]
    partition_types: tuple[PartitionType, ...]
    partitions: tuple[Partition, ...]
    verdicts: tuple[ModeAbility, ...]  # of sources that know better
    nvml_asked: bool
    fault: str | None


def abilities(subject: Subject) -> tuple[ModeAbility, ...]:
    """Every mode, in the order of the design."""
    return tuple(ability(mode, subject) for mode in _RULES)


def ability(mode: Mode, subject: Subject) -> ModeAbility:
    """One mode: what a source that knows better told of it, else what follows from the rest."""
    if subject.fault:
        return cannot(mode, because(Why.FAULTY, fault=subject.fault))
    told = next((verdict for verdict in subject.verdicts if verdict.mode is mode), None)
    return told or _RULES[mode](subject)


def _remoting(subject: Subject) -> ModeAbility:
    if subject.offers:
        return can(Mode.REMOTING)
    if subject.pci is None:
        return cannot(Mode.REMOTING, because(Why.NO_OPENCL))
    reason = _unbound(subject.pci) or because(Why.ASK_DRIVERS)
    return cannot(Mode.REMOTING, because(Why.NO_OPENCL_BECAUSE, reason))


def _passthrough(subject: Subject) -> ModeAbility:
    function = subject.pci
    if function is None:
        return cannot(Mode.PASSTHROUGH, _no_hardware(subject))
    group = function.iommu_group
    if group is None:
        return cannot(Mode.PASSTHROUGH, because(Why.NO_IOMMU_GROUP))
    others = [member for member in group.members if member.pci_address != function.address]
    others = [member for member in others if member.what != "bridge"]
    slot = function.address.rpartition(".")[0]
    strangers = [member for member in others if member.pci_address.rpartition(".")[0] != slot]
    if strangers:
        held = because(Why.SHARED_IOMMU_GROUP, *_listed(strangers), group=group.number)
        return cannot(Mode.PASSTHROUGH, held)
    notes: list[Line] = []
    if others:
        notes.append(because(Why.GOES_ALONG, *_listed(others)))
    if subject.partitions:
        notes.append(because(Why.PARTITIONS_END, count=len(subject.partitions)))
    if function.boot_display:
        notes.append(because(Why.BOOT_DISPLAY))
    if function.reset_methods == ():
        notes.append(because(Why.NO_RESET))
    return can(Mode.PASSTHROUGH, *notes)


def _mdev(subject: Subject) -> ModeAbility:
    if subject.pci is None:
        return cannot(Mode.MDEV, _no_hardware(subject))
    types = [offered for offered in subject.partition_types if offered.mode is Mode.MDEV]
    if types:
        full = all(offered.available == 0 for offered in types)
        return can(Mode.MDEV, because(Why.MDEV_FULL)) if full else can(Mode.MDEV)
    if any(offered.mode is Mode.SRIOV for offered in subject.partition_types):
        return cannot(Mode.MDEV, because(Why.USE_SRIOV))
    reason = _unbound(subject.pci)
    if reason is not None:
        return cannot(Mode.MDEV, reason)
    driver = str(subject.pci.driver)
    match subject.pci.vendor_id:
        case pci_names.NVIDIA:
            return cannot(Mode.MDEV, because(Why.NO_MDEV_TYPES_NVIDIA, driver=driver))
        case pci_names.INTEL:
            return cannot(Mode.MDEV, because(Why.NO_MDEV_TYPES_INTEL, driver=driver))
        case _:
            return cannot(Mode.MDEV, because(Why.NO_MDEV_TYPES, driver=driver))


def _sriov(subject: Subject) -> ModeAbility:
    function = subject.pci
    if function is None:
        return cannot(Mode.SRIOV, _no_hardware(subject))
    if not function.most_virtual_functions:
        return cannot(Mode.SRIOV, because(Why.NO_VIRTUAL_FUNCTIONS))
    reason = _unbound(function)
    if reason is not None:
        return cannot(Mode.SRIOV, reason)
    used, most = function.virtual_functions or 0, function.most_virtual_functions
    if not used:
        return can(Mode.SRIOV)
    return can(Mode.SRIOV, because(Why.SOME_VIRTUAL_FUNCTIONS, used=used, most=most))


def _mig(subject: Subject) -> ModeAbility:
    """Only NVML knows; where it told, its verdict stands."""
    if subject.pci is None:
        return cannot(Mode.MIG, _no_hardware(subject))
    if subject.pci.vendor_id != pci_names.NVIDIA:
        return cannot(Mode.MIG, because(Why.ONLY_NVIDIA))
    reason = _unbound(subject.pci)
    if reason is not None:
        return cannot(Mode.MIG, reason)
    if subject.nvml_asked:
        return cannot(Mode.MIG, because(Why.UNKNOWN_TO_NVML))
    return cannot(Mode.MIG, because(Why.ONLY_NVML))


def _unbound(function: PciFunction) -> Line | None:
    """Why no driver of the host's uses it."""
    if function.driver is None:
        return because(Why.UNBOUND)
    if function.driver == _VFIO:
        return because(Why.BOUND_TO_VFIO)
    return None


def _no_hardware(subject: Subject) -> Line:
    return because(Why.SOFTWARE_DEVICE if subject.kind == SOFTWARE else Why.PLACE_UNKNOWN)


def _listed(members: list[IommuMember]) -> list[Line]:
    shown = [
        because(Why.PCI_FUNCTION, address=member.pci_address, what=member.what)
        for member in members[:_MOST_LISTED]
    ]
    if len(members) > _MOST_LISTED:
        shown.append(because(Why.MORE_FUNCTIONS, count=len(members) - _MOST_LISTED))
    return shown


_RULES: dict[Mode, Callable[[Subject], ModeAbility]] = {
    Mode.REMOTING: _remoting,
    Mode.PASSTHROUGH: _passthrough,
    Mode.MDEV: _mdev,
    Mode.SRIOV: _sriov,
    Mode.MIG: _mig,
}
