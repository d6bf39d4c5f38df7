"""A VM that is reset, or shuts down, within one QEMU process: its lease and its vGPU follow.

The real QEMU, its firmware, and the daemon's service; the guest's own reset and end are the
firmware's, or writes to the ports by which a guest's system does that. No device of vfio can be
opened here: random number generators are plugged in, under the names of the vGPU's functions.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from aliquot.errors import HypervisorUnreachable, VmKeepsDevice
from aliquot.leases.vm.hypervisors import Hypervisors
from aliquot.leases.vm.qemu.arguments import Properties
from aliquot.leases.vm.qemu.hypervisor import Qemu
from aliquot.leases.vm.qemu.qmp import Event, Monitor
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vm import HypervisorKind, VmState
from tests.contract.daemon.house import ADMIN
from tests.contract.modes.houses import AUDIO
from tests.contract.vms.around import Around
from tests.contract.vms.conftest import Start
from tests.contract.vms.qtest import Qtest

T = TypeVar("T")
_SECONDS = 120.0
# Ports of Intel's ICH9, where QEMU's firmware puts them, and what a guest's system writes there.
_POWER, _SLEEP = 0x604, 1 << 13
_RESET_CONTROL, _FULL_RESET = 0xCF9, 0x6


class Stands(Qemu):
    """Plugs in what can be opened here."""

    def _add(self, monitor: Monitor, properties: Properties) -> None:
        kept = {k: v for k, v in properties.items() if k in ("id", "bus", "addr", "multifunction")}
        super()._add(monitor, {"driver": "virtio-rng-pci", **kept})


class Vm:
    """A QEMU with a second monitor, and with ports that are written to from outside."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        self.process = process
        self.path = path
        self._monitor = _soon(lambda: Monitor(f"{path}.2"))
        self._ports = _soon(lambda: Qtest(path.with_name("qtest")))

    def do(self, command: str) -> None:
        self._monitor.execute(command)

    def await_event(self, name: str) -> None:
        """Until QEMU tells of it."""
        assert self._monitor.wait(_is(name), _SECONDS), f"no {name} came"

    def reset_itself(self) -> None:
        """As a guest's system restarts."""
        self._ports.out(_RESET_CONTROL, _FULL_RESET)

    def shut_itself_down(self) -> None:
        """As a guest's system powers off, once the firmware has set up the ports for that."""
        until = time.monotonic() + _SECONDS
        while not self._monitor.wait(_is("SHUTDOWN"), 0.2):
            assert time.monotonic() < until
            self._ports.out(_POWER, _SLEEP, "w")

    def close(self) -> None:
        self._monitor.close()
        self._ports.close()


def _is(name: str) -> Callable[[Event], bool]:
    return lambda event: event.name == name


def _soon(make: Callable[[], T]) -> T:
    """QEMU listens there a moment later than at its first monitor."""
    until = time.monotonic() + _SECONDS
    while True:
        try:
            return make()
        except (OSError, HypervisorUnreachable):
            assert time.monotonic() < until
            time.sleep(0.02)


Begin = Callable[..., Vm]


@pytest.fixture
def begin(start: Start, tmp_path: Path) -> Iterator[Begin]:
    """Starts one that stands still before its first instruction."""
    begun: list[Vm] = []

    def one(*more: str) -> Vm:
        second = ("-qmp", f"unix:{tmp_path}/qmp.2,server=on,wait=off")
        ports = ("-qtest", f"unix:{tmp_path}/qtest,server=on,wait=off", "-qtest-log", "none")
        begun.append(Vm(*start(*second, *ports, *more)))
        return begun[-1]

    yield one
    for vm in begun:
        vm.close()


@pytest.fixture
def real(card: Around) -> Iterator[Around]:
    """The service, which asks real QEMUs."""
    made = Stands(unplug_seconds=1.0)
    card.house.core.hypervisors = Hypervisors({HypervisorKind.QEMU: lambda: made})
    yield card
    made.close()


def attached(real: Around, vm: Vm) -> str:
    """Attach vGPU `a`; its lease."""
    assert real.attach(f"qemu:{vm.path}").now
    (lease,) = real.leases()
    return lease.id


