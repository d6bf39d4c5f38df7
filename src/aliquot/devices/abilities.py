"""Which modes a device can do, and of each other one why not, in one sentence."""

from __future__ import annotations

from typing import NamedTuple

from aliquot.devices import pci_names
from aliquot.model.device import SOFTWARE, Device
from aliquot.model.modes import Mode, ModeAbility, Partition, PartitionType
from aliquot.model.pci import IommuMember, PciFunction

_VFIO = "vfio-pci"


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
    rules = {
        Mode.REMOTING: _remoting,
        Mode.PASSTHROUGH: _passthrough,
        Mode.MDEV: _mdev,
        Mode.SRIOV: _sriov,
        Mode.MIG: _mig,
    }
    told = {verdict.mode: verdict for verdict in subject.verdicts}
    found: list[ModeAbility] = []
    for mode, rule in rules.items():
        if subject.fault:
            found.append(_no(mode, f"it can't be used now: {subject.fault}"))
        else:
            found.append(told.get(mode) or rule(subject))
    return tuple(found)


def _remoting(subject: Subject) -> ModeAbility:
    if subject.offers:
        return ModeAbility(mode=Mode.REMOTING, can=True)
    if subject.pci is None:
        return _no(Mode.REMOTING, "no OpenCL driver offers it")
    reason = _unbound(subject.pci) or (
        "install its vendor's OpenCL, or ask drivers again with 'aliquot devices --fresh'"
    )
    return _no(Mode.REMOTING, f"no OpenCL driver offers it: {reason}")


def _passthrough(subject: Subject) -> ModeAbility:
    function = subject.pci
    if function is None:
        return _no(Mode.PASSTHROUGH, _no_hardware(subject))
    group = function.iommu_group
    if group is None:
        return _no(
            Mode.PASSTHROUGH,
            "it is in no IOMMU group: switch the IOMMU on in firmware and kernel",
        )
    others = [member for member in group.members if member.pci_address != function.address]
    others = [member for member in others if member.what != "bridge"]
    slot = function.address.rpartition(".")[0]
    strangers = [member for member in others if member.pci_address.rpartition(".")[0] != slot]
    if strangers:
        return _no(
            Mode.PASSTHROUGH,
            f"IOMMU group {group.number} also holds {_listed(strangers)}, which would have to go "
            "to the same virtual machine",
        )
    notes: list[str] = []
    if others:
        notes.append(f"{_listed(others)} of the same card goes along")
    if subject.partitions:
        notes.append(f"its partitions ({len(subject.partitions)}) would end")
    if function.boot_display:
        notes.append("it is the display that the machine started with")
    if function.reset_methods == ():
        notes.append("the kernel can't reset it alone, only with its whole slot or bus")
    return ModeAbility(mode=Mode.PASSTHROUGH, can=True, note="; ".join(notes) or None)


def _mdev(subject: Subject) -> ModeAbility:
    if subject.pci is None:
        return _no(Mode.MDEV, _no_hardware(subject))
    types = [offered for offered in subject.partition_types if offered.mode is Mode.MDEV]
    if types:
        full = all(offered.available == 0 for offered in types)
        return ModeAbility(
            mode=Mode.MDEV, can=True, note="no more fit beside those that exist" if full else None
        )
    if any(offered.mode is Mode.SRIOV for offered in subject.partition_types):
        return _no(Mode.MDEV, "its driver makes vGPU types on virtual functions: use sriov")
    reason = _unbound(subject.pci)
    if reason:
        return _no(Mode.MDEV, reason)
    missing = {
        pci_names.NVIDIA: "NVIDIA's vGPU host driver would, where the card is supported",
        pci_names.INTEL: "i915 with GVT-g would, on Gen8 to Gen9 only",
    }.get(subject.pci.vendor_id or "")
    driver = subject.pci.driver
    return _no(
        Mode.MDEV, f"its driver {driver} offers no mdev types" + (f": {missing}" if missing else "")
    )


def _sriov(subject: Subject) -> ModeAbility:
    function = subject.pci
    if function is None:
        return _no(Mode.SRIOV, _no_hardware(subject))
    if not function.most_virtual_functions:
        return _no(
            Mode.SRIOV,
            "it has no virtual functions: the card has none, or firmware or driver keep them off",
        )
    reason = _unbound(function)
    if reason:
        return _no(Mode.SRIOV, reason)
    used, most = function.virtual_functions or 0, function.most_virtual_functions
    note = f"{used} of {most} virtual functions exist" if used else None
    return ModeAbility(mode=Mode.SRIOV, can=True, note=note)


def _mig(subject: Subject) -> ModeAbility:
    """Only NVML knows; where it told, its verdict stands."""
    if subject.pci is None:
        return _no(Mode.MIG, _no_hardware(subject))
    if subject.pci.vendor_id != pci_names.NVIDIA:
        return _no(Mode.MIG, "only NVIDIA's GPUs have MIG")
    reason = _unbound(subject.pci)
    if reason:
        return _no(Mode.MIG, reason)
    if subject.nvml_asked:
        return _no(Mode.MIG, "NVML doesn't know this GPU")
    return _no(Mode.MIG, "only NVML can tell, and it can't be asked here")


def _unbound(function: PciFunction) -> str | None:
    """Why no driver of the host's uses it."""
    if function.driver is None:
        return "no kernel driver is bound to it"
    if function.driver == _VFIO:
        return "it is bound to vfio-pci, which keeps it for virtual machines"
    return None


def _no_hardware(subject: Subject) -> str:
    if subject.kind == SOFTWARE:
        return "it is a software device: there is no hardware to hand over"
    return "its place on the PCI bus is not known"


def _listed(members: list[IommuMember]) -> str:
    shown = ", ".join(f"{member.pci_address} ({member.what})" for member in members[:3])
    return shown if len(members) <= 3 else f"{shown} and {len(members) - 3} more"


def _no(mode: Mode, why: str) -> ModeAbility:
    return ModeAbility(mode=mode, can=False, why_not=why)
