"""A runtime directory of one test: what runs in it, what it holds, and that nothing is left."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.devices.opencl import find_device
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.model.vgpu import Vgpu
from tests.folders import make_short_folder, remove_folder
from tools.programs.drivers import Driver
from tools.programs.running import ALIQUOT


class Runtime:
    """Runs programs on vGPUs of one driver, apart from whatever else runs on this machine."""

    def __init__(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        self.driver = driver
        self.folder = make_short_folder()
        monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(self.folder))
        for name, value in driver.environment().items():
            monkeypatch.setenv(name, value)
        # Every process of ours that was ever seen: (process id, start time).
        self._seen: set[tuple[int, str]] = set()
        self._guests: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *exception: object) -> None:
        for log in self.folder.glob("*/log"):  # pytest shows it where the test failed
            print(f"{log}:\n{log.read_text(errors='replace')[-4000:]}")
        for process, _started in self.alive():
            os.kill(process, 9)
        for guest in self._guests:  # that a failed test left
            if guest.poll() is None:
                guest.kill()
                guest.communicate()
        remove_folder(self.folder)

    def aliquot(
        self, *arguments: str, seconds: float = 240, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`aliquot` with these arguments, to its end."""
        return subprocess.run(
            [ALIQUOT, *arguments],
            env=os.environ | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def start_aliquot(self, *arguments: str) -> subprocess.Popen[str]:
        """`aliquot` with these arguments, with its output in pipes."""
        return self._popen([ALIQUOT, *arguments], dict(os.environ))

    def host(self) -> DeviceHost:
        """A control connection to the device host of our driver's first device; close it."""
        _, device = find_device(None)
        host = DeviceHost.start_or_join(device)
        self.look(host)
        return host

    def start(self, vgpu: Vgpu, command: Sequence[str | Path]) -> subprocess.Popen[str]:
        """A guest process on a vGPU, with its output in pipes."""
        environment = opencl_environment(os.environ, vgpu.socket_path)
        return self._popen([str(word) for word in command], environment)

    def _popen(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[str]:
        guest = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._guests.append(guest)
        return guest

    def look(self, host: DeviceHost) -> None:
        """Remembers the processes of a device host, so that their end can be checked."""
        for vgpu in host.list_vgpus():
            self._remember(vgpu.worker_process_id)
        supervisor = supervisor_of(host)
        for process in (supervisor, *descendants(supervisor)):
            self._remember(process)

    def alive(self) -> list[tuple[int, str]]:
        """Those of the processes seen that still exist."""
        return [seen for seen in self._seen if start_time(seen[0]) == seen[1]]

    def wait_until_nothing_runs(self, seconds: float = 30) -> None:
        """Waits for the end of every process, then checks that no socket is left."""
        for host in running_hosts():  # once: a device host does not end while it is asked
            with host:
                self.look(host)
        self.wait_for_the_end(seconds)
        sockets = [path.name for path in self.folder.rglob("*") if path.is_socket()]
        assert not sockets, f"sockets left behind: {sockets}"

    def wait_for_the_end(self, seconds: float) -> None:
        """Waits for the end of every process that was seen, say after a device host's death."""
        deadline = time.monotonic() + seconds
        while left := self.alive():
            names = [command_line(process) for process, _ in left]
            assert time.monotonic() < deadline, f"still running: {names}"
            time.sleep(0.01)

    def _remember(self, process: int) -> None:
        started = start_time(process)
        if started:
            self._seen.add((process, started))


def start_time(process: int) -> str | None:
    """When a process started, in the kernel's ticks; None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def supervisor_of(host: DeviceHost) -> int:
    """The process that starts a device host anew when it dies, and is the parent of the workers."""
    status = Path(f"/proc/{host.look().process_id}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))


def command_line(process: int) -> str:
    """A process as a person would name it."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"{process}"
    return f"{process}: {b' '.join(words).decode(errors='replace')[:100]}"


def descendants(process: int) -> list[int]:
    """All processes below one."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [int(c) for c in children] + [d for c in children for d in descendants(int(c))]


def shared_memory(process: int) -> int:
    """Kilobytes of common memory that a process has mapped; told of any process, to anybody."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssShmem"))
