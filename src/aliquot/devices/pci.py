"""Source: display functions on the PCI bus, whichever driver they have, or none.

Formats: Linux's Documentation/ABI/testing/sysfs-bus-pci and sysfs-bus-pci-devices-…; IOMMU groups
as in sysfs-kernel-iommu_groups.
"""

from __future__ import annotations

import re

from aliquot.devices import pci_names, pci_partitions
from aliquot.devices.source import Listing, Sighting
from aliquot.devices.sysfs import PCI_DEVICES, Sysfs
from aliquot.model.pci import Bar, IommuGroup, IommuMember, PciFunction, PciLink
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry

_ADDRESS = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.ASCII)
_SPEED = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,2})?) GT/s", re.ASCII)
_DISPLAY = "03"
_ACCELERATOR = "1200"
_RESOURCE = re.compile(r"0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16})", re.ASCII)
# Flags of a resource, Linux's include/linux/ioport.h.
_IO, _PREFETCHABLE = 0x100, 0x2000
_BARS = 7  # six, and the expansion ROM; what follows belongs to virtual functions or bridges
# 255 lanes is how the kernel writes a width that it doesn't know.
_MOST_LANES = 32


def normal_address(text: str) -> str | None:
    """A PCI address as sysfs writes it, also from NVML's 00000000:41:00.0; None if it is none."""
    match = _ADDRESS.fullmatch(text.strip().lower())
    if match is None:
        return None
    domain, bus, device, function = match.groups()
    return f"{int(domain, 16):04x}:{bus}:{device}.{function}"


def display_functions(sysfs: Sysfs) -> list[str]:
    """The addresses of all GPUs on the bus; a virtual function is a partition, not a device.

    AMD's Instinct are of the class of accelerators, the others' GPUs of that of displays.
    """
    found: list[str] = []
    for address in sysfs.names(PCI_DEVICES):
        if not _ADDRESS.fullmatch(address):
            continue
        class_id = sysfs.hexadecimal(PCI_DEVICES, address, "class", digits=6) or ""
        is_gpu = class_id.startswith(_DISPLAY) or (
            class_id.startswith(_ACCELERATOR) and vendor_of(sysfs, address) == pci_names.AMD
        )
        if is_gpu and sysfs.link(PCI_DEVICES, address, "physfn") is None:
            found.append(address)
    return found


def vendor_of(sysfs: Sysfs, address: str) -> str | None:
    """A function's vendor, as four hexadecimal digits."""
    return sysfs.hexadecimal(PCI_DEVICES, address, "vendor", digits=4)


def driver_of(sysfs: Sysfs, address: str) -> str | None:
    """The kernel driver that a function is bound to."""
    return sysfs.link(PCI_DEVICES, address, "driver")


class PciSource:
    """Display functions as the kernel's PCI code shows them."""

    name = "pci"

    def __init__(self, sysfs: Sysfs) -> None:
        """Read this sysfs."""
        self._sysfs = sysfs

    def list_devices(self) -> Listing:
        """Every display function, with its place and the partitions that it has and can have."""
        if not self._sysfs.names(PCI_DEVICES):
            return Listing([], "the kernel shows no PCI devices here")
        return Listing([self._sighting(address) for address in display_functions(self._sysfs)])

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:  # noqa: ARG002
        """None: the bus doesn't know what a device does."""
        return None

    def _sighting(self, address: str) -> Sighting:
        function = read_function(self._sysfs, address)
        return Sighting(
            source=self.name,
            pci_address=address,
            vendor=pci_names.vendor_name(function.vendor_id),
            kind="gpu",
            pci=function,
            partition_types=pci_partitions.types(self._sysfs, address),
            partitions=pci_partitions.existing(self._sysfs, address),
        )


def read_function(sysfs: Sysfs, address: str) -> PciFunction:
    """All that sysfs tells of one function."""
    here = (PCI_DEVICES, address)
    numa_node = sysfs.integer(*here, "numa_node")
    subsystem = sysfs.hexadecimal(*here, "subsystem_device", digits=4)
    return PciFunction(
        address=address,
        vendor_id=vendor_of(sysfs, address),
        device_id=sysfs.hexadecimal(*here, "device", digits=4),
        subsystem_id=subsystem,
        class_id=sysfs.hexadecimal(*here, "class", digits=6),
        driver=driver_of(sysfs, address),
        link=_link(sysfs, address),
        # -1: the firmware doesn't say, as on machines with one node.
        numa_node=numa_node if numa_node is not None and numa_node >= 0 else None,
        iommu_group=_iommu_group(sysfs, address),
        reset_methods=_reset_methods(sysfs, address),
        # `boot_vga` is of VGA controllers only; `boot_display`, since Linux 6.17, of all displays.
        boot_display=1 in (sysfs.integer(*here, "boot_vga"), sysfs.integer(*here, "boot_display")),
        bars=_bars(sysfs, address),
        rom_readable=sysfs.exists(*here, "rom"),
        virtual_functions=sysfs.natural(*here, "sriov_numvfs"),
        most_virtual_functions=sysfs.natural(*here, "sriov_totalvfs"),
    )


def _reset_methods(sysfs: Sysfs, address: str) -> tuple[str, ...] | None:
    """The ways in which the kernel can reset one function.

    Since Linux 5.15 `reset_method` lists them; before, there is only `reset`, where there is one.
    """
    listed = sysfs.text(PCI_DEVICES, address, "reset_method")
    if listed:
        return tuple(listed.split())
    if sysfs.exists(PCI_DEVICES, address, "reset"):
        return None
    return () if sysfs.exists(PCI_DEVICES, address, "class") else None


def _bars(sysfs: Sysfs, address: str) -> tuple[Bar, ...]:
    """From `resource`: a line each of first and last address and flags, zeros where unused."""
    found: list[Bar] = []
    lines = (sysfs.text(PCI_DEVICES, address, "resource") or "").splitlines()
    for number, line in enumerate(lines[:_BARS]):
        match = _RESOURCE.fullmatch(line.strip())
        first, last, flags = (int(part, 16) for part in match.groups()) if match else (0, 0, 0)
        if last > first:
            bar = Bar(
                number=number,
                size=last - first + 1,
                io=bool(flags & _IO),
                prefetchable=bool(flags & _PREFETCHABLE),
            )
            found.append(bar)
    return tuple(found)


def _link(sysfs: Sysfs, address: str) -> PciLink | None:
    def speed(name: str) -> float | None:
        match = _SPEED.match(sysfs.text(PCI_DEVICES, address, name) or "")
        return float(match.group(1)) if match else None

    def width(name: str) -> int | None:
        lanes = sysfs.natural(PCI_DEVICES, address, name)
        return lanes if lanes and lanes <= _MOST_LANES else None

    link = PciLink(
        speed_gts=speed("current_link_speed"),
        width=width("current_link_width"),
        most_speed_gts=speed("max_link_speed"),
        most_width=width("max_link_width"),
    )
    return None if link == PciLink() else link


def _iommu_group(sysfs: Sysfs, address: str) -> IommuGroup | None:
    number = sysfs.link(PCI_DEVICES, address, "iommu_group")
    if number is None or not (number.isascii() and number.isdigit()) or len(number) > 9:
        return None
    members: list[IommuMember] = []
    for member in sysfs.names("kernel/iommu_groups", number, "devices"):
        class_id = sysfs.hexadecimal(PCI_DEVICES, member, "class", digits=6)
        what = pci_names.class_name(class_id)
        driver = driver_of(sysfs, member)
        members.append(IommuMember(pci_address=member, what=what, driver=driver))
    return IommuGroup(number=int(number), members=tuple(members))
