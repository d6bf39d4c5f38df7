"""VMs of Proxmox VE: a resource mapping for each vGPU, named in the VM's configuration.

Proxmox VE plugs no PCI device into a VM that runs: what is attached then is used from its next
start on. It makes mdevs itself when a VM starts, by UUIDs of its own, and ends them when it stops.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from aliquot.devices.sysfs import Sysfs
from aliquot.errors import (
    AmbiguousVm,
    HypervisorRefused,
    NoSuchVm,
    VmElsewhere,
    VmError,
    VmKeepsDevice,
)
from aliquot.leases.vm.interface import vgpu_id
from aliquot.leases.vm.naming import PREFIX, printable
from aliquot.leases.vm.proxmox.api import Api, ChangedMeanwhile, NotThere, garbled
from aliquot.leases.vm.proxmox.hostpci import (
    MOST_DEVICES,
    PciDevice,
    Share,
    device_value,
    mapping_entry,
    shares,
    slots,
    vgpu_in,
)
from aliquot.leases.vm.proxmox.settings import settings
from aliquot.model.hardware import Attachment
from aliquot.model.vm import Attached, HypervisorKind, Vm, VmState
from aliquot.model.why import Why
from aliquot.words.refusals import refusal

LOOK_SECONDS = 5.0
_TIMES = 3  # a configuration that somebody else changes as well is read and written anew
_NUMBER = re.compile(r"[1-9][0-9]{2,8}", re.ASCII)
_PAUSED = frozenset({"paused", "prelaunch", "suspended", "io-error"})


class _Guest(msgspec.Struct):
    vmid: int
    type: str
    node: str
    name: str = ""


class _Status(msgspec.Struct):
    status: str
    qmpstatus: str = ""
    pid: int = 0


class _Version(msgspec.Struct):
    release: str = ""
    version: str = ""


class _Mapping(msgspec.Struct):
    id: str


Config = dict[str, Any]


class Proxmox:
    """The VMs of this machine's node."""

    kind = HypervisorKind.PROXMOX
    makes_mdevs = True

    def __init__(
        self,
        connecting: Callable[[], Api] = lambda: Api(settings()),
        *,
        sysfs: Sysfs | None = None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Connect when something is asked."""
        self._connecting = connecting
        self._made: Api | None = None
        self._sysfs = sysfs or Sysfs()
        self._look_seconds = look_seconds
        self._lock = threading.RLock()  # a session of requests is one thread's at a time

    def find(self, name: str) -> Vm:
        """The VM of a number or a name, which need not be unique in Proxmox VE."""
        with self._lock:
            listed = self._api.ask(lambda root: root.cluster.resources.get(type="vm"), list[_Guest])
        guests = [one for one in listed if one.type == "qemu"]
        found = [one for one in guests if str(one.vmid) == name and _NUMBER.fullmatch(name)]
        found = found or [one for one in guests if one.name == name]
        if not found:
            raise refusal(NoSuchVm, Why.NO_VM, hypervisor="Proxmox VE", vm=printable(name))
        if len(found) > 1:
            raise refusal(AmbiguousVm, Why.VM_NOT_UNIQUE, count=len(found), vm=printable(name))
        one = found[0]
        if one.node != self._api.node:
            here = self._api.node
            raise refusal(
                VmElsewhere, Why.VM_ON_NODE, vm=printable(name), node=printable(one.node), here=here
            )
        number = _checked(str(one.vmid))
        return Vm(hypervisor=self.kind, id=number, name=number, state=self.state(number))

    def state(self, vm: str) -> VmState:
        """What it does."""
        try:
            with self._lock:
                now = self._api.ask(lambda _: self._of(vm).status.current.get(), _Status)
        except NotThere:
            return VmState.GONE
        if now.status == "stopped":
            return VmState.OFF
        if now.status != "running":
            raise garbled(f"the state {now.status!r}")
        return VmState.PAUSED if now.qmpstatus in _PAUSED else VmState.RUNNING

    def changed(self, vm: str, seen: VmState, seconds: float) -> VmState:
        """Its state, looked at again and again."""
        until = time.monotonic() + seconds
        while (now := self.state(vm)) is seen and (left := until - time.monotonic()) > 0:
            time.sleep(min(self._look_seconds, left))
        return now

    def attach(self, vm: Vm, attachment: Attachment, *, lasting: bool) -> Attached:  # noqa: ARG002
        """Write it into the VM's configuration: mappings first, and none is left if that fails."""
        with self._lock:
            before = self.attached(vm)
            if vgpu_id(attachment) in before.at_start:
                return before
            wanted = shares(attachment, self._sysfs)
            version = self._version()
            try:
                for share in wanted:
                    self._map(share)
                self._configure(vm, lambda config: _with(vm, config, wanted, version))
            except VmError:
                with contextlib.suppress(VmError):
                    # Who didn't answer in time may have written it down all the same.
                    if vgpu_id(attachment) not in self.attached(vm).at_start:
                        self._unmap(vgpu_id(attachment))
                raise
            return self.attached(vm)

    def detach(self, vm: Vm, vgpu: str) -> None:
        """Take it out of the configuration; a VM that has it and runs keeps it, and is told so."""
        with self._lock:
            if self.state(vm.id) is VmState.GONE:
                self._unmap(vgpu)
                return
            if vgpu in self.attached(vm).now:
                raise refusal(VmKeepsDevice, Why.PROXMOX_NO_HOTPLUG, vm=vm.name)
            self._configure(vm, lambda config: _without(config, vgpu))
            self._unmap(vgpu)

    def attached(self, vm: Vm) -> Attached:
        """Which vGPUs it has; what it has now differs from what it will have at its next start."""
        with self._lock:
            at_start = _vgpus(self._config(vm))
            if self.state(vm.id) not in (VmState.RUNNING, VmState.PAUSED):
                return Attached(at_start=at_start)
            return Attached(now=_vgpus(self._config(vm, current=1)), at_start=at_start)

    def close(self) -> None:
        """Forget the connection."""
        self._made = None

    @property
    def _api(self) -> Api:
        if self._made is None:
            self._made = self._connecting()
        return self._made

    def _of(self, vm: str) -> Any:
        return self._api.here.qemu(_checked(vm))

    def _version(self) -> tuple[int, int]:
        told = self._api.ask(lambda root: root.version.get(), _Version)
        found = re.match(r"(\d{1,3})\.(\d{1,3})", told.release or told.version, re.ASCII)
        if found is None:
            raise garbled(f"the version {told.version!r}")
        return int(found[1]), int(found[2])

    def _config(self, vm: Vm, **which: int) -> Config:
        return self._api.ask(lambda _: self._of(vm.id).config.get(**which), Config)

    def _configure(self, vm: Vm, edit: Callable[[Config], dict[str, str]]) -> None:
        """Change a configuration, unless it has been changed since it was read: then again."""
        for time_left in reversed(range(_TIMES)):
            config = self._config(vm)
            change = edit(config)
            if not change:
                return
            digest = config.get("digest")
            try:
                self._api.do(lambda _: self._of(vm.id).config.post(**change, digest=digest))  # noqa: B023 - called at once
            except ChangedMeanwhile:
                if not time_left:
                    raise
            else:
                return

    def _map(self, share: Share) -> None:
        here = self._api.here
        # Without a list of classes to leave out it lists all.
        listed = self._api.ask(
            lambda _: here.hardware.pci.get(**{"pci-class-blacklist": "06"}), list[PciDevice]
        )
        entry = mapping_entry(share, self._api.node, {one.id: one for one in listed})
        # A mapping that a death left behind is of the same hardware, or not: it is made anew.
        if share.mapping in self._mappings():
            self._api.do(lambda root: root.cluster.mapping.pci(share.mapping).delete())
        values: dict[str, object] = {"id": share.mapping, "map": [entry]}
        if share.mdev is not None:
            values["mdev"] = 1
        self._api.do(lambda root: root.cluster.mapping.pci.post(**values))

    def _unmap(self, vgpu: str) -> None:
        for name in self._mappings():
            if name.startswith(f"{PREFIX}{vgpu}-"):
                with contextlib.suppress(NotThere):
                    self._api.do(lambda root, name=name: root.cluster.mapping.pci(name).delete())

    def _mappings(self) -> list[str]:
        listed = self._api.ask(lambda root: root.cluster.mapping.pci.get(), list[_Mapping])
        return [one.id for one in listed]


def _with(vm: Vm, config: Config, wanted: list[Share], version: tuple[int, int]) -> dict[str, str]:
    taken = slots(config)
    free = [number for number in range(MOST_DEVICES) if number not in taken]
    if len(free) < len(wanted):
        raise refusal(HypervisorRefused, Why.VM_FULL, vm=vm.name, count=len(taken))
    express = "q35" in str(config.get("machine", ""))
    values = (device_value(share, express=express, version=version) for share in wanted)
    return {f"hostpci{number}": value for number, value in zip(free, values, strict=False)}


def _without(config: Config, vgpu: str) -> dict[str, str]:
    ours = [number for number, value in sorted(slots(config).items()) if vgpu_in(value) == vgpu]
    return {"delete": ",".join(f"hostpci{number}" for number in ours)} if ours else {}


def _vgpus(config: Config) -> frozenset[str]:
    return frozenset(vgpu for value in slots(config).values() if (vgpu := vgpu_in(value)))


def _checked(number: str) -> str:
    if not _NUMBER.fullmatch(number):
        raise garbled(f"{number!r} for a VM's number")
    return number
