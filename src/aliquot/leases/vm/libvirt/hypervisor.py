"""VMs of libvirt: devices in the running domain, in its configuration, or in both."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from xml.etree.ElementTree import Element

from aliquot.errors import AmbiguousVm, NoSuchVm, VmError, VmKeepsDevice
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.libvirt import xml
from aliquot.leases.vm.libvirt.connection import Connection, connect
from aliquot.leases.vm.naming import printable
from aliquot.leases.vm.qemu.arguments import must_be_device
from aliquot.model.hardware import Attachment
from aliquot.model.vm import Attached, HypervisorKind, Vm, VmState
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

LOOK_SECONDS = 1.0
UNPLUG_SECONDS = 20.0
_ALIVE = frozenset({VmState.RUNNING, VmState.PAUSED})


class Libvirt:
    """The domains of one libvirtd."""

    kind = HypervisorKind.LIBVIRT
    makes_mdevs = False

    def __init__(
        self,
        connecting: Callable[[], Connection] = connect,
        *,
        look_seconds: float = LOOK_SECONDS,
        unplug_seconds: float = UNPLUG_SECONDS,
    ) -> None:
        """Connect when something is asked."""
        self._connecting = connecting
        self._made: Connection | None = None
        self._look_seconds = look_seconds
        self._unplug_seconds = unplug_seconds

    def find(self, name: str) -> Vm:
        """The domain of a name or a UUID."""
        listed = self._connection.domains()
        found = [one for one in listed if one.name == name] or [
            one for one in listed if one.uuid == name.lower()
        ]
        if not found:
            raise refusal(NoSuchVm, Why.NO_VM, hypervisor="libvirt", vm=printable(name))
        if len(found) > 1:
            raise refusal(AmbiguousVm, Why.VM_NOT_UNIQUE, count=len(found), vm=printable(name))
        one = found[0]
        state = self._connection.state(one.uuid)
        return Vm(hypervisor=self.kind, id=one.uuid, name=printable(one.name), state=state)

    def state(self, vm: str) -> VmState:
        """What a domain does."""
        return self._connection.state(vm)

    def changed(self, vm: str, seen: VmState, seconds: float) -> VmState:
        """Its state, looked at again and again."""
        until = time.monotonic() + seconds
        while (now := self.state(vm)) is seen and (left := until - time.monotonic()) > 0:
            time.sleep(min(self._look_seconds, left))
        return now

    def attach(self, vm: Vm, attachment: Attachment, *, lasting: bool) -> Attached:
        """Plug it into a domain that runs; into its configuration if lasting or if it is off.

        The configuration is written at once or not at all, whatever number of functions it is.
        """
        must_be_device(attachment)
        vgpu = vgpu_id(attachment)
        alive = self.state(vm.id) in _ALIVE
        before = self.attached(vm)
        written = (lasting or not alive) and vgpu not in before.at_start
        if written:
            self._configure(vm, lambda domain: xml.add(domain, xml.hostdevs(attachment)))
        try:
            if alive and vgpu not in before.now:
                self._plug(vm, vgpu, attachment)
        except VmError:
            if written:
                with contextlib.suppress(VmError):
                    self._configure(vm, lambda domain: xml.remove(domain, vgpu))
            raise
        return self.attached(vm)

    def detach(self, vm: Vm, vgpu: str) -> None:
        """Take it out of the configuration, and out of the domain where that runs."""
        state = self.state(vm.id)
        if state is VmState.GONE:
            return
        if vgpu in self.attached(vm).at_start:
            self._configure(vm, lambda domain: xml.remove(domain, vgpu))
        if state in _ALIVE:
            self._unplug(vm, vgpu)

    def attached(self, vm: Vm) -> Attached:
        """Which vGPUs it has."""
        now: frozenset[str] = frozenset()
        if self.state(vm.id) in _ALIVE:
            now = xml.vgpus(self._domain(vm, at_start=False))
        return Attached(now=now, at_start=xml.vgpus(self._domain(vm, at_start=True)))

    def close(self) -> None:
        """End the connection."""
        made, self._made = self._made, None
        if made is not None:
            made.close()

    @property
    def _connection(self) -> Connection:
        if self._made is None:
            self._made = self._connecting()
        return self._made

    def _domain(self, vm: Vm, *, at_start: bool) -> Element:
        root = xml.parse(self._connection.description(vm.id, at_start=at_start))
        if root.tag != "domain":
            raise xml.garbled(f"<{root.tag}>")
        return root

    def _configure(self, vm: Vm, edit: Callable[[Element], object]) -> None:
        domain = self._domain(vm, at_start=True)
        edit(domain)
        self._connection.define(xml.written(domain))

    def _plug(self, vm: Vm, vgpu: str, attachment: Attachment) -> None:
        try:
            for device in xml.hostdevs(attachment):
                self._connection.plug(vm.id, xml.written(device))
        except VmError:
            with contextlib.suppress(VmError):
                self._unplug(vm, vgpu)
            raise

    def _unplug(self, vm: Vm, vgpu: str) -> None:
        for device in xml.devices_of(self._domain(vm, at_start=False), vgpu):
            self._connection.unplug(vm.id, xml.written(device))
        until = time.monotonic() + self._unplug_seconds
        while True:
            if self.state(vm.id) not in _ALIVE:
                return
            if vgpu not in xml.vgpus(self._domain(vm, at_start=False)):
                return
            if time.monotonic() >= until:
                raise refusal(VmKeepsDevice, Why.VM_KEEPS, vm=vm.name, seconds=self._unplug_seconds)
            time.sleep(min(self._look_seconds, 0.2))
