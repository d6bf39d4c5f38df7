"""QEMU over QMP, on a stand-in with behaviour; test_qemu_real.py asks the real one."""

from __future__ import annotations

import fcntl
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.errors import (
    AmbiguousVm,
    HypervisorMisspoke,
    HypervisorRefused,
    HypervisorUnreachable,
    NoSuchVm,
    NotForVms,
    VmKeepsDevice,
)
from aliquot.leases.vm.qemu import processes
from aliquot.leases.vm.qemu.arguments import arguments, devices
from aliquot.leases.vm.qemu.hypervisor import Qemu
from aliquot.leases.vm.qemu.qmp import Monitor
from aliquot.model.vm import VmState
from tests.contract.vms.given import CARD, OTHER, VGPU, card, function, instance, mdev
from tests.fakes.qmp import FakeQemu, fake_qemu

_LONG_SECONDS = 30.0


@pytest.fixture
def qemu() -> Iterator[Qemu]:
    made = Qemu(unplug_seconds=1.0)
    yield made
    made.close()


@pytest.fixture
def vm(tmp_path: Path) -> Iterator[FakeQemu]:
    with fake_qemu(tmp_path / "qmp", hosts=(*CARD, "0000:02:00.4")) as made:
        yield made


def test_a_whole_card_comes_with_its_first_function_last_and_goes_again(
    qemu: Qemu, vm: FakeQemu
) -> None:
    found = qemu.find(str(vm.path))
    assert (found.name, found.state, found.process_id) == ("build-01", VmState.RUNNING, os.getpid())
    assert qemu.attach(found, card(rom="/rom,file"), lasting=False).now == {VGPU}
    added = [arguments for name, arguments in vm.commands if name == "device_add"]
    assert [one["host"] for one in added] == [CARD[1], CARD[0]]
    assert [one["addr"] for one in added] == ["0.1", "0.0"]
    assert added[1]["multifunction"] is True
    assert added[1]["romfile"] == "/rom,file"
    assert qemu.attach(found, card(), lasting=False).now == {VGPU}  # again: the same
    assert len([name for name, _ in vm.commands if name == "device_add"]) == 2
    qemu.detach(found, VGPU)
    assert vm.devices == {}
    assert qemu.attached(found).now == frozenset()
    qemu.detach(found, VGPU)  # again: nothing


def test_each_device_has_a_port_of_its_own(qemu: Qemu, vm: FakeQemu) -> None:
    found = qemu.find(str(vm.path))
    qemu.attach(found, card(), lasting=False)
    assert qemu.attach(found, function(), lasting=False).now == {VGPU, OTHER}
    assert {one["bus"] for one in vm.devices.values()} == {"one", "two"}
    with pytest.raises(HypervisorRefused, match="no free PCI Express port"):
        qemu.attach(found, mdev("3" * 32), lasting=False)


def test_without_ports_qemu_chooses_the_place(qemu: Qemu, tmp_path: Path) -> None:
    with fake_qemu(tmp_path / "qmp", ports=(), hosts=CARD) as vm:
        found = qemu.find(str(vm.path))
        qemu.attach(found, card(), lasting=False)
        assert all("bus" not in one and "addr" not in one for one in vm.devices.values())
        qemu.detach(found, VGPU)
        assert vm.devices == {}


def test_what_fails_in_the_middle_leaves_nothing(qemu: Qemu, vm: FakeQemu) -> None:
    vm.hosts.discard(CARD[0])  # the second one to be added
    found = qemu.find(str(vm.path))
    with pytest.raises(HypervisorRefused, match="no such host device"):
        qemu.attach(found, card(), lasting=False)
    assert vm.devices == {}


def test_a_guest_that_keeps_a_device_is_told_of(qemu: Qemu, vm: FakeQemu) -> None:
    found = qemu.find(str(vm.path))
    qemu.attach(found, card(), lasting=False)
    vm.keeps = True
    with pytest.raises(VmKeepsDevice, match="hasn't let go"):
        qemu.detach(found, VGPU)
    vm.keeps, vm.refuses = False, True
    with pytest.raises(VmKeepsDevice, match="refuses"):
        qemu.detach(found, VGPU)
    assert qemu.attached(found).now == {VGPU}


