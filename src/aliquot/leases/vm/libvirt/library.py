"""libvirt through its Python library, where that is installed (python3-libvirt of Debian)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from aliquot.errors import HypervisorRefused, HypervisorUnreachable
from aliquot.leases.vm.libvirt.connection import Domain, NoDomain
from aliquot.leases.vm.libvirt.xml import garbled
from aliquot.leases.vm.naming import printable
from aliquot.model.vm import VmState
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

T = TypeVar("T")

# virDomainState of libvirt-domain.h.
_STATES = {
    0: VmState.RUNNING,
    1: VmState.RUNNING,
    2: VmState.RUNNING,
    3: VmState.PAUSED,
    4: VmState.RUNNING,
    5: VmState.OFF,
    6: VmState.OFF,
    7: VmState.PAUSED,
}


class Library:
    """A libvirtd to which a connection is kept; it is made anew when it has broken."""

    def __init__(self, uri: str) -> None:
        """Connect to `uri` when something is asked."""
        self._libvirt: Any = importlib.import_module("libvirt")
        self._libvirt.registerErrorHandler(_say_nothing, None)
        self._uri = uri
        self._connection: Any = None

    def domains(self) -> list[Domain]:
        """All of them."""
        listed: list[Any] = self._asked(lambda known: known.listAllDomains())
        return [Domain(str(one.UUIDString()), str(one.name())) for one in listed]

    def state(self, uuid: str) -> VmState:
        """What a domain does."""
        try:
            number: int = self._of(uuid, lambda domain: domain.state()[0])
        except NoDomain:
            return VmState.GONE
        if number not in _STATES:
            raise garbled(f"the state {number}")
        return _STATES[number]

    def description(self, uuid: str, *, at_start: bool) -> str:
        """The XML of a domain."""
        flags: int = self._libvirt.VIR_DOMAIN_XML_SECURE
        if at_start:
            flags |= self._libvirt.VIR_DOMAIN_XML_INACTIVE
        return str(self._of(uuid, lambda domain: domain.XMLDesc(flags)))

    def define(self, description: str) -> None:
        """Define it anew."""
        flags = self._libvirt.VIR_DOMAIN_DEFINE_VALIDATE
        self._asked(lambda known: known.defineXMLFlags(description, flags))

    def plug(self, uuid: str, device: str) -> None:
        """Plug a device in."""
        flags = self._libvirt.VIR_DOMAIN_AFFECT_LIVE
        self._of(uuid, lambda domain: domain.attachDeviceFlags(device, flags))

    def unplug(self, uuid: str, device: str) -> None:
        """Ask for a device."""
        flags = self._libvirt.VIR_DOMAIN_AFFECT_LIVE
        self._of(uuid, lambda domain: domain.detachDeviceFlags(device, flags))

    def close(self) -> None:
        """End the connection."""
        known, self._connection = self._connection, None
        if known is not None:
            known.close()

    def _of(self, uuid: str, work: Callable[[Any], T]) -> T:
        return self._asked(lambda known: work(known.lookupByUUIDString(uuid)))

    def _asked(self, work: Callable[[Any], T]) -> T:
        try:
            if self._connection is None or not self._connection.isAlive():
                self._connection = self._libvirt.open(self._uri)
            return work(self._connection)
        except self._libvirt.libvirtError as error:
            raise self._told(error) from error

    def _told(self, error: Any) -> HypervisorRefused | HypervisorUnreachable:
        words = printable(error.get_error_message() or error)
        code = error.get_error_code()
        if self._is_away(code, error.get_error_domain()):
            return refusal(
                HypervisorUnreachable, Why.HYPERVISOR_AWAY, hypervisor="libvirt", error=words
            )
        kind = NoDomain if code == self._libvirt.VIR_ERR_NO_DOMAIN else HypervisorRefused
        return refusal(kind, Why.HYPERVISOR_SAYS, hypervisor="libvirt", error=words)

    def _is_away(self, code: int, domain: int) -> bool:
        """Whether libvirtd can't be reached; what the system refuses libvirtd itself is another."""
        library = self._libvirt
        if code == library.VIR_ERR_SYSTEM_ERROR:
            return domain in (library.VIR_FROM_RPC, library.VIR_FROM_REMOTE)
        return code in (library.VIR_ERR_NO_CONNECT, library.VIR_ERR_RPC)


def _say_nothing(*_: Any) -> None:
    """Errors are raised; the library would print them as well."""
