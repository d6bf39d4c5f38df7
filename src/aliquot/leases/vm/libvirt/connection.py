"""What libvirt is asked, by whatever way: its Python library where there is one, else virsh."""

from __future__ import annotations

import importlib.util
import shutil
from typing import NamedTuple, Protocol

from aliquot import environment
from aliquot.errors import HypervisorRefused, NoHypervisor
from aliquot.model.vm import VmState
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

SYSTEM = "qemu:///system"


class Domain(NamedTuple):
    """A domain: its UUID, by which it is asked for, and its name."""

    uuid: str
    name: str


class NoDomain(HypervisorRefused):
    """libvirt knows no such domain."""


class Connection(Protocol):
    """libvirtd. Domains are named by UUID, so that no name is ever taken for something else."""

    def domains(self) -> list[Domain]:
        """All of them, those that are off as well."""
        ...

    def state(self, uuid: str) -> VmState:
        """What a domain does; GONE where there is none."""
        ...

    def description(self, uuid: str, *, at_start: bool) -> str:
        """The XML of a domain as it is, or as it starts; with what is secret in it."""
        ...

    def define(self, description: str) -> None:
        """Put a domain's configuration in place of the one it has, validated by libvirt."""
        ...

    def plug(self, uuid: str, device: str) -> None:
        """Give a device to a domain that runs."""
        ...

    def unplug(self, uuid: str, device: str) -> None:
        """Ask a domain that runs for a device; it is gone once the domain's XML lacks it."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def connect(uri: str | None = None) -> Connection:
    """The way to libvirtd that there is; raises NoHypervisor."""
    uri = uri or environment.LIBVIRT_URI.get() or SYSTEM
    if importlib.util.find_spec("libvirt") is not None:
        from aliquot.leases.vm.libvirt.library import Library

        return Library(uri)
    program = shutil.which("virsh")
    if program is None:
        raise refusal(
            NoHypervisor, Why.HYPERVISOR_LACKS, hypervisor="libvirt", what="virsh, libvirt-python"
        )
    from aliquot.leases.vm.libvirt.virsh import Virsh

    return Virsh(program, uri)
