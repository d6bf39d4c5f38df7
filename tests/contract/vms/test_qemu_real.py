"""The real QEMU, without a guest's system: its monitor, devices that come and go, states, its end.

No device of vfio can be opened here, so what is plugged in is a random number generator, under the
name of a vGPU; QEMU's own refusal shows that the options of vfio-pci are ones that it knows. What
opens a vfio device is `make test-vm`.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time

import pytest

from aliquot.errors import HypervisorRefused, HypervisorUnreachable, VmKeepsDevice
from aliquot.leases.vm.naming import device_name
from aliquot.leases.vm.qemu import processes
from aliquot.leases.vm.qemu.arguments import arguments
from aliquot.leases.vm.qemu.hypervisor import Qemu
from aliquot.leases.vm.qemu.qmp import Monitor
from aliquot.model.hardware import Attachment
from aliquot.model.vm import Vm, VmState
from tests.contract.vms.conftest import Start
from tests.contract.vms.given import VGPU, card, function, mdev

# Without ACPI in between an empty port gives a device back at once; else the guest's system must.
_AT_ONCE = "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
_SECONDS = 60.0


def _plug(qemu: Qemu, vm: Vm) -> None:
    """As Qemu.attach does, but for the driver."""
    monitor = qemu._monitor(vm.id)
    bus = qemu._has(monitor).free_port()
    assert bus == "one"
    device = {"driver": "virtio-rng-pci", "id": device_name(VGPU, 0), "bus": bus, "addr": "0.0"}
    monitor.execute("device_add", device)


def test_a_device_comes_and_goes(qemu: Qemu, start: Start) -> None:
    process, path = start("-global", _AT_ONCE)
    vm = qemu.find(str(path))
    assert (vm.name, vm.state, vm.process_id) == ("aliquot-test", VmState.PAUSED, process.pid)
    assert qemu.attached(vm).now == frozenset()
    _plug(qemu, vm)
    assert qemu.attached(vm).now == {VGPU}
    assert qemu._has(qemu._monitor(vm.id)).free_port() == "two"
    qemu.detach(vm, VGPU)
    assert qemu.attached(vm).now == frozenset()
    assert qemu._has(qemu._monitor(vm.id)).free_port() == "one"
    qemu.detach(vm, VGPU)


def test_without_a_guests_system_it_keeps_the_device(qemu: Qemu, start: Start) -> None:
    _, path = start()
    vm = qemu.find(str(path))
    _plug(qemu, vm)
    with pytest.raises(VmKeepsDevice):
        qemu.detach(vm, VGPU)
    assert qemu.attached(vm).now == {VGPU}


@pytest.mark.parametrize("attachment", [card(), function(), mdev()], ids=["card", "vf", "mdev"])
def test_what_isnt_there_is_refused_in_qemus_words(
    qemu: Qemu, start: Start, attachment: Attachment
) -> None:
    _, path = start()
    vm = qemu.find(str(path))
    with pytest.raises(HypervisorRefused, match=r"(?i)vfio|no such") as caught:
        qemu.attach(vm, attachment, lasting=False)
    assert "property" not in caught.value.what.casefold()  # it knows all of them
    assert qemu.attached(vm).now == frozenset()


@pytest.mark.parametrize("attachment", [card(), mdev()], ids=["card", "mdev"])
def test_arguments_are_ones_that_qemu_knows(program: str, attachment: Attachment) -> None:
    words = [program, "-S", "-display", "none", "-nodefaults", "-machine", "q35", "-m", "64"]
    done = subprocess.run(
        [*words, *arguments(attachment)],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode != 0
    assert "vfio" in done.stderr
    assert "property" not in done.stderr.casefold()


def test_states_are_told_the_moment_they_change(qemu: Qemu, start: Start) -> None:
    process, path = start()
    vm = qemu.find(str(path))
    monitor = qemu._monitor(vm.id)
    for command, seen, then in (
        ("cont", VmState.PAUSED, VmState.RUNNING),
        ("stop", VmState.RUNNING, VmState.PAUSED),
        ("quit", VmState.PAUSED, VmState.GONE),
    ):
        timer = threading.Timer(0.3, lambda command=command: monitor.execute(command))
        timer.start()
        began = time.monotonic()
        assert qemu.changed(vm.id, seen, _SECONDS) is then
        assert time.monotonic() - began < _SECONDS / 4
        timer.join()
    assert process.wait(_SECONDS) == 0


def test_it_is_found_by_its_name(qemu: Qemu, start: Start) -> None:
    process, path = start()
    found = [one for one in processes.running() if one.process_id == process.pid]
    assert found == [processes.Running(process.pid, "aliquot-test", str(path), os.geteuid())]
    assert qemu.find("aliquot-test").id == str(path)


def test_its_monitor_has_one_client_at_a_time(start: Start) -> None:
    _, path = start()
    first = Monitor(str(path))
    with pytest.raises(HypervisorUnreachable, match="didn't answer"):
        Monitor(str(path), greeting_seconds=0.3)
    first.close()
    Monitor(str(path)).close()
