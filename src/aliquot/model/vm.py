"""Virtual machines, as their hypervisors tell of them, and what binds a vGPU to one."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class HypervisorKind(StrEnum):
    """What runs VMs."""

    QEMU = "qemu"
    LIBVIRT = "libvirt"
    PROXMOX = "proxmox"


class VmState(StrEnum):
    """What a VM does. One that is paused keeps its devices; one that is off has none."""

    RUNNING = "running"
    PAUSED = "paused"
    OFF = "off"
    GONE = "gone"  # its hypervisor knows it no more


class Vm(msgspec.Struct, frozen=True, kw_only=True):
    """A VM. `id` is how its hypervisor is asked for it: a socket, a UUID, a number.

    `process_id` is of the process that is the VM, where that is known; else 0.
    """

    hypervisor: HypervisorKind
    id: str
    name: str
    state: VmState
    process_id: int = 0


class VmBinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """To which VM a vGPU belongs, used or not: part of what is wanted of it.

    `lasts`: the VM's own configuration names the vGPU, so that it has it again when it starts.
    An empty `id` is a VM that somebody starts by hand with the arguments that they were given.
    """

    hypervisor: HypervisorKind
    id: str
    name: str
    lasts: bool = False

    @property
    def word(self) -> str:
        """The VM as people write it."""
        return f"{self.hypervisor.value}:{self.name}" if self.id else "started by hand"


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """The vGPUs that a VM has, by their ids: now, and in the configuration it starts with."""

    now: frozenset[str] = frozenset()
    at_start: frozenset[str] = frozenset()
