"""Whole programs through a guest VM's stream with a plane, and what a hostile VM can do there."""

from __future__ import annotations

import mmap
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aliquot.errors import PlaneNotMade
from aliquot.leases.vm import remoting_stream
from tests.contract.device_host_process import wait_until
from tests.system.runtime import Runtime
from tests.system.test_quota import wait_for_usage
from tests.system.vm_stream import ends_of
from tests.vm.remoting_vm import JOB
from tools.programs.drivers import Driver

MIB = 1 << 20
_HOST_READ, _GUEST_READ, _HEAD = 64, 128, 4096  # native/vm_stream/plane.h
_THROUGH_PLANE = "bulk data goes through the plane"


# The smallest plane is full again and again, and the stream carries what has no room.
@pytest.mark.parametrize("plane", [remoting_stream.LEAST_PLANE, 64 * MIB])
def test_programs_give_native_results(
    plane: int, driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """Kernels, copies of all kinds, maps, many threads; and the bytes do lie in the plane."""
    commands = [
        [str(programs["every_command"])],
        [str(programs["many_threads"]), "4", "20"],
        [str(programs["copying"])],
        [sys.executable, str(JOB), "compute"],
    ]
    natively = [
        subprocess.run(
            command, env=os.environ | driver.environment(), capture_output=True, text=True
        )
        for command in commands
    ]
    with runtime.host() as host:
        vgpu = host.create_vgpu("plane", 512 * MIB)
        with ends_of(vgpu.socket_path, plane=plane) as ends:
            assert (ends.plane.stat().st_size, ends.plane.stat().st_mode & 0o777) == (plane, 0o600)
            for command, native in zip(commands, natively, strict=True):
                done = ends.run(command)
                assert (done.returncode, done.stdout) == (native.returncode, native.stdout)
            assert _THROUGH_PLANE in ends.log.read_text()
            assert min(_counters(ends.plane)) > min(plane, 16 * MIB)
            wait_for_usage(host, lambda usage: usage.guest_processes == 0)
        assert not ends.plane.exists()


def _head(plane: Path) -> bytes:
    with plane.open("rb") as file:
        return file.read(_HEAD)


def _counters(plane: Path) -> tuple[int, int]:
    """How many bytes each end has read from it."""
    head = _head(plane)
    return (
        struct.unpack_from("<Q", head, _HOST_READ)[0],
        struct.unpack_from("<Q", head, _GUEST_READ)[0],
    )


def test_a_plane_that_is_not_found_is_not_missed(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """A guest VM without the device has all through the stream, and says so."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("unfound", 256 * MIB)
        with ends_of(vgpu.socket_path, plane=MIB, guest_has_plane=False) as ends:
            assert ends.run([programs["every_command"]]).returncode == 0
            assert "the plane that the host offers is not used" in ends.log.read_text()
            assert _counters(ends.plane) == (0, 0)


def test_a_hostile_vm_spoils_its_own_bytes_only(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """A VM scribbles over the whole plane: the host's end lives, and another VM never notices."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("hostile", 512 * MIB)
        with ends_of(vgpu.socket_path) as other, ends_of(vgpu.socket_path, plane=MIB) as ends:
            busy = other.popen([programs["many_threads"], "4", "50"])
            own = [ends.popen([sys.executable, JOB, "compute"]) for _ in range(2)]
            _scribble(ends.plane, seconds=6)
            for process in own:
                process.kill()
                process.communicate()
            assert ends.host.process.poll() is None
            stdout, stderr = busy.communicate(timeout=240)
            assert (busy.returncode, stderr) == (0, ""), stdout
        wait_for_usage(host, lambda usage: usage.memory_used + usage.guest_processes == 0)


def _scribble(plane: Path, seconds: float) -> None:
    some = random.Random(7)
    end = time.monotonic() + seconds
    with open(plane, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        while time.monotonic() < end:
            for at in (_HOST_READ, _GUEST_READ):
                number = some.choice([0, 1, some.getrandbits(20), some.getrandbits(64)])
                struct.pack_into("<Q", memory, at, number)
            at = some.randrange(0, len(memory) - 4096)
            memory[at : at + 4096] = some.randbytes(4096)
            time.sleep(0.0005)


def test_a_plane_that_is_cut_off_ends_one_process(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """Who may write the file, as its owner may, ends the host's end by truncating it: no more."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("cut", 256 * MIB)
        with ends_of(vgpu.socket_path) as other, ends_of(vgpu.socket_path, plane=MIB) as ends:
            os.truncate(ends.plane, 0)
            working = ends.popen([sys.executable, JOB, "compute"])
            ends.host.process.wait(60)
            working.kill()
            working.communicate()
            assert other.run([programs["every_command"]]).returncode == 0
        wait_for_usage(host, lambda usage: usage.memory_used + usage.guest_processes == 0)


def test_what_was_left_is_replaced_and_no_other_file(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """A plane goes with its host's end, however that ends; one of before a crash of the machine is
    made anew.
    """
    with runtime.host() as host:
        vgpu = host.create_vgpu("left", 64 * MIB)
        with ends_of(vgpu.socket_path, plane=MIB) as ends:
            first = _head(ends.plane)
            ends.host.process.kill()
            ends.host.process.wait()
            wait_until(lambda: not ends.plane.exists(), "its plane is gone")
            ends.plane.write_bytes(first)
            again = remoting_stream.start(vgpu.socket_path, ends.host.socket_path, plane=MIB)
            try:
                assert _head(ends.plane) != first
                ends.wait_for_host(2)
                assert ends.run([programs["every_command"]]).returncode == 0
                assert ends.log.read_text().count(_THROUGH_PLANE) == 2
            finally:
                remoting_stream.stop(again)
            assert not ends.plane.exists()
            ends.plane.write_text("kept")
            with pytest.raises(PlaneNotMade):
                remoting_stream.start(vgpu.socket_path, ends.host.socket_path, plane=MIB)
            assert ends.plane.read_text() == "kept"
            assert not Path(ends.host.socket_path).exists()
