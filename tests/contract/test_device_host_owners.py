"""vGPUs that root's device host has for other users: each reaches its own, and nothing else."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.device_host_process import (
    CONTROL_HELLO,
    GUEST_HELLO,
    GUEST_WELCOME,
    LASTING,
    LEASE,
    LEASE_TAKE,
    NOT_PERMITTED,
    PEER_ITSELF,
    RECEIPT,
    RECEIPT_GET,
    VGPU_CREATED,
    VGPU_DIFFERS,
    DeviceHostProcess,
    child_process,
    pack,
    running_device_host,
    vgpu_of,
    wait_until,
)

pytestmark = pytest.mark.needs_root
ALICE, BOB = 1001, 1002

# Sends each of the records on a socket, and says what was answered. An empty one: just listens.
_ASK = """
import socket, struct, sys
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.settimeout(30)
try:
    peer.connect(sys.argv[1])
except OSError as error:
    sys.exit(print(error.strerror))
for record in sys.argv[2:]:
    if record:
        peer.send(bytes.fromhex(record))
    answer = peer.recv(256)
    kind, _, _, code = struct.unpack_from("=HIII", answer, 6) if answer else (0, 0, 0, 0)
    print(kind, code if kind == 1 else 0)
"""
_READ = """
import os, sys
for name in ("mem", "maps", "environ", "root", "cwd", "fd"):
    path = f"/proc/{sys.argv[1]}/{name}"
    try:
        os.listdir(path) if name == "fd" else (
            os.readlink(path) if name in ("root", "cwd") else open(path, "rb").read(1)
        )
        print(name)
    except OSError:
        pass
