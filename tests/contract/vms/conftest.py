"""The daemon with hypervisors around it, and a real QEMU.

That stands still before its first instruction, and needs no /dev/kvm.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot.leases.vm.qemu.hypervisor import Qemu
from tests.absent import absent
from tests.contract.vms.around import Around, around
from tests.fakes.kernel.machine import Machine

Start = Callable[..., tuple[subprocess.Popen[bytes], Path]]
_SECONDS = 60.0


@pytest.fixture
def program() -> str:
    """QEMU."""
    found = shutil.which("qemu-system-x86_64")
    return found or absent("QEMU is not here (Debian's package qemu-system-x86)")


@pytest.fixture
def start(program: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a QEMU; its process and the path of its monitor."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*more: str) -> tuple[subprocess.Popen[bytes], Path]:
        path = tmp_path / "qmp"
        words = [
            *(program, "-S", "-display", "none", "-nodefaults", "-m", "64", "-accel", "tcg"),
            *("-name", "guest=aliquot-test", "-machine", "q35"),
            *("-qmp", f"unix:{path},server=on,wait=off"),
            *("-device", "pcie-root-port,id=one,chassis=1,slot=1"),
            *("-device", "pcie-root-port,id=two,chassis=2,slot=2"),
            *more,
        ]
        process = subprocess.Popen(words, stderr=subprocess.PIPE)
        started.append(process)
        until = time.monotonic() + _SECONDS
        while not _listens(path):
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.02)
        return process, path

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def _listens(path: Path) -> bool:
    """The path is there a moment before anybody listens at it."""
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


@pytest.fixture
def qemu() -> Iterator[Qemu]:
    """Our side of it."""
    made = Qemu(unplug_seconds=1.0)
    yield made
    made.close()


@pytest.fixture
def card(tmp_path: Path, sysfs: str, machine: Machine) -> Iterator[Around]:
    yield from around("passthrough", tmp_path, sysfs, machine)


@pytest.fixture
def mdev(tmp_path: Path, sysfs: str, machine: Machine) -> Iterator[Around]:
    yield from around("mdev", tmp_path, sysfs, machine)


@pytest.fixture
def vf(tmp_path: Path, sysfs: str, machine: Machine) -> Iterator[Around]:
    yield from around("sriov-nvidia", tmp_path, sysfs, machine)
