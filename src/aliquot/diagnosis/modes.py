"""What each mode lacks on this machine's GPUs, and the lines that mend it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from aliquot import environment
from aliquot.devices.discovery import Discoverer
from aliquot.devices.inventory import InventorySource
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.merge import made_one
from aliquot.devices.sysfs import ROOT, Sysfs
from aliquot.devices.users import PROC, Use, users
from aliquot.diagnosis.finding import Finding, Level
from aliquot.diagnosis.iommu import AREA, check_iommu
from aliquot.model.modes import Mode, ModeAbility
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.why import Why

_MOST_NAMED = 4
_ABOVE = "as told above"
_ADD_GROUPS = "give devices an iommu_group, or run 'aliquot doctor' on the machine itself"
_VFIO = "bus/pci/drivers/vfio-pci"
_LOAD_VFIO = "modprobe vfio-pci && echo vfio-pci > /etc/modules-load.d/vfio-pci.conf"

# What mends a reason, by its code; {address} is a device, {addresses} all of which it is told. A
# reason that isn't here can't be mended by anybody: the hardware is what it is.
_REMEDIES: dict[Why, str] = {
    Why.SHARED_IOMMU_GROUP: (
        "put the card into a slot of the processor's own, or switch ACS on in firmware; or hand "
        "the whole group over"
    ),
    Why.UNBOUND: "echo {address} > /sys/bus/pci/drivers_probe",
    Why.BOUND_TO_VFIO: (
        "echo > /sys/bus/pci/devices/{address}/driver_override && "
        "echo {address} > /sys/bus/pci/drivers/vfio-pci/unbind && "
        "echo {address} > /sys/bus/pci/drivers_probe"
    ),
    Why.NO_MDEV_TYPES_NVIDIA: "install NVIDIA's vGPU host driver, which needs a licence",
    Why.NO_MDEV_TYPES_INTEL: (
        "echo 'options i915 enable_gvt=1' > /etc/modprobe.d/gvt.conf && "
        "echo kvmgt > /etc/modules-load.d/kvmgt.conf, then start the machine anew"
    ),
    Why.MIG_OFF: "nvidia-smi -i {addresses} -mig 1, while nothing runs on it",
    Why.MIG_CHANGES: "nvidia-smi --gpu-reset -i {addresses}, while nothing runs on it",
    Why.ONLY_NVML: "pip install 'aliquot[nvidia]'",
    Why.ASK_DRIVERS: "install its vendor's OpenCL driver, then: aliquot devices --fresh",
}


def check_modes(
    discoverer: Discoverer | None = None,
    sysfs_root: str | None = None,
    proc: str = PROC,
    root: str = "/",
) -> list[Finding]:
    """One finding for each mode and reason; nothing where there is no GPU on the bus.

    A sysfs from elsewhere tells of another machine: then who uses its devices isn't looked at.
    """
    place = sysfs_root or environment.SYSFS_ROOT.get() or ROOT
    sysfs = Sysfs(place)
    found = (discoverer or Discoverer(sysfs_root=sysfs_root)).discover()
    devices = [one for one in found.devices if one.pci is not None and not one.simulated]
    if not devices:
        return []
    findings = [check_iommu(sysfs, Sysfs(proc), root)]
    if findings[0].level is Level.OK:
        findings.append(_vfio(sysfs))
    findings += _told_once(devices)
    return [*findings, *_in_use(sysfs, devices, proc)]


def check_inventory(path: str) -> list[Finding]:
    """The same of an inventory's simulated devices, as far as its file tells; see BadInventory.

    Nothing of this machine is in it: neither its IOMMU nor who uses what.
    """
    found = InventorySource(path).list_devices()
    known = KnownDevices()
    devices = [made_one([seen], known) for seen in found.sightings]
    groups = {
        one.pci.iommu_group.number for one in devices if one.pci and one.pci.iommu_group is not None
    }
    if groups:
        text = f"on, with {len(groups)} groups that the file names"
        iommu = Finding(AREA, "IOMMU", Level.OK, text)
    else:
        iommu = Finding(AREA, "IOMMU", Level.WEAK, "the file names no groups", _ADD_GROUPS)
    return [iommu, *_told_once(devices)]


def _told_once(devices: list[PhysicalDevice]) -> Iterator[Finding]:
    """By mode; what mends several modes is told with the first of them."""
    told: set[str] = set()
    for mode in Mode:
        for finding in _of_mode(mode, devices):
            again = finding.remedy in told
            told.add(finding.remedy)
            yield finding._replace(remedy=_ABOVE) if again and finding.remedy else finding


def _vfio(sysfs: Sysfs) -> Finding:
    if sysfs.exists(_VFIO):
        return Finding(AREA, "vfio-pci", Level.OK, "loaded")
    text = "not loaded: passthrough and most virtual functions need it"
    return Finding(AREA, "vfio-pci", Level.WEAK, text, _LOAD_VFIO)


def _of_mode(mode: Mode, devices: list[PhysicalDevice]) -> Iterator[Finding]:
    """Devices of which the same is to be told are told together."""
    alike: dict[tuple[bool, str], list[tuple[PhysicalDevice, ModeAbility]]] = {}
    for device in devices:
        ability = device.ability(mode)
        if ability is not None:
            text = ability.note if ability.can else ability.why_not
            alike.setdefault((ability.can, text or ""), []).append((device, ability))
    for (can, text), told in alike.items():
        names = _names([device for device, _ in told])
        remedy = _remedy(told)
        word = "can" if can else "can't"
        said = f"{names} {word}: {text}" if text else f"{names} {word}"
        yield Finding(AREA, mode.value, Level.WEAK if remedy else Level.OK, said, remedy)


def _remedy(told: list[tuple[PhysicalDevice, ModeAbility]]) -> str:
    """What mends it, for all devices at once; nothing where nobody can."""
    lines = told[0][1].lines
    keys = [key for line in lines for key in (line.key, *(one.key for one in line.lines))]
    if f"why-{Why.NO_IOMMU_GROUP.value}" in keys:
        return _ABOVE
    mends = (remedy for why, remedy in _REMEDIES.items() if f"why-{why.value}" in keys)
    template = next(mends, "")
    if template == _REMEDIES[Why.NO_MDEV_TYPES_INTEL]:
        told = [(one, ability) for one, ability in told if _has_gvt(one)]
    addresses = [device.pci_address or "" for device, _ in told]
    if not addresses:
        return ""
    if "{addresses}" in template:
        return template.format(addresses=",".join(addresses))
    if len(addresses) == 1 or "{address}" not in template:
        return template.format(address=addresses[0])
    command = template.format(address="$a")
    return f"for a in {' '.join(addresses)}; do {command}; done"


def _has_gvt(device: PhysicalDevice) -> bool:
    """Whether Intel's GVT-g is for such a GPU."""
    return device.architecture is not None and device.architecture.name in ("Gen8", "Gen9")


def _in_use(sysfs: Sysfs, devices: list[PhysicalDevice], proc: str) -> Iterator[Finding]:
    """Who would have to end before a device could be handed over."""
    if sysfs.root != ROOT and proc == PROC:
        return
    for device in devices:
        address = device.pci_address or ""
        using = [one for one in users(sysfs, address, proc) if one.use is not Use.SOUND]
        if not using:
            continue
        shown = [f"{one.name} (process {one.process_id}, {one.use})" for one in using]
        if len(shown) > _MOST_NAMED:
            shown[_MOST_NAMED:] = [f"{len(shown) - _MOST_NAMED} more"]
        text = f"{address} is used by {', '.join(shown)}: it is not handed over meanwhile"
        yield Finding(AREA, "in use", Level.OK, text)
    if os.geteuid() != 0:
        text = "only your own processes could be seen: run it as root to see who uses a device"
        yield Finding(AREA, "in use", Level.OK, text)


def _names(devices: list[PhysicalDevice]) -> str:
    addresses = [device.pci_address or device.uuid for device in devices]
    if len(addresses) > _MOST_NAMED:
        return f"{len(addresses)} devices ({addresses[0]} to {addresses[-1]})"
    return ", ".join(addresses)
