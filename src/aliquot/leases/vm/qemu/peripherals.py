"""Which vGPUs a VM has, and where it has room for a device: by QEMU's object tree.

`qom-list` (ObjectPropertyInfo of QEMU's qapi/qom.json) of /machine/peripheral names all devices
that were given an id. `query-pci` isn't enough: what is behind a port it tells only once the VM's
firmware has numbered that port's bus.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from aliquot.errors import HypervisorMisspoke
from aliquot.leases.vm.naming import printable, vgpu_of
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

ROOT = "/machine/peripheral"
# Behind each there is room for one device, which may come and go while the VM runs.
_PORTS = frozenset(
    {
        "child<pcie-root-port>",
        "child<ioh3420>",
        "child<xio3130-downstream>",
        "child<x3130-downstream>",
    }
)
_BEHIND = "child["
_MOST_PORTS = 256  # that are asked after, one by one: a bus has no room for more


class _Property(msgspec.Struct):
    name: str
    type: str


List = Callable[[str], object]


class Peripherals:
    """The devices of a VM as they are now; raises HypervisorMisspoke for what isn't such a list."""

    def __init__(self, listed: List) -> None:
        """`listed` asks QEMU for what lies below a path."""
        self._listed = listed
        self._devices = {one.name: one.type for one in self._properties(ROOT)}

    def names(self) -> set[str]:
        """The ids that devices were given."""
        return {name for name, kind in self._devices.items() if kind.startswith("child<")}

    def vgpus(self) -> frozenset[str]:
        """The vGPUs of ours."""
        return frozenset(vgpu for name in self.names() if (vgpu := vgpu_of(name)))

    def has_ports(self) -> bool:
        """Whether it is a machine of PCI Express, on which devices go to ports."""
        return bool(self._ports())

    def free_port(self) -> str | None:
        """The id of a port behind which there is nothing; its bus has the same name."""
        for port in self._ports()[:_MOST_PORTS]:
            behind = self._properties(f"{ROOT}/{port}/{port}")
            if not any(one.name.startswith(_BEHIND) for one in behind):
                return port
        return None

    def _ports(self) -> list[str]:
        """A slash in an id would lead elsewhere in the tree."""
        return [name for name, kind in self._devices.items() if kind in _PORTS and "/" not in name]

    def _properties(self, path: str) -> list[_Property]:
        try:
            return msgspec.convert(self._listed(path), list[_Property])
        except (msgspec.ValidationError, RecursionError) as error:
            raise refusal(
                HypervisorMisspoke,
                Why.HYPERVISOR_GARBLED,
                hypervisor="QEMU",
                error=printable(error),
            ) from error