def is_as_before(real: Around, vm: Vm, lease: str, state: VmState) -> None:
    """The VM has the vGPU by the same lease, and its process is the same."""
    real.vms.follow()
    shown = real.house.show()
    assert shown.vm is not None
    assert (shown.state, shown.vm_state, shown.reason) == (VgpuState.LEASED, state, "")
    assert [one.id for one in real.leases(ended=True)] == [lease]
    assert real.driver() == real.driver(AUDIO) == "vfio-pci"
    hypervisor = real.house.core.hypervisors.of(HypervisorKind.QEMU)
    assert hypervisor.attached(hypervisor.find(str(vm.path))).now == {shown.id}
    assert vm.process.poll() is None


def is_free(real: Around, lease: str) -> None:
    real.vms.follow()
    shown = real.house.show()
    assert (shown.vm, shown.state) == (None, VgpuState.READY)
    assert real.leases() == []
    assert [one.id for one in real.leases(ended=True)] == [lease]
    assert (real.driver(), real.driver(AUDIO)) == ("nouveau", "snd_hda_intel")


def test_firmware_that_starts_again_and_again(real: Around, begin: Begin) -> None:
    """It finds nothing to start, and resets the machine a moment later; the daemon watches."""
    vm = begin("-boot", "reboot-timeout=1")
    thread = real.vms.thread()
    thread.start()
    try:
        lease = attached(real, vm)
        vm.do("cont")
        for _ in range(3):
            vm.await_event("RESET")
            is_as_before(real, vm, lease, VmState.RUNNING)
        vm.process.kill()
        until = time.monotonic() + _SECONDS
        while real.house.show().vm is not None:
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        real.house.core.stop.set()
        real.vms.stop()
        thread.join(_SECONDS)
    is_free(real, lease)


@pytest.mark.parametrize("runs", [True, False], ids=["runs", "stopped"])
@pytest.mark.parametrize("guest", [True, False], ids=["guest", "monitor"])
def test_a_reset_changes_nothing(real: Around, begin: Begin, guest: bool, runs: bool) -> None:
    vm = begin()
    lease = attached(real, vm)
    if runs:
        vm.do("cont")
    for _ in range(2):
        vm.reset_itself() if guest else vm.do("system_reset")
        vm.await_event("RESET")
        is_as_before(real, vm, lease, VmState.RUNNING if runs else VmState.PAUSED)
    vm.do("quit")
    vm.process.wait(_SECONDS)
    is_free(real, lease)


def test_a_guest_that_shuts_down_gives_it_back(real: Around, begin: Begin) -> None:
    vm = begin()
    lease = attached(real, vm)
    vm.do("cont")
    vm.shut_itself_down()
    assert vm.process.wait(_SECONDS) == 0
    is_free(real, lease)


def test_one_that_is_shut_down_and_not_ended_keeps_it(real: Around, begin: Begin) -> None:
    """QEMU has the memory and the devices still, and may be told to start again."""
    vm = begin("-no-shutdown")
    lease = attached(real, vm)
    vm.do("cont")
    vm.shut_itself_down()
    vm.await_event("STOP")
    is_as_before(real, vm, lease, VmState.PAUSED)
    vm.do("system_reset")
    vm.await_event("RESET")
    vm.do("cont")
    is_as_before(real, vm, lease, VmState.RUNNING)


def test_a_reset_that_ends_the_vm_gives_it_back(real: Around, begin: Begin) -> None:
    vm = begin("-no-reboot")
    lease = attached(real, vm)
    vm.do("cont")
    vm.reset_itself()
    assert vm.process.wait(_SECONDS) == 0
    is_free(real, lease)


def test_a_reset_takes_what_a_guest_was_asked_for_in_vain(real: Around, begin: Begin) -> None:
    """Without a system in the guest nobody lets go of it; QEMU takes it at the next reset."""
    vm = begin()
    lease = attached(real, vm)
    with pytest.raises(VmKeepsDevice):
        real.vms.detach(ADMIN, "a")
    is_as_before(real, vm, lease, VmState.PAUSED)
    vm.reset_itself()
    vm.await_event("RESET")
    is_free(real, lease)
    assert vm.process.poll() is None
    assert attached(real, vm) != lease  # and it can have it again
