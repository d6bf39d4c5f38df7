"""Both ends of a guest VM's stream on one machine, with a Unix socket in place of the port."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from aliquot import native_programs
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.leases.vm import remoting_stream
from aliquot.leases.vm.remoting_stream import VmStream
from tests.folders import make_short_folder, remove_folder

_SECONDS = 60.0


class Ends(NamedTuple):
    """The two processes, where programs of the "guest VM" connect, and what its end says."""

    host: VmStream
    guest: subprocess.Popen[str]
    socket_path: str
    log: Path

    @property
    def plane(self) -> Path:
        """The file whose memory both share."""
        return Path(remoting_stream.plane_path(self.host.socket_path))

    def environment(self) -> dict[str, str]:
        """For a program of the "guest VM"."""
        return opencl_environment(os.environ, self.socket_path)

    def run(
        self, command: Sequence[str | Path], seconds: float = 240
    ) -> subprocess.CompletedProcess[str]:
        """A program of the "guest VM", to its end."""
        return subprocess.run(
            [str(word) for word in command],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def popen(self, command: Sequence[str | Path]) -> subprocess.Popen[str]:
        """The same, going on, with its output in pipes."""
        return subprocess.Popen(
            [str(word) for word in command],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_host(self, times: int = 1) -> None:
        """Until the guest VM's end has found the host so often."""
        deadline = time.monotonic() + _SECONDS
        while self.log.read_text().count("the host is there") < times:
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.guest.poll() is None, self.log.read_text()
            time.sleep(0.01)


@contextlib.contextmanager
def ends_of(
    vgpu_socket: str, *, stay: bool = False, plane: int = 0, guest_has_plane: bool = True
) -> Iterator[Ends]:
    """Both ends, for one vGPU, with a plane of so many bytes, which the guest VM's end finds."""
    folder = make_short_folder()
    host = remoting_stream.start(vgpu_socket, str(folder / "port"), stay=stay, plane=plane)
    guest: subprocess.Popen[str] | None = None
    try:
        guest = start_guest_end(folder, plane=plane != 0 and guest_has_plane)
        ends = Ends(host, guest, str(folder / "vgpu.sock"), folder / "log")
        ends.wait_for_host()
        yield ends
    finally:
        if guest is not None:
            guest.kill()
            guest.wait()
        remoting_stream.stop(host)
        print((folder / "log").read_text())
        remove_folder(folder)


def start_guest_end(folder: Path, *, plane: bool = False) -> subprocess.Popen[str]:
    """What runs in a guest VM; its port is the socket `port` in the folder.

    `plane`: it has the host's end's, in place of an ivshmem device's memory.
    """
    at_plane = ("--plane", remoting_stream.plane_path(str(folder / "port")))
    with open(folder / "log", "a") as log:
        return subprocess.Popen(
            [
                native_programs.find(native_programs.GUEST_VM_END),
                *("--port", str(folder / "port"), "--socket", str(folder / "vgpu.sock")),
                *(at_plane if plane else ()),
            ],
            stdin=subprocess.DEVNULL,
            stderr=log,
            text=True,
        )