def test_states_are_told_the_moment_they_change(qemu: Qemu, vm: FakeQemu) -> None:
    found = qemu.find(str(vm.path))
    assert qemu.changed(found.id, VmState.RUNNING, 0.05) is VmState.RUNNING
    for act, seen, then in (
        (vm.pause, VmState.RUNNING, VmState.PAUSED),
        (vm.go_on, VmState.PAUSED, VmState.RUNNING),
        (vm.end, VmState.RUNNING, VmState.GONE),
    ):
        timer = threading.Timer(0.2, act)
        timer.start()
        began = time.monotonic()
        assert qemu.changed(found.id, seen, _LONG_SECONDS) is then
        assert time.monotonic() - began < _LONG_SECONDS / 2
        timer.join()
    with pytest.raises(NoSuchVm):
        qemu.find(found.id)
    qemu.detach(found, VGPU)  # what is gone has nothing


def test_commands_are_answered_while_a_change_is_waited_for(qemu: Qemu, vm: FakeQemu) -> None:
    found = qemu.find(str(vm.path))
    told: list[VmState] = []
    watcher = threading.Thread(
        target=lambda: told.append(qemu.changed(found.id, VmState.RUNNING, _LONG_SECONDS))
    )
    watcher.start()
    for _ in range(5):
        qemu.attach(found, card(), lasting=False)
        qemu.detach(found, VGPU)
    vm.pause()
    watcher.join(_LONG_SECONDS)
    assert told == [VmState.PAUSED]


def test_what_is_no_device_is_refused(qemu: Qemu, vm: FakeQemu) -> None:
    with pytest.raises(NotForVms, match="gives a VM no device"):
        qemu.attach(qemu.find(str(vm.path)), instance(), lasting=False)
    assert [name for name, _ in vm.commands if name == "device_add"] == []


def test_a_monitor_that_another_program_has_is_told_of(tmp_path: Path) -> None:
    with fake_qemu(tmp_path / "qmp") as vm, socket.socket(socket.AF_UNIX) as first:
        first.connect(str(vm.path))
        first.recv(1000)
        with pytest.raises(HypervisorUnreachable, match="didn't answer"):
            Monitor(str(vm.path), greeting_seconds=0.2)


