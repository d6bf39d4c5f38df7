"""The device host as its peers see it: vGPUs, credit, arenas, workers that come and go."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.device_host_process import (
    ARENA_REQUEST,
    BAD_RECORD,
    BUFFERS,
    CONTROL_HELLO,
    CREDIT_REPLY,
    CREDIT_REQUEST,
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
    STAGING,
    VERSION_MISMATCH,
    VGPU_CREATED,
    WORKER_ENDED,
    WORKER_START,
    Control,
    DeviceHostProcess,
    Guest,
    Peer,
    identities,
    pack,
    running_device_host,
    text,
    wait_until,
)

F_GET_SEALS = 1034
SEALED = 1 | 2 | 4  # seal, shrink, grow; writing stays possible


@pytest.fixture(params=identities(), ids=lambda user: "as-self" if user is None else "as-user")
def host(request: pytest.FixtureRequest) -> Iterator[DeviceHostProcess]:
    with running_device_host(request.param) as running:
        yield running


def process_exists(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


# Control


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
    assert process == host.process.pid


def test_another_version_is_told_so(host: DeviceHostProcess) -> None:
    vgpu = host.control().create()
    for path in (host.control_path, vgpu.socket_path):
        with Peer(path) as peer:
            peer.socket.send(
                pack(CONTROL_HELLO if path == host.control_path else GUEST_HELLO, version=2)
            )
            answer = peer.receive()
            assert answer is not None
            assert answer.error()[0] == VERSION_MISMATCH
            assert peer.receive() is None


@pytest.mark.parametrize("data", [b"x", b"\0" * 256, b"x" * 257, pack(4711), pack(VGPU_CREATED)])
def test_odd_records_end_that_connection_alone(host: DeviceHostProcess, data: bytes) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    for path in (host.control_path, vgpu.socket_path):
        with Peer(path) as peer:
            peer.socket.send(data)
            while (answer := peer.receive()) is not None:
                assert answer.error()[0] == BAD_RECORD
    assert guest.borrow(4096) >= 4096
    assert len(control.list()) == 1


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


def test_vgpu_lives_until_control_and_guests_are_gone(host: DeviceHostProcess) -> None:
    watcher = host.control()
    control = host.control()
    guest = host.guest(control.create())
    control.close()
    assert guest.borrow(4096) >= 4096
    assert [status.guests for status in watcher.list()] == [1]
    guest.close()
    wait_until(lambda: not watcher.list(), "the vGPU is gone")


# Guest processes


def test_shared_memory_is_sealed(host: DeviceHostProcess) -> None:
    guest = host.guest(host.control().create())
    guest.arena(MIB, STAGING)
    for descriptor in guest.descriptors:
        assert fcntl.fcntl(descriptor, F_GET_SEALS) & 0x1F == SEALED
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, 1)
    assert os.fstat(guest.memory).st_size > 16 * MIB
    assert os.fstat(guest.descriptors[1]).st_size == 4096
    assert os.fstat(guest.descriptors[2]).st_size == MIB


def test_credit_is_exact(host: DeviceHostProcess) -> None:
    vgpu = host.control().create(8 * MIB)
    guest = host.guest(vgpu)
    assert guest.borrow(8 * MIB + 1) == 0
    assert guest.borrow(5 * MIB + 3) == 5 * MIB + 3
    assert guest.page_credit() == 5 * MIB + 3
    assert guest.borrow(3 * MIB) == 0
    assert guest.borrow(3 * MIB - 3) == 3 * MIB - 3
    assert guest.borrow(1) == 0
    assert guest.borrow(0) == 0
    assert guest.borrow(2**64 - 1) == 0


def test_unspent_credit_of_others_is_taken_back(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(8 * MIB)
    one, other = host.guest(vgpu), host.guest(vgpu)
    assert one.borrow(8 * MIB) == 8 * MIB
    one.set_page_credit(6 * MIB)  # it has spent 2 MiB
    assert control.list()[0].memory_used == 2 * MIB
    assert other.borrow(7 * MIB) == 0
    assert one.page_credit() == 0
    assert other.borrow(6 * MIB) == 6 * MIB
    assert control.list()[0].memory_lent == 8 * MIB


def test_a_page_that_lies_is_not_believed(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(8 * MIB)
    liar, other = host.guest(vgpu), host.guest(vgpu)
    assert liar.borrow(4 * MIB) == 4 * MIB
    liar.set_page_credit(2**64 - 1)
    assert control.list()[0].memory_used == 0
    assert other.borrow(8 * MIB) == 8 * MIB  # as if nothing had been spent: not more
    assert other.borrow(1) == 0
    assert control.list()[0].memory_lent == 8 * MIB


def test_what_a_departing_guest_process_had_is_waited_for() -> None:
    # The worker takes its time to free what the first guest process had.
    with running_device_host(orders="ready await-connect await-connect sleep 700 serve") as host:
        vgpu = host.control().create(8 * MIB)
        first, second = host.guest(vgpu), host.guest(vgpu)
        assert first.borrow(8 * MIB) == 8 * MIB
        first.set_page_credit(0)
        assert second.borrow(1) == 0  # nobody is about to give anything back
        first.close()
        assert second.borrow(8 * MIB) == 8 * MIB


def test_arenas_are_bounded(host: DeviceHostProcess) -> None:
    vgpu = host.control().create(64 * MIB)
    guest, other = host.guest(vgpu), host.guest(vgpu)
    assert guest.arena(5000)[0] == 8192
    assert guest.arena(129 * MIB) == (0, 0)  # limit + 64 MiB
    assert guest.arena(100 * MIB)[0] == 100 * MIB
    assert other.arena(30 * MIB) == (0, 0)  # buffers: together
    assert other.arena(20 * MIB)[0] == 20 * MIB
    assert guest.arena(256 * MIB, STAGING)[0] == 256 * MIB
    assert guest.arena(4096, STAGING) == (0, 0)
    assert other.arena(4096, STAGING)[0] == 4096  # staging: each
    assert guest.arena(4096, 7) == (0, 0)
    assert guest.arena(0) == (0, 0)
    assert guest.arena(2**64 - 1) == (0, 0)


def test_number_of_arenas_is_bounded(host: DeviceHostProcess) -> None:
    guest = host.guest(host.control().create())
    assert sum(guest.arena(4096)[0] > 0 for _ in range(300)) == 256


def test_a_guest_that_does_not_read_is_given_up(host: DeviceHostProcess) -> None:
    vgpu = host.control().create()
    deaf, other = host.guest(vgpu), host.guest(vgpu)

    def shout() -> None:
        for _ in range(100_000):
            deaf.send(CREDIT_REQUEST, struct.pack("Q", 0))

    with pytest.raises(OSError):  # the device host has closed its end
        shout()
    assert other.borrow(4096) >= 4096
    host.wait_for_log("doesn't read its socket")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=300),
            st.tuples(st.integers(0, 80), st.binary(max_size=240)).map(lambda pair: pack(*pair)),
            st.tuples(
                st.sampled_from([GUEST_HELLO, CREDIT_REQUEST, ARENA_REQUEST]),
                st.integers(0, 2**64 - 1), st.integers(0, 2),
            ).map(lambda parts: pack(parts[0], struct.pack("QI", parts[1], parts[2]))),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_random_records_hurt_nobody(records: list[bytes]) -> None:
    host = random_records_host()
    control = host.control()
    vgpu = control.create(8 * MIB)
    bystander = host.guest(vgpu)
    for path in (vgpu.socket_path, host.control_path):
        with Peer(path) as peer:
            try:
                for record in records:
                    peer.socket.send(record)
            except OSError:
                pass  # given up already
    assert bystander.borrow(4096) >= 4096
    for peer in (bystander, control):
        peer.close()


_random_hosts: list[DeviceHostProcess] = []


def random_records_host() -> DeviceHostProcess:
    if not _random_hosts:
        _random_hosts.append(DeviceHostProcess().start())
    return _random_hosts[0]


@pytest.fixture(scope="module", autouse=True)
def _close_random_hosts() -> Iterator[None]:
    yield
    while _random_hosts:
        _random_hosts.pop().close()


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


# Workers


def test_connections_wait_for_a_worker_that_loads() -> None:
    with running_device_host(orders="sleep 500 ready serve") as host:
        guest = host.guest(host.control().create())
        assert guest.borrow(1) >= 1


def test_a_worker_that_fails_says_why() -> None:
    with running_device_host(orders="fail no-such-driver") as host:
        control = host.control()
        vgpu = control.create()
        guest = host.silent_guest(vgpu)
        answer = guest.ask(GUEST_HELLO, struct.pack("II", 1, 0))
        code, sentence = answer.error()
        assert code == WORKER_START
        assert "no-such-driver" in sentence
        # The next one tries anew.
        host.orders.write_text("ready serve")
        host.guest(vgpu)


def test_a_program_that_cannot_start_is_an_error() -> None:
    host = DeviceHostProcess()
    try:
        (host.folder / "aliquot-fake-worker").write_text("no program")
        host.start()
        answer = host.control().try_create()
        assert answer.error()[0] == WORKER_START
    finally:
        host.close()


@pytest.mark.parametrize(
    "death",
    [
        "crash",
        "exit 0",
        "garbage serve",
        "odd-record serve",
        "false-gone 99 serve",
        "false-gone 1 serve",
    ],
)
def test_a_worker_that_dies_takes_its_connections_along(death: str) -> None:
    with running_device_host(orders=f"ready await-connect sleep 200 {death}") as host:
        control = host.control()
        dying, living = control.create(name="dying"), None
        guest = host.guest(dying)
        assert guest.receive() is None
        assert control.list()[0].memory_lent == 0
        # Another vGPU and the next worker of the same are none the worse.
        host.orders.write_text("ready serve")
        living = host.guest(control.create(name="living"))
        again = host.guest(dying)
        assert living.borrow(MIB) >= MIB
        assert again.borrow(MIB) >= MIB


def test_killed_worker(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(8 * MIB)
    guest = host.guest(vgpu)
    assert guest.borrow(8 * MIB) == 8 * MIB
    os.kill(vgpu.worker, signal.SIGKILL)
    assert guest.receive() is None
    again = host.guest(vgpu)
    assert again.borrow(8 * MIB) == 8 * MIB
    assert control.list()[0].worker != vgpu.worker
    (told,) = control.unasked
    code, why = told.error()
    assert code == WORKER_ENDED
    assert f"vGPU {control.list()[0].name}: The worker ended: " in why


def test_what_a_worker_says_moves_no_terminal() -> None:
    with running_device_host(orders="ready await-connect overrun \x1b[31mred\x9b serve") as host:
        control = host.control()
        host.guest(control.create())
        wait_until(lambda: control.list() and control.unasked, "the end of the worker is told")
        _, why = control.unasked[0].error()
        assert "kernel ?[31mred?" in why
        assert why.isprintable()


def test_arenas_leave_descriptors_to_others() -> None:
    host = DeviceHostProcess()
    original = host.command
    host.command = lambda *more: ["prlimit", "--nofile=128:128", *original(*more)]
    host.orders.write_text("ready serve")
    try:
        host.start()
        vgpu = host.control().create()
        greedy = host.guest(vgpu)
        arenas = 0
        while greedy.arena(4096, STAGING)[0] != 0:
            arenas += 1
            os.close(greedy.descriptors.pop())
        assert 60 < arenas < 100
        host.guest(host.control().create(name="other"))
        host.guest(vgpu)
    finally:
        host.close()


def test_violation_ends_that_guest_alone() -> None:
    with running_device_host(
        orders="ready await-connect await-connect violation bad-frame serve"
    ) as host:
        vgpu = host.control().create()
        first, second = host.guest(vgpu), host.guest(vgpu)
        assert second.receive() is None
        assert first.borrow(4096) >= 4096
        host.wait_for_log("broke the protocol: bad-frame")


def test_kernel_overrun_ends_the_worker() -> None:
    with running_device_host(orders="ready await-connect overrun slow_kernel serve") as host:
        guest = host.guest(host.control().create())
        assert guest.receive() is None
        host.wait_for_log("kernel slow_kernel .* ran for 2500 ms, the limit is 2000 ms")


def test_a_worker_that_does_not_free_is_killed() -> None:
    with running_device_host(orders="ready serve-silently") as host:
        control = host.control()
        vgpu = control.create(8 * MIB)
        first, second = host.guest(vgpu), host.guest(vgpu)
        assert first.borrow(8 * MIB) == 8 * MIB
        first.close()
        assert second.receive() is None
        host.wait_for_log("didn't free what a guest process had")
        assert control.list()[0].memory_lent == 0


def test_worker_claims_are_shown() -> None:
    with running_device_host(orders="ready status 4711 serve") as host:
        control = host.control()
        control.create()
        wait_until(lambda: control.list()[0].kernels == 4711, "the claim arrives")


def test_dropped_arenas_count_no_more() -> None:
    orders = "ready await-connect sleep 500 await-connect drop-arenas serve"
    with running_device_host(orders=orders) as host:
        vgpu = host.control().create(64 * MIB)
        guest = host.guest(vgpu)
        assert guest.arena(128 * MIB, BUFFERS)[0] == 128 * MIB
        assert guest.arena(64 * MIB, BUFFERS) == (0, 0)
        host.guest(vgpu)
        wait_until(lambda: guest.arena(64 * MIB, BUFFERS)[0], "there is room again")


# Life and death


def test_ends_when_nobody_needs_it_and_leaves_nothing(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    host.guest(vgpu).close()
    control.close()
    assert host.wait_for_end() == 0
    assert not process_exists(vgpu.worker)
    left = {path.name for path in host.device_folder.iterdir()}
    assert left == {"lock", "view"}
    assert not list((host.device_folder / "view").iterdir())


def test_workers_die_with_a_killed_device_host(host: DeviceHostProcess) -> None:
    vgpu = host.control().create()
    guest = host.guest(vgpu)
    assert host.process is not None
    host.process.kill()
    host.process.wait()
    assert guest.receive() is None
    wait_until(lambda: not process_exists(vgpu.worker), "the worker is gone")
    # The next one clears up and serves.
    assert Path(vgpu.socket_path).exists()
    host.start()
    assert not Path(vgpu.socket_path).exists()
    host.guest(host.control().create())


def test_terminated_device_host_clears_up(host: DeviceHostProcess) -> None:
    vgpu = host.control().create()
    guest = host.guest(vgpu)
    assert host.process is not None
    host.process.terminate()
    assert host.wait_for_end() == 0
    assert guest.receive() is None
    assert not process_exists(vgpu.worker)
    assert not host.control_path.exists()


def test_goes_to_the_background_once() -> None:
    host = DeviceHostProcess()
    try:
        runs = [
            subprocess.Popen(host.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(5)
        ]
        assert [run.communicate(timeout=30) for run in runs] == [(b"", None)] * 5
        assert [run.returncode for run in runs] == [0] * 5
        processes = set()
        for _ in range(5):
            with Control(host.control_path) as control:
                answer = control.ask(CONTROL_HELLO)
                processes.add(struct.unpack_from("QQI", answer.payload)[2])
        assert len(processes) == 1
        process = processes.pop()
        wait_until(lambda: not process_exists(process), "it ends by itself")
        assert not host.control_path.exists()
        assert (host.device_folder / "log").stat().st_mode & 0o077 == 0
    finally:
        host.close()


@pytest.mark.parametrize(
    "change", [{"--uuid": "../x"}, {"--memory": "-1"}, {"--worker": "w"}, {"--nonsense": "1"}]
)
def test_bad_command_lines_are_one_sentence(change: dict[str, str]) -> None:
    host = DeviceHostProcess()
    try:
        command = host.command()
        for name, value in change.items():
            if name in command:
                command[command.index(name) + 1] = value
            else:
                command += [name, value]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 2
        assert run.stderr.startswith("aliquot-device: ")
    finally:
        host.close()


def test_no_descriptor_is_lost(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    assert host.process is not None
    folder = Path(f"/proc/{host.process.pid}/fd")

    def cycle() -> None:
        guest: Guest = host.guest(vgpu)
        guest.arena(4096)
        guest.close()
        other = control.create(name="other")
        host.guest(other).close()
        control.destroy(other.number)
        wait_until(lambda: [status.guests for status in control.list()] == [0], "settled")

    cycle()
    before = len(list(folder.iterdir()))
    for _ in range(10):
        cycle()
    wait_until(lambda: len(list(folder.iterdir())) <= before, "descriptors are as many as before")
    assert guest_reply_still_works(host.guest(vgpu))


def guest_reply_still_works(guest: Guest) -> bool:
    return guest.ask(CREDIT_REQUEST, struct.pack("Q", 1)).kind == CREDIT_REPLY
