"""The device host's control connections: vGPUs made, listed, named and destroyed."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from tests.contract.device_host_process import (
    BAD_RECORD,
    CONTROL_HELLO,
    DEVICE,
    DEVICE_MEMORY,
    DONE,
    ERROR,
    GUEST_HELLO,
    MEMORY_UNAVAILABLE,
    MIB,
    NAME_TAKEN,
    NO_SUCH_VGPU,
    NOT_PERMITTED,
    RECEIPT_GET,
    VERSION,
    VERSION_MISMATCH,
    VGPU_CREATE,
    VGPU_SHOW,
    DeviceHostProcess,
    Peer,
    pack,
    running_device_host,
    text,
    wait_until,
)


def test_welcome_says_what_is_there(host: DeviceHostProcess) -> None:
    control = host.control()
    control.create(100 * MIB, "one")
    answer = control.ask(CONTROL_HELLO)
    memory, reserved, process, count, uuid, _version = struct.unpack_from(
        "QQII40s32s", answer.payload
    )
    assert (memory, reserved, count) == (DEVICE_MEMORY, 100 * MIB, 1)
    assert text(uuid) == DEVICE
    assert host.process is not None
    # The one that was started is its supervisor.
    status = Path(f"/proc/{process}/status").read_text()
    assert f"\nPPid:\t{host.process.pid}\n" in status


def test_another_version_is_told_so(host: DeviceHostProcess) -> None:
    vgpu = host.control().create()
    for path in (host.control_path, vgpu.socket_path):
        with Peer(path) as peer:
            kind = CONTROL_HELLO if path == host.control_path else GUEST_HELLO
            peer.socket.send(pack(kind, version=VERSION + 1))
            answer = peer.receive()
            assert answer is not None
            assert answer.error()[0] == VERSION_MISMATCH
            assert peer.receive() is None


def test_memory_is_reserved_and_given_back(host: DeviceHostProcess) -> None:
    control = host.control()
    first = control.create(600 * MIB)
    answer = control.try_create(600 * MIB)
    code, sentence = answer.error()
    assert code == MEMORY_UNAVAILABLE
    assert str(600 * MIB) in sentence
    assert str(DEVICE_MEMORY) in sentence
    assert str(DEVICE_MEMORY - 600 * MIB) in sentence
    assert control.create(0).memory == DEVICE_MEMORY - 600 * MIB
    assert control.try_create(0).error()[0] == MEMORY_UNAVAILABLE
    # What a vGPU on its way out still holds is waited for, not refused.
    for _ in range(5):
        assert control.destroy(first.number).kind == DONE
        first = control.create(600 * MIB)


def test_a_peer_that_waits_for_much_and_reads_nothing_hurts_nobody() -> None:
    """Its creates wait for a vGPU on its way out; one of the answers is one too many."""
    with running_device_host(orders=f"ready allocate {200 * MIB} sleep 100000") as host:
        watcher = host.control()
        leaving = watcher.create(300 * MIB)
        host.wait_for_log("worker=.* ready")
        deaf = host.control()
        watcher.destroy(leaving.number)
        wanted = pack(VGPU_CREATE, struct.pack("QIIQ64s", 2**62, 0, 2000, 0, b""))
        try:
            for _ in range(2000):
                deaf.socket.send(wanted)
        except OSError:
            pass  # given up already
        host.wait_for_log("doesn't read its socket")
        assert watcher.list() == []
        host.orders.write_text("ready serve")
        host.guest(watcher.create())


def test_names_are_unique_among_living_vgpus(host: DeviceHostProcess) -> None:
    control = host.control()
    first = control.create(name="team-a")
    assert control.try_create(name="team-a").error()[0] == NAME_TAKEN
    assert host.control().try_create(name="team-a").error()[0] == NAME_TAKEN
    assert control.try_create(name="bad\nname").error()[0] == BAD_RECORD
    control.destroy(first.number)
    control.create(name="team-a")
    assert [status.name for status in control.list()] == ["team-a"]


def test_destroying_what_is_not_there(host: DeviceHostProcess) -> None:
    assert host.control().destroy(99).error()[0] == NO_SUCH_VGPU


@pytest.mark.parametrize("kind", [VGPU_SHOW, RECEIPT_GET])
def test_asking_for_what_is_not_there(host: DeviceHostProcess, kind: int) -> None:
    control = host.control()
    for number in (0, 99, 2**64 - 1):
        assert control.ask(kind, struct.pack("Q", number)).error()[0] == NO_SUCH_VGPU
    vgpu = control.create()
    control.destroy(vgpu.number)
    assert control.ask(kind, struct.pack("Q", vgpu.number)).error()[0] == NO_SUCH_VGPU


def test_vgpu_lives_until_control_and_guests_are_gone(host: DeviceHostProcess) -> None:
    watcher = host.control()
    control = host.control()
    guest = host.guest(control.create())
    control.close()
    assert guest.borrow(4096) >= 4096
    assert [status.guests for status in watcher.list()] == [1]
    guest.close()
    wait_until(lambda: not watcher.list(), "the vGPU is gone")


@pytest.mark.needs_root
def test_other_users_are_refused() -> None:
    with running_device_host() as host:
        vgpu = host.control().create()
        # Even where the folders' modes would let them in.
        for path in (host.runtime, host.device_folder):
            path.chmod(0o755)
        for path in (Path(vgpu.socket_path), host.control_path):
            path.chmod(0o666)
            program = (
                "import socket, struct, sys\n"
                "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                "s.settimeout(10); s.connect(sys.argv[1])\n"
                "print(struct.unpack_from('=IHHIII', s.recv(256))[2::3])\n"
            )
            run = subprocess.run(
                ["python3", "-c", program, str(path)],
                user=1001, group=1001, extra_groups=[], cwd="/",
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert run.stdout.strip() == str((ERROR, NOT_PERMITTED))
