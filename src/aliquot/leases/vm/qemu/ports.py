"""What `query-pci` tells: which vGPUs a VM has, and where it has room for a device.

Format: PciInfo and PciDeviceInfo of QEMU's qapi/pci.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from aliquot.errors import HypervisorMisspoke
from aliquot.leases.vm.naming import printable, vgpu_of
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

_BRIDGE_CLASS = 0x0604
_INTEL, _ROOT_PORTS = 0x8086, frozenset({0x3420})  # ioh3420
_REDHAT, _REDHAT_PORTS = 0x1B36, frozenset({0x000C, 0x000E})  # pcie-root-port, pcie-pci-bridge
_DEEPEST = 32


class _Class(msgspec.Struct, frozen=True):
    code: int = msgspec.field(name="class", default=0)


class _Id(msgspec.Struct, frozen=True):
    vendor: int = 0
    device: int = 0


class _Device(msgspec.Struct):
    qdev_id: str = ""
    class_info: _Class = _Class()
    id: _Id = _Id()
    pci_bridge: dict[str, Any] | None = None

    def behind(self) -> list[_Device]:
        """The devices on a bridge's bus."""
        told = (self.pci_bridge or {}).get("devices", [])
        return msgspec.convert(told, list[_Device])

    def is_port(self) -> bool:
        """Whether a device can be plugged in behind it while the VM runs."""
        which = self.id.vendor, self.id.device
        known = {(_INTEL, one) for one in _ROOT_PORTS} | {(_REDHAT, one) for one in _REDHAT_PORTS}
        return self.class_info.code == _BRIDGE_CLASS and which in known


class _Bus(msgspec.Struct):
    devices: list[_Device] = []


class Pci:
    """A VM's PCI devices; raises HypervisorMisspoke where they aren't told as they should be."""

    def __init__(self, told: object) -> None:
        """Of what `query-pci` returned."""
        try:
            buses = msgspec.convert(told, list[_Bus], strict=False)
            self._top = [one for bus in buses for one in bus.devices]
            self._all = list(_walk(self._top))
        except (msgspec.ValidationError, RecursionError) as error:
            raise refusal(
                HypervisorMisspoke,
                Why.HYPERVISOR_GARBLED,
                hypervisor="QEMU",
                error=printable(error),
            ) from error

    def names(self) -> set[str]:
        """The ids that devices were given."""
        return {one.qdev_id for one in self._all if one.qdev_id}

    def vgpus(self) -> frozenset[str]:
        """The vGPUs of ours."""
        return frozenset(vgpu for name in self.names() if (vgpu := vgpu_of(name)))

    def has_ports(self) -> bool:
        """Whether it is a machine of PCI Express, on which devices go to ports."""
        return any(one.is_port() for one in self._all)

    def free_port(self) -> str | None:
        """The id of a port behind which there is nothing, by which its bus is named, too."""
        for one in self._all:
            if one.is_port() and one.qdev_id and not one.behind():
                return one.qdev_id
        return None


def _walk(devices: list[_Device], depth: int = 0) -> Iterator[_Device]:
    if depth > _DEEPEST:
        raise RecursionError("bridges without end")
    for one in devices:
        yield one
        yield from _walk(one.behind(), depth + 1)
