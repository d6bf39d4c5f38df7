"""A device's place on the PCI bus, and what surrounds it."""

from __future__ import annotations

import msgspec


class PciLink(msgspec.Struct, frozen=True, kw_only=True):
    """A PCIe link, now and at most: GT/s and lanes; None where the kernel doesn't tell."""

    speed_gts: float | None = None
    width: int | None = None
    most_speed_gts: float | None = None
    most_width: int | None = None


class IommuMember(msgspec.Struct, frozen=True, kw_only=True):
    """A function in an IOMMU group; `what` is its class in words, such as display or audio."""

    pci_address: str
    what: str
    driver: str | None = None


class IommuGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What the IOMMU can't tell apart: it goes to one virtual machine as a whole, or not at all."""

    number: int
    members: tuple[IommuMember, ...] = ()


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A range of addresses that a function has; `number` 0 to 5 is a BAR, 6 the expansion ROM.

    Size in bytes. Prefetchable ones are where a GPU shows its memory.
    """

    number: int
    size: int
    io: bool = False
    prefetchable: bool = False


class PciFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A PCI function as sysfs shows it; None where the kernel doesn't tell.

    Ids are four hexadecimal digits, the class six. `reset_methods` is empty where the kernel knows
    no way to reset this function alone. `bars` are those that have addresses; `rom_readable`:
    whether the kernel shows what is in the function's ROM. `virtual_functions` counts SR-IOV
    functions that exist, `most_virtual_functions` those that could.
    """

    address: str
    vendor_id: str | None = None
    device_id: str | None = None
    subsystem_id: str | None = None
    class_id: str | None = None
    driver: str | None = None
    link: PciLink | None = None
    numa_node: int | None = None
    iommu_group: IommuGroup | None = None
    reset_methods: tuple[str, ...] | None = None
    boot_display: bool = False
    bars: tuple[Bar, ...] = ()
    rom_readable: bool = False
    virtual_functions: int | None = None
    most_virtual_functions: int | None = None
