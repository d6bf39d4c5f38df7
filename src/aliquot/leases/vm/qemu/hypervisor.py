"""VMs that somebody starts as QEMU: hot-plug over QMP. There is no configuration that lasts."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import cast

from aliquot.devices.users import PROC
from aliquot.errors import (
    AmbiguousVm,
    HypervisorMisspoke,
    HypervisorRefused,
    HypervisorUnreachable,
    NoSuchVm,
    VmError,
    VmKeepsDevice,
)
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.naming import printable, vgpu_of
from aliquot.leases.vm.qemu.arguments import Properties, devices, must_be_device
from aliquot.leases.vm.qemu.peripherals import Peripherals
from aliquot.leases.vm.qemu.processes import Running, running
from aliquot.leases.vm.qemu.qmp import Event, Monitor, QmpRefused
from aliquot.model.hardware import Attachment
from aliquot.model.vm import Attached, HypervisorKind, Vm, VmState
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

# All of the VM's memory is pinned when its first device comes: seconds for a large one.
ADD_SECONDS = 45.0
UNPLUG_SECONDS = 20.0
_TELLING = frozenset({"STOP", "RESUME", "SHUTDOWN", "SUSPEND", "WAKEUP"})
_NO_DEVICE = "DeviceNotFound"
_TRIES, _PAUSE_SECONDS = 20, 0.1


class Qemu:
    """The QEMUs of this machine that have a monitor on a Unix socket."""

    kind = HypervisorKind.QEMU
    makes_mdevs = False

    def __init__(self, proc: str = PROC, *, unplug_seconds: float = UNPLUG_SECONDS) -> None:
        """Look for processes in `proc`."""
        self._proc = proc
        self._unplug_seconds = unplug_seconds
        self._lock = threading.Lock()
        self._connecting: dict[str, threading.Lock] = {}
        self._monitors: dict[str, Monitor] = {}

    def find(self, name: str) -> Vm:
        """The VM whose monitor listens at a path, or that was started with `-name NAME`."""
        if os.path.isabs(name):
            path, called = name, None
        else:
            path, called = self._named(name).monitor, name
        monitor = self._monitor(path)
        if called is not None and monitor.process_id not in (0, self._named(name).process_id):
            raise _no_vm(name)  # somebody else listens where that one said that it does
        state = self._state(monitor)
        if called is None:
            called = _part(monitor.execute("query-name"), "name")
        return Vm(
            hypervisor=self.kind,
            id=path,
            name=printable(called) if called else path,
            state=state,
            process_id=monitor.process_id,
        )

    def state(self, vm: str) -> VmState:
        """What it does; GONE once its process has ended."""
        tries = _TRIES
        while True:
            tries -= 1
            try:
                return self._state(self._monitor(vm))
            except NoSuchVm:
                return VmState.GONE
            except HypervisorUnreachable as error:
                # A connection that was kept may be an ended VM's, and one that is about to end
                # takes new ones and breaks them off.
                broken = self._drop_closed(vm) or isinstance(error.__cause__, ConnectionError)
                if not tries or not broken:
                    raise
            time.sleep(_PAUSE_SECONDS)

    def changed(self, vm: str, seen: VmState, seconds: float) -> VmState:
        """Its state, told by events the moment it changes."""
        until = time.monotonic() + seconds
        while True:
            now = self.state(vm)
            left = until - time.monotonic()
            if now is not seen or now is VmState.GONE or left <= 0:
                return now
            with contextlib.suppress(HypervisorUnreachable, NoSuchVm):  # then `state` finds out
                # In pieces: who waits for something else meanwhile may take an event from us.
                self._monitor(vm).wait(lambda event: event.name in _TELLING, min(left, 1.0))

    def attach(self, vm: Vm, attachment: Attachment, *, lasting: bool) -> Attached:  # noqa: ARG002
        """Plug it in, function 0 last: with that the guest VM sees the whole card."""
        must_be_device(attachment)
        monitor = self._monitor(vm.id)
        had = self._has(monitor)
        if vgpu_id(attachment) in had.vgpus():
            return Attached(now=had.vgpus())
        bus = had.free_port()
        if bus is None and had.has_ports():
            raise refusal(HypervisorRefused, Why.VM_PORTS, vm=vm.name)
        added: list[str] = []
        try:
            for one in reversed(devices(attachment, bus)):
                self._add(monitor, one)
                added.append(str(one["id"]))
        except VmError:
            with contextlib.suppress(VmError):
                self._remove(monitor, vm, added)
            raise
        return Attached(now=self._has(monitor).vgpus())

    def detach(self, vm: Vm, vgpu: str) -> None:
        """Ask the guest VM for it back, and wait until QEMU has let go of the hardware."""
        try:
            monitor = self._monitor(vm.id)
        except NoSuchVm:
            return
        names = sorted(one for one in self._has(monitor).names() if vgpu_of(one) == vgpu)
        self._remove(monitor, vm, names)

    def attached(self, vm: Vm) -> Attached:
        """Which vGPUs it has."""
        return Attached(now=self._has(self._monitor(vm.id)).vgpus())

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            for monitor in self._monitors.values():
                monitor.close()
            self._monitors.clear()

    def _named(self, name: str) -> Running:
        # Anybody can give a QEMU any name: another user's is to be named by its socket.
        trusted = {0, os.geteuid()}
        found = [one for one in running(self._proc) if one.name == name and one.user_id in trusted]
        if not found:
            raise _no_vm(name)
        if len(found) > 1:
            raise refusal(AmbiguousVm, Why.VM_NOT_UNIQUE, count=len(found), vm=printable(name))
        return found[0]

    def _monitor(self, path: str) -> Monitor:
        with self._lock:
            connecting = self._connecting.setdefault(path, threading.Lock())
        with connecting:  # a lock a VM: one that doesn't answer keeps nobody from the others
            with self._lock:
                known = self._monitors.get(path)
            if known is not None and not known.closed:
                return known
            try:
                made = Monitor(path)
            except HypervisorUnreachable as error:
                if isinstance(error.__cause__, (FileNotFoundError, ConnectionRefusedError)):
                    raise _no_vm(path) from error
                raise
            with self._lock:
                self._monitors[path] = made
            return made

    def _drop_closed(self, path: str) -> bool:
        with self._lock:
            known = self._monitors.get(path)
            if known is None or not known.closed:
                return False
            del self._monitors[path]
            return True

    def _state(self, monitor: Monitor) -> VmState:
        """One that was shut down but not ended has its devices still, as a paused one has."""
        runs = _part(monitor.execute("query-status"), "running")
        if not isinstance(runs, bool):
            raise refusal(
                HypervisorMisspoke,
                Why.HYPERVISOR_GARBLED,
                hypervisor="QEMU",
                error="a state that is none",
            )
        return VmState.RUNNING if runs else VmState.PAUSED

    def _has(self, monitor: Monitor) -> Peripherals:
        return Peripherals(lambda path: monitor.execute("qom-list", {"path": path}))

    def _add(self, monitor: Monitor, properties: Properties) -> None:
        monitor.execute("device_add", properties, seconds=ADD_SECONDS)

    def _remove(self, monitor: Monitor, vm: Vm, names: list[str]) -> None:
        """Unplug devices; the functions of a card go together, with its first."""
        left = set(names)
        until = time.monotonic() + self._unplug_seconds
        refused = False

        def gone(event: Event) -> bool:
            nonlocal refused
            if event.name == "DEVICE_DELETED" and event.device is not None:
                left.discard(event.device)
            elif event.name == "DEVICE_UNPLUG_GUEST_ERROR" and event.device in left:
                refused = True
            return refused or not left

        for name in names:
            try:
                monitor.execute("device_del", {"id": name})
            except QmpRefused as error:
                if error.kind == _NO_DEVICE:
                    left.discard(name)
                elif "already in the process" not in error.what and len(names) == 1:
                    raise
        while left and not refused and (wait := until - time.monotonic()) > 0:
            # The event may have gone to somebody else who waits: the list is the truth.
            monitor.wait(gone, min(wait, 0.3))
            left &= self._has(monitor).names()
        if refused:
            raise refusal(VmKeepsDevice, Why.VM_WONT, vm=vm.name)
        if left:
            raise refusal(VmKeepsDevice, Why.VM_KEEPS, vm=vm.name, seconds=self._unplug_seconds)


def _part(told: object, name: str) -> object:
    """A field of what a command returned; None where it hasn't one."""
    return cast("dict[str, object]", told).get(name) if isinstance(told, dict) else None


def _no_vm(name: str) -> NoSuchVm:
    return refusal(NoSuchVm, Why.NO_VM, hypervisor="QEMU", vm=printable(name))
