"""The hypervisors of this machine, each made when it is first asked, and VMs found among them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from aliquot import environment
from aliquot.errors import HypervisorUnreachable, NoHypervisor, NoSuchVm, VmError
from aliquot.leases.vm.interface import Hypervisor
from aliquot.leases.vm.naming import printable, split
from aliquot.model.vm import HypervisorKind, Vm
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

# Whoever manages a VM knows it better than the QEMU below, which goes by the same name.
ORDER = (HypervisorKind.PROXMOX, HypervisorKind.LIBVIRT, HypervisorKind.QEMU)


class Hypervisors:
    """Finds VMs; safe to use from any thread."""

    def __init__(
        self, making: Mapping[HypervisorKind, Callable[[], Hypervisor]] | None = None
    ) -> None:
        """Those of this machine, unless tests bring others."""
        self._making = making if making is not None else _USUAL
        self._made: dict[HypervisorKind, Hypervisor] = {}
        self._lock = threading.Lock()

    def of(self, kind: HypervisorKind) -> Hypervisor:
        """The hypervisor of a kind; raises NoHypervisor."""
        with self._lock:
            if kind not in self._made:
                make = self._making.get(kind)
                if make is None:
                    raise refusal(
                        NoHypervisor, Why.HYPERVISOR_LACKS, hypervisor=kind.value, what=kind.value
                    )
                self._made[kind] = make()
            return self._made[kind]

    def find(self, reference: str) -> Vm:
        """The VM of `HYPERVISOR:NAME`, or of NAME in the first hypervisor that knows it.

        Raises NoSuchVm, AmbiguousVm, BadVmName; HypervisorUnreachable where one that may know it
        can't be asked.
        """
        kind, name = split(reference)
        if kind is not None:
            return self.of(kind).find(name)
        for one in ORDER:
            if one is HypervisorKind.PROXMOX and not self._has_proxmox():
                continue
            try:
                return self.of(one).find(name)
            except (NoSuchVm, NoHypervisor):
                continue
            except HypervisorUnreachable:
                # libvirt is often installed and off; Proxmox VE was named by somebody.
                if one is HypervisorKind.PROXMOX:
                    raise
        raise refusal(NoSuchVm, Why.NO_VM_ANYWHERE, vm=printable(name))

    def _has_proxmox(self) -> bool:
        return self._making is not _USUAL or environment.PROXMOX.get() is not None

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            for one in self._made.values():
                try:
                    one.close()
                except VmError:
                    continue
            self._made.clear()


def _qemu() -> Hypervisor:
    from aliquot.leases.vm.qemu.hypervisor import Qemu

    return Qemu()


def _libvirt() -> Hypervisor:
    from aliquot.leases.vm.libvirt.hypervisor import Libvirt

    return Libvirt()


def _proxmox() -> Hypervisor:
    from aliquot.leases.vm.proxmox.hypervisor import Proxmox

    return Proxmox()


_USUAL: Mapping[HypervisorKind, Callable[[], Hypervisor]] = {
    HypervisorKind.QEMU: _qemu,
    HypervisorKind.LIBVIRT: _libvirt,
    HypervisorKind.PROXMOX: _proxmox,
}