"""
_GUEST = pack(GUEST_HELLO, struct.pack("II", 1, 1))
_CONTROL = pack(CONTROL_HELLO)


def as_user(user: int, program: str, *arguments: str) -> list[str]:
    """The lines that a Python program of this user's prints."""
    run = subprocess.run(
        ["python3", "-c", program, *arguments],
        user=user, group=user, extra_groups=[], cwd="/",
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return run.stdout.splitlines()


def asked(user: int, path: object, *requests: bytes) -> list[str]:
    """What a user is answered on a socket, or why it can't connect."""
    return as_user(user, _ASK, str(path), *(request.hex() for request in requests))


@contextmanager
def process_of(user: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"], user=user, group=user, extra_groups=[]) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def root_s() -> Iterator[DeviceHostProcess]:
    with running_device_host() as host:
        yield host


def test_each_reaches_its_own_and_nothing_else(root_s: DeviceHostProcess) -> None:
    control = root_s.control()
    sockets = {
        user: control.create_lasting(user, name=f"of-{user}", owner=user).socket_path
        for user in (ALICE, BOB)
    }
    assert {one.owner for one in control.list()} == {ALICE, BOB}
    leases = {user: control.lease(user) for user in (ALICE, BOB)}
    for user, other in ((ALICE, BOB), (BOB, ALICE)):
        assert asked(user, sockets[user], _GUEST) == [f"{GUEST_WELCOME} 0"]
        assert asked(user, sockets[other], _GUEST) == ["Permission denied"]
        assert asked(user, root_s.control_path, _CONTROL) == ["Permission denied"]
        # Nor are commands heard where it may connect.
        take = pack(LEASE_TAKE, struct.pack("QQQI", leases[other].vgpu, 0, 0, 0))
        assert asked(user, sockets[user], take) == ["1 2"]
        assert as_user(user, "import os,sys; print(os.access(sys.argv[1], os.R_OK))",
                       str(root_s.device_folder)) == ["False"]  # fmt: skip
    # Root may use both.
    for user in (ALICE, BOB):
        assert asked(0, sockets[user], _GUEST) == [f"{GUEST_WELCOME} 0"]


def test_it_is_the_kernel_s_word_that_counts(root_s: DeviceHostProcess) -> None:
    """Were the sockets' permissions wider, the device host would still refuse."""
    control = root_s.control()
    control.create_lasting(ALICE, owner=ALICE)
    path = control.lease(ALICE).socket_path
    Path(path).chmod(0o666)
    root_s.control_path.chmod(0o666)
    assert asked(BOB, path, b"") == [f"1 {NOT_PERMITTED}"]
    assert asked(BOB, root_s.control_path, b"") == [f"1 {NOT_PERMITTED}"]
    assert asked(ALICE, root_s.control_path, b"") == [f"1 {NOT_PERMITTED}"]


def test_what_lies_in_the_folders_is_closed(root_s: DeviceHostProcess) -> None:
    control = root_s.control()
    control.create_lasting(ALICE, owner=ALICE)
    for folder in (root_s.runtime, root_s.device_folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    for path in root_s.device_folder.iterdir():
        assert path.lstat().st_mode & 0o077 == 0, path
    [socket] = root_s.device_folder.glob("v*.sock")
    assert (socket.stat().st_uid, stat.S_IMODE(socket.stat().st_mode)) == (ALICE, 0o600)


def test_folders_of_an_earlier_version_are_opened() -> None:
    host = DeviceHostProcess()
    try:
        host.device_folder.mkdir(mode=0o700)
        host.start()
        for folder in (host.runtime, host.device_folder):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    finally:
        host.close()


def test_a_device_host_of_a_user_s_makes_nobody_else_s() -> None:
    with running_device_host(user=ALICE) as host:
        for folder in (host.runtime, host.device_folder):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        control = host.control()  # root's
        answer = control.try_create(4096, "", LASTING, external_id=1, owner=BOB)
        assert answer.error()[0] == NOT_PERMITTED
        create = struct.pack(
            "QIIQ4IQ64sQQI", 4096, LASTING, 2000, 0, 0, 10000, 1, 0, 0, b"", 0, 2, BOB
        )
        hello, wanted = pack(CONTROL_HELLO), pack(18, create)
        assert asked(ALICE, host.control_path, hello, wanted)[1] == f"1 {NOT_PERMITTED}"
        for number, owner in enumerate((ALICE, 0, PEER_ITSELF), start=3):
            control.create_lasting(number, 4096, owner=owner)
        assert [one.owner for one in control.list()] == [ALICE, 0, 0]


def test_without_an_id_as_well(root_s: DeviceHostProcess) -> None:
    control = root_s.control()
    answer = control.try_create(owner=ALICE)
    assert answer.kind == VGPU_CREATED
    assert asked(ALICE, vgpu_of(answer).socket_path, _GUEST) == [f"{GUEST_WELCOME} 0"]
    assert asked(BOB, vgpu_of(answer).socket_path, _GUEST) == ["Permission denied"]


def test_created_again_for_somebody_else_it_differs(root_s: DeviceHostProcess) -> None:
    control = root_s.control()
    first = control.create_lasting(7, owner=ALICE)
    assert control.create_lasting(7, owner=ALICE) == first
    for other in (BOB, PEER_ITSELF):
        answer = control.try_create(64 << 20, "", LASTING, external_id=7, owner=other)
        assert answer.error() == (
            VGPU_DIFFERS,
            f"The vGPU of the id {7:032x} exists already and belongs to user {ALICE}.",
        )


def test_a_lease_is_held_by_a_process_of_the_owner_and_of_nobody_else(
    root_s: DeviceHostProcess,
) -> None:
    control = root_s.control()
    control.create_lasting(1, owner=ALICE)
    with process_of(BOB) as bobs:
        code, told = control.try_lease(1, bobs.pid).error()
        assert code == NOT_PERMITTED
        assert str(bobs.pid) in told
    with process_of(ALICE) as alices, child_process() as ours:
        control.lease(1, alices.pid)
        control.lease(1, ours.pid)  # the daemon's own
        held = {one.process for one in control.list()[0].leases}
        assert held == {alices.pid, ours.pid}
        alices.kill()
        wait_until(lambda: len(control.list()[0].leases) == 1, "a lease has ended")


def test_a_process_that_runs_as_root_is_still_of_who_started_it(
    root_s: DeviceHostProcess,
) -> None:
    control = root_s.control()
    control.create_lasting(1, owner=ALICE)
    program = (
        "import os, sys, time; os.setresuid(int(sys.argv[1]), 0, 0); print(flush=True);"
        "time.sleep(1000)"
    )
    for user, permitted in ((BOB, False), (ALICE, True)):
        with subprocess.Popen(
            ["python3", "-c", program, str(user)], stdout=subprocess.PIPE
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"\n"
                assert (control.try_lease(1, process.pid).kind == LEASE) == permitted
            finally:
                process.kill()


def test_the_worker_is_neither_root_s_nor_its_tenant_s(root_s: DeviceHostProcess) -> None:
    control = root_s.control()
    users: set[int] = set()
    for user in (ALICE, BOB):
        control.create_lasting(user, owner=user)
        worker = control.lease(user).worker
        status = Path(f"/proc/{worker}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("Uid:")]
        ids = {int(field) for field in line.split()[1:]}
        assert len(ids) == 1
        assert not ids & {0, ALICE, BOB}
        users |= ids
        for other in (ALICE, BOB):
            assert as_user(other, _READ, str(worker)) == []
    assert len(users) == 2


def test_root_sees_all(root_s: DeviceHostProcess) -> None:
    control = root_s.control()
    for user in (ALICE, BOB):
        number = control.create_lasting(user, owner=user).number
        control.lease(user)
        assert control.ask(RECEIPT_GET, struct.pack("Q", number)).kind == RECEIPT
    assert [one.owner for one in control.list()] == [ALICE, BOB]


def test_the_owner_is_known_after_a_death(root_s: DeviceHostProcess) -> None:
    control = root_s.control()
    path = control.create_lasting(1, owner=ALICE).socket_path
    os.kill(control.device_host(), 9)
    root_s.wait_for_log("goes on")
    control.lease(1)
    assert asked(ALICE, path, _GUEST) == [f"{GUEST_WELCOME} 0"]
    assert asked(BOB, path, _GUEST) == ["Permission denied"]
    with process_of(BOB) as bobs:
        assert control.try_lease(1, bobs.pid).error()[0] == NOT_PERMITTED