def test_one_that_doesnt_answer_keeps_nobody_from_the_others(
    qemu: Qemu, vm: FakeQemu, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen(1)

        asking = threading.Thread(target=qemu.state, args=(str(tmp_path / "silent"),))
        asking.start()
        client, _ = silent.accept()  # now a greeting is waited for
        assert qemu.find(str(vm.path)).state is VmState.RUNNING
        assert asking.is_alive()
        silent.close()
        client.close()
        asking.join(_LONG_SECONDS)


@pytest.mark.parametrize(
    "said",
    [
        b"[]\n",
        b"nothing\n",
        b'{"return": {}}\n',
        b'{"return": {}, "id": "another\'s"}\n',
        b'{"event": "STOP", "data": 7}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"a":' * 20_000 + b"\n",
        b"x" * (5 << 20),
    ],
    ids=["list", "word", "no-id", "other-id", "event", "bytes", "deep", "deeper", "long"],
)
def test_what_isnt_qmp_ends_the_connection(qemu: Qemu, vm: FakeQemu, said: bytes) -> None:
    found = qemu.find(str(vm.path))
    vm.raw_answer = said
    with pytest.raises((HypervisorMisspoke, HypervisorUnreachable)):
        qemu.attached(found)
    vm.raw_answer = None
    assert qemu.attached(found).now == frozenset()  # over a new connection


def test_who_tells_without_end_is_listened_to_no_longer(
    vm: FakeQemu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = Monitor(str(vm.path))
    until = time.monotonic() + 5

    def another(*_: object) -> dict[str, object]:
        assert time.monotonic() < until, "it is listened to for ever"
        return {"event": "NICE"}

    monkeypatch.setattr(monitor, "_readable", lambda _: True)
    monkeypatch.setattr(monitor, "_next", another)
    assert not monitor.wait(lambda event: event.name == "STOP", 0.1)
    monitor.close()


def test_little_is_kept_of_what_is_told(vm: FakeQemu) -> None:
    monitor = Monitor(str(vm.path))
    for _ in range(3):
        vm.emit("N" * 5_000, device="d" * 10_000, more=["m" * 10_000])
    assert monitor.execute("query-status")
    assert len(monitor._events) == 3
    assert len(repr(monitor._events)) < 2000
    monitor.close()


def test_a_monitor_is_listened_to_by_a_daemon_with_many_files(vm: FakeQemu) -> None:
    """select() knows no descriptor above 1023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2048), hard))
    monitor = Monitor(str(vm.path))
    few = monitor._socket
    try:
        monitor._socket = socket.socket(fileno=fcntl.fcntl(few, fcntl.F_DUPFD_CLOEXEC, 1100))
        assert not monitor.wait(lambda _: True, 0.05)
        vm.pause()
        assert monitor.wait(lambda event: event.name == "STOP", _LONG_SECONDS)
    finally:
        monitor.close()
        few.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_answer_cut_short_is_no_answer(qemu: Qemu, vm: FakeQemu) -> None:
    found = qemu.find(str(vm.path))
    vm.raw_answer = b'{"return": {"running": tr'
    threading.Timer(0.2, vm.close).start()
    with pytest.raises((HypervisorUnreachable, NoSuchVm)):
        qemu.attached(found)


def test_arguments_to_paste_write_commas_twice() -> None:
    assert arguments(card(rom="/a,b")) == [
        "-device",
        f"vfio-pci,id=aliquot-{VGPU}-0,host=0000:01:00.0,romfile=/a,,b",
        "-device",
        f"vfio-pci,id=aliquot-{VGPU}-1,host=0000:01:00.1",
    ]
    assert arguments(mdev()) == [
        "-device",
        f"vfio-pci,id=aliquot-{VGPU}-0,sysfsdev={mdev().path}",
    ]
    assert devices(function(), "port")[0]["bus"] == "port"


def _process(proc: Path, number: int, *words: str) -> None:
    (proc / str(number)).mkdir(parents=True)
    (proc / str(number) / "cmdline").write_bytes(b"\0".join(w.encode() for w in words) + b"\0")


def test_vms_are_found_by_their_name_among_processes(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    program = "/usr/bin/qemu-system-x86_64"
    monitor = "unix:/run/a,,b,server=on,wait=off"
    _process(proc, 1, program, "-name", "guest=one,debug-threads=on", "-qmp", monitor)
    chardev = ("-chardev", "socket,id=mon,path=/run/two", "-mon", "chardev=mon,mode=control")
    _process(proc, 2, program, "-name", "two", *chardev)
    _process(proc, 3, program, "-name", "three")  # without a monitor
    _process(proc, 4, "/usr/bin/vi", "-name", "four", "-qmp", "unix:/run/four")
    _process(proc, 5, program, "-name", "five", "-qmp", "unix:relative")
    _process(proc, 6, program, "-name", "one", "-qmp", "unix:/run/six")
    _process(proc, 7)
    found = {(one.process_id, one.name, one.monitor) for one in processes.running(str(proc))}
    assert found == {(1, "one", "/run/a,b"), (2, "two", "/run/two"), (6, "one", "/run/six")}
    qemu = Qemu(str(proc))
    with pytest.raises(AmbiguousVm, match="2 VMs"):
        qemu.find("one")
    for name in ("three", "four", "five", "--help", "$(reboot)", "two; x", "tw*"):
        with pytest.raises(NoSuchVm):
            qemu.find(name)


def test_a_name_is_the_processs_that_listens_there(tmp_path: Path) -> None:
    """A path may have become another's, and anybody can give a QEMU any name."""
    proc = tmp_path / "proc"
    program = "/usr/bin/qemu-system-x86_64"
    with fake_qemu(tmp_path / "qmp") as vm:
        told = ("-name", "one", "-qmp", f"unix:{vm.path},server=on")
        _process(proc, os.getpid(), program, *told)
        qemu = Qemu(str(proc))
        assert qemu.find("one").id == str(vm.path)
        (proc / str(os.getpid())).rename(proc / "1")
        with pytest.raises(NoSuchVm):
            qemu.find("one")
        if os.geteuid() == 0:
            (proc / "1").rename(proc / str(os.getpid()))
            os.chown(proc / str(os.getpid()), 1000, 1000)
            with pytest.raises(NoSuchVm):
                qemu.find("one")
            assert qemu.find(str(vm.path)).id == str(vm.path)
        qemu.close()


def test_a_process_that_cant_be_dumped_is_still_its_users(tmp_path: Path) -> None:
    """Its files in /proc are root's: who hides so could pass for a QEMU that root has started."""
    user = os.geteuid() or 65534
    code = f"import ctypes, os, time; os.setuid({user}); ctypes.CDLL(None).prctl(4, 0)"
    code += "; print(flush=True); time.sleep(60)"
    told = ("-name", "build-01", "-qmp", f"unix:{tmp_path}/qmp,server=on")
    program = tmp_path / "qemu-system-x86_64"
    program.symlink_to(Path(sys.executable).resolve())
    with subprocess.Popen([program, "-c", code, *told], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            (found,) = [one for one in processes.running() if one.process_id == process.pid]
            assert found.user_id == user
        finally:
            process.kill()
