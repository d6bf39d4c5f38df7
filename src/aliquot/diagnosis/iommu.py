"""Whether the machine's IOMMU is on, and if not, whether firmware or the kernel keeps it off.

The firmware tells of an IOMMU in an ACPI table: DMAR is Intel's, IVRS AMD's. Linux uses AMD's by
itself; Intel's by itself only where it was built so, else with intel_iommu=on.
"""

from __future__ import annotations

from aliquot.devices.sysfs import Sysfs
from aliquot.diagnosis import boot_loader
from aliquot.diagnosis.finding import Finding, Level

AREA = "modes"
_SUBJECT = "IOMMU"
_TABLES = "firmware/acpi/tables"
_INTEL, _AMD = "DMAR", "IVRS"
_OFF = ("intel_iommu=off", "amd_iommu=off", "iommu=off")


def check_iommu(sysfs: Sysfs, proc: Sysfs, root: str = "/") -> Finding:
    """What the IOMMU is, and the lines that switch it on."""
    groups = len(sysfs.names("kernel/iommu_groups"))
    if groups:
        return Finding(AREA, _SUBJECT, Level.OK, f"on, with {groups} groups")
    loaders = boot_loader.boot_loaders(root)
    off = next((one for one in (proc.text("cmdline") or "").split() if one in _OFF), None)
    if off is not None:
        remedy = "\n".join(boot_loader.removing(off, loaders, root))
        text = f"off, because the kernel was started with {off}"
        return Finding(AREA, _SUBJECT, Level.WEAK, text, remedy)
    tables = sysfs.names(_TABLES)
    intel = "GenuineIntel" in (proc.text("cpuinfo") or "")
    if _INTEL in tables or _AMD in tables:
        argument = "intel_iommu=on" if _INTEL in tables else "amd_iommu=on"
        remedy = "\n".join(boot_loader.adding(argument, loaders, root))
        text = "off: firmware has one, and the kernel was started without using it"
        return Finding(AREA, _SUBJECT, Level.WEAK, text, remedy)
    if _is_guest(proc):
        text = "none: this is a virtual machine without a virtual IOMMU"
        remedy = "give the virtual machine one, with QEMU: -device intel-iommu,intremap=on"
        return Finding(AREA, _SUBJECT, Level.WEAK, text, remedy)
    name = "Intel VT-d" if intel else "AMD-Vi, often called IOMMU,"
    lines = [f"firmware: switch {name} on in its setup"]
    if intel:
        lines += boot_loader.adding("intel_iommu=on", loaders, root)
    return Finding(
        AREA, _SUBJECT, Level.WEAK, "off in firmware, or there is none", "\n".join(lines)
    )


def _is_guest(proc: Sysfs) -> bool:
    flags = (line for line in (proc.text("cpuinfo") or "").splitlines() if line.startswith("flags"))
    return "hypervisor" in next(flags, "").split()
