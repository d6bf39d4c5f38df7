"""libvirt through `virsh`: arguments are lists, domains are UUIDs, XML goes by standard input."""

from __future__ import annotations

import os
import re

from aliquot import environment
from aliquot.errors import HypervisorMisspoke, HypervisorRefused, HypervisorUnreachable
from aliquot.leases.vm.libvirt.bounded_program import SaidTooMuch, run
from aliquot.leases.vm.libvirt.connection import Domain, NoDomain
from aliquot.leases.vm.libvirt.xml import MOST_BYTES, garbled
from aliquot.leases.vm.naming import printable
from aliquot.model.vm import VmState
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

SECONDS = 20.0
_STDIN = "/proc/self/fd/0"  # /dev/stdin is not on every machine
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_STATES = {
    "running": VmState.RUNNING,
    "idle": VmState.RUNNING,
    "no state": VmState.RUNNING,
    "in shutdown": VmState.RUNNING,
    "paused": VmState.PAUSED,
    "pmsuspended": VmState.PAUSED,
    "shut off": VmState.OFF,
    "crashed": VmState.OFF,
}
_NO_DOMAIN = re.compile(r"domain not found|no domain with matching|failed to get domain", re.I)
_NO_DAEMON = re.compile(r"failed to connect|cannot recv data|connection reset|end of file", re.I)


class Virsh:
    """A libvirtd that is asked by a process a question."""

    def __init__(
        self, program: str, uri: str, *, seconds: float = SECONDS, most_bytes: int = MOST_BYTES
    ) -> None:
        """Ask the libvirtd of `uri` by the virsh at `program`.

        An answer has `seconds`, and no more bytes than a domain can be.
        """
        self._program = program
        self._uri = uri
        self._seconds = seconds
        self._most_bytes = most_bytes

    def domains(self) -> list[Domain]:
        """All of them."""
        found: list[Domain] = []
        for line in self._ask("list", "--all", "--uuid", "--name").splitlines():
            uuid, _, name = line.strip().partition(" ")
            if uuid:
                found.append(Domain(_checked(uuid), name.strip()))
        return found

    def state(self, uuid: str) -> VmState:
        """What a domain does."""
        try:
            word = self._ask("domstate", _checked(uuid)).strip()
        except NoDomain:
            # virsh says the same of whatever failed as it looked the domain up.
            if uuid in {one.uuid for one in self.domains()}:
                raise
            return VmState.GONE
        if word not in _STATES:
            raise garbled(f"the state {word!r}")
        return _STATES[word]

    def description(self, uuid: str, *, at_start: bool) -> str:
        """The XML of a domain."""
        which = ["--inactive"] if at_start else []
        return self._ask("dumpxml", _checked(uuid), "--security-info", *which)

    def define(self, description: str) -> None:
        """Define it anew."""
        self._ask("define", _STDIN, "--validate", text=description)

    def plug(self, uuid: str, device: str) -> None:
        """Plug a device in."""
        self._ask("attach-device", _checked(uuid), _STDIN, "--live", text=device)

    def unplug(self, uuid: str, device: str) -> None:
        """Ask for a device."""
        self._ask("detach-device", _checked(uuid), _STDIN, "--live", text=device)

    def close(self) -> None:
        """Nothing is kept open."""

    def _ask(self, *words: str, text: str = "") -> str:
        arguments = [self._program, "--connect", self._uri, "--quiet", *words]
        variables = {**environment.without_secrets(os.environ), "LC_ALL": "C"}
        try:
            done = run(
                arguments,
                text=text.encode(),
                seconds=self._seconds,
                most_bytes=self._most_bytes,
                variables=variables,
            )
        except TimeoutError as error:
            raise refusal(
                HypervisorUnreachable,
                Why.HYPERVISOR_SILENT,
                hypervisor="libvirt",
                seconds=self._seconds,
            ) from error
        except SaidTooMuch as error:
            limit = self._most_bytes
            raise refusal(
                HypervisorMisspoke, Why.HYPERVISOR_FLOODS, hypervisor="libvirt", limit=limit
            ) from error
        except OSError as error:
            raise _away(error.strerror or str(error)) from error
        if done.status:
            raise _error(done.errors.decode(errors="replace"))
        return done.said.decode(errors="replace")


def _error(said: str) -> HypervisorRefused | HypervisorUnreachable:
    words = printable(re.sub(r"(?m)^error: ", "", said))
    if _NO_DAEMON.search(said):
        return _away(words)
    kind = NoDomain if _NO_DOMAIN.search(said) else HypervisorRefused
    return refusal(kind, Why.HYPERVISOR_SAYS, hypervisor="libvirt", error=words)


def _away(words: str) -> HypervisorUnreachable:
    return refusal(
        HypervisorUnreachable, Why.HYPERVISOR_AWAY, hypervisor="libvirt", error=printable(words)
    )


def _checked(uuid: str) -> str:
    if not _UUID.fullmatch(uuid):
        raise garbled(f"{uuid!r} for a UUID")
    return uuid
