"""vGPUs that outlive the connection that made them, and the leases under which they are used."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.device_host_process import (
    BAD_RECORD,
    DEVICE_MEMORY,
    DONE,
    ERROR,
    LASTING,
    LEASE_TAKE,
    LIMIT_REACHED,
    MEMORY_UNAVAILABLE,
    MIB,
    NO_SUCH_LEASE,
    NO_SUCH_PROCESS,
    NO_SUCH_VGPU,
    NOT_PERMITTED,
    READY,
    RESERVED,
    SHARE_UNAVAILABLE,
    VERSION,
    VGPU_CREATED,
    VGPU_DIFFERS,
    WORKER_ENDED,
    WORKER_START,
    DeviceHostProcess,
    Guest,
    Lease,
    child_process,
    running_device_host,
    vgpu_of,
    wait_until,
)

ID = 0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210
IDLE_MS = 200


@contextmanager
def quick_to_rest(orders: str = "ready serve", *before: str) -> Iterator[DeviceHostProcess]:
    """A device host whose workers end soon after their last lease."""
    host = DeviceHostProcess()
    original = host.command
    host.command = lambda *more: [*before, *original("--worker-idle-ms", str(IDLE_MS), *more)]
    host.orders.write_text(orders)
    try:
        yield host.start()
    finally:
        print(host.log()[-4000:])
        host.close()


def guest_of(host: DeviceHostProcess, lease: Lease) -> Guest:
    guest = Guest(lease.socket_path)
    host.peers.append(guest)
    return guest.hello()


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_creating_reserves_and_starts_no_worker(host: DeviceHostProcess) -> None:
    control = host.control()
    created = control.try_create(
        600 * MIB, "team-a", LASTING, (4_000, 10_000, 2, 1), external_id=ID
    )
    assert created.kind == VGPU_CREATED
    vgpu = vgpu_of(created)
    assert (vgpu.memory, vgpu.worker, vgpu.protections) == (600 * MIB, 0, 0)
    [status] = control.list()
    assert (status.name, status.external_id, status.state) == ("team-a", ID, RESERVED)
    assert (status.worker, status.leases, status.guests) == (0, (), 0)
    assert control.try_create(600 * MIB).error()[0] == MEMORY_UNAVAILABLE
    assert control.try_create(MIB, shares=(6_001, 10_000, 1, 0)).error()[0] == SHARE_UNAVAILABLE
    assert "worker=" not in host.log()


def test_it_stays_when_its_maker_goes_and_the_device_host_with_it(host: DeviceHostProcess) -> None:
    with host.control() as control:
        number = control.create_lasting(ID, name="team-a").number
    time.sleep(1.5)  # a device host that nobody needs ends after a second
    control = host.control()
    assert [(one.vgpu, one.name, one.external_id) for one in control.list()] == [
        (number, "team-a", ID)
    ]
    assert control.destroy_lasting(ID).kind == DONE
    assert control.list() == []
    assert control.destroy_lasting(ID).error()[0] == NO_SUCH_VGPU
    control.close()
    assert host.wait_for_end() == 0


def test_creating_it_again_is_answered_with_the_one_that_exists(host: DeviceHostProcess) -> None:
    first = host.control().create_lasting(ID, 64 * MIB, "team-a")
    control = host.control()
    assert control.create_lasting(ID, 64 * MIB, "team-a") == first
    assert control.create_lasting(ID, 0, "team-a") == first  # as much as it has
    assert control.create_lasting(ID, 64 * MIB, "") == first
    for memory, name, flags, shares in (
        (65 * MIB, "team-a", LASTING, (0, 10_000, 1, 0)),
        (64 * MIB, "team-b", LASTING, (0, 10_000, 1, 0)),
        (64 * MIB, "team-a", LASTING | 1, (0, 10_000, 1, 0)),
        (64 * MIB, "team-a", LASTING, (100, 10_000, 1, 0)),
    ):
        answer = control.try_create(memory, name, flags, shares, external_id=ID)
        assert answer.error()[0] == VGPU_DIFFERS, answer.error()
    # What it was resized to is what it is.
    assert control.resize(first.number, memory=65 * MIB).kind == DONE
    assert control.create_lasting(ID, 65 * MIB, "team-a").number == first.number
    assert len(control.list()) == 1


def test_an_id_and_lasting_go_together(host: DeviceHostProcess) -> None:
    control = host.control()
    assert control.try_create(flags=LASTING).error()[0] == BAD_RECORD
    assert control.try_create(external_id=ID).error()[0] == BAD_RECORD
    assert control.try_create(flags=LASTING | 16, external_id=ID).error()[0] == BAD_RECORD
    for odd in (1, 1 << 64, (1 << 128) - 1):
        number = control.create_lasting(odd, MIB).number
        assert [one.external_id for one in control.list()] == [odd]
        assert control.destroy_lasting(odd).kind == DONE
        assert control.destroy(number).error()[0] == NO_SUCH_VGPU
    assert control.destroy_lasting(0).error()[0] == NO_SUCH_VGPU


def test_the_first_lease_starts_the_worker(host: DeviceHostProcess) -> None:
    control = host.control()
    number = control.create_lasting(ID).number
    lease = control.lease(ID)
    assert (lease.vgpu, lease.memory) == (number, 64 * MIB)
    [status] = control.list()
    assert (status.state, status.worker) == (READY, lease.worker)
    assert status.protections == lease.protections != 0
    [held] = status.leases
    assert (held.number, held.process, held.by_process) == (lease.number, os.getpid(), 0)
    assert 0 <= time.monotonic_ns() - held.since_ns < 60e9
    guest = guest_of(host, lease)
    assert guest.borrow(MIB) >= MIB
    # Another lease finds the same worker, under a number of its own.
    other = control.lease(ID)
    assert other.worker == lease.worker
    assert other.number != lease.number
    assert len(control.list()[0].leases) == 2


def test_a_lease_ends_with_the_connection_that_holds_it(host: DeviceHostProcess) -> None:
    watcher = host.control()
    watcher.create_lasting(ID)
    holder = host.control()
    lease = holder.lease(ID)
    guest = guest_of(host, lease)
    holder.close()
    wait_until(lambda: not watcher.list()[0].leases, "the lease has ended")
    # Who is connected goes on, and so does the vGPU.
    assert guest.borrow(4096) >= 4096
    assert watcher.list()[0].guests == 1


def test_a_lease_ends_with_the_process_that_holds_it(host: DeviceHostProcess) -> None:
    watcher = host.control()
    watcher.create_lasting(ID)
    with child_process() as process:
        with host.control() as control:
            lease = control.lease(ID, process.pid)
        # The connection that asked is gone, the lease is not.
        held = [one for one in watcher.list()[0].leases if one.number == lease.number]
        assert [(one.process, one.by_process) for one in held] == [(process.pid, 1)]
        process.kill()
        process.wait()
        wait_until(lambda: not watcher.list()[0].leases, "the lease has ended")
        assert watcher.try_lease(ID, process.pid).error()[0] == NO_SUCH_PROCESS


def test_leases_that_can_t_be(host: DeviceHostProcess) -> None:
    control = host.control()
    number = control.create_lasting(ID).number
    assert control.try_lease(ID + 1).error()[0] == NO_SUCH_VGPU
    assert control.try_lease(0).error()[0] == NO_SUCH_VGPU
    assert control.try_lease(0, number=99).error()[0] == NO_SUCH_VGPU
    for process in (2**32 - 1, 2**31, 2**31 - 1):
        assert control.try_lease(ID, process).error()[0] == NO_SUCH_PROCESS
    lease = control.lease(ID)
    for wrong in (0, lease.number + 1, 2**64 - 1):
        assert control.end_lease(number, wrong).error()[0] == NO_SUCH_LEASE
    assert control.end_lease(99, lease.number).error()[0] == NO_SUCH_VGPU
    assert control.end_lease(number, lease.number).kind == DONE
    assert control.end_lease(number, lease.number).error()[0] == NO_SUCH_LEASE


def test_the_number_of_leases_is_bounded(host: DeviceHostProcess) -> None:
    control = host.control()
    control.create_lasting(ID)
    leases = [control.lease(ID) for _ in range(64)]
    assert control.try_lease(ID).error()[0] == LIMIT_REACHED
    assert len(control.list()[0].leases) == 64
    assert control.end_lease(leases[0].vgpu, leases[0].number).kind == DONE
    control.lease(ID)


def test_a_worker_that_fails_fails_the_lease_and_not_the_vgpu() -> None:
    with running_device_host(orders="fail no-driver") as host:
        control = host.control()
        control.create_lasting(ID)
        for _ in range(2):
            code, told = control.try_lease(ID).error()
            assert code == WORKER_START
            assert "no-driver" in told
        [status] = control.list()
        assert (status.state, status.leases, control.unasked) == (RESERVED, (), [])
        host.orders.write_text("ready serve")
        control.lease(ID)


def test_a_worker_that_dies_leaves_vgpu_and_leases() -> None:
    with running_device_host() as host:
        maker, holder = host.control(), host.control()
        maker.create_lasting(ID)
        lease = holder.lease(ID)
        os.kill(lease.worker, signal.SIGKILL)
        wait_until(lambda: maker.list()[0].state == RESERVED, "the worker is gone")
        assert len(holder.list()[0].leases) == 1
        for control in (maker, holder):
            assert [one.error()[0] for one in control.unasked] == [WORKER_ENDED]
        assert guest_of(host, lease).borrow(1) >= 1  # under the lease that is held, by another one
        assert maker.list()[0].worker not in (0, lease.worker)


def test_after_the_last_lease_the_worker_rests_and_the_reservation_stays() -> None:
    with quick_to_rest() as host:
        control = host.control()
        control.create_lasting(ID, 600 * MIB)
        first, second = control.lease(ID), control.lease(ID)
        control.end_lease(first.vgpu, first.number)
        time.sleep(3 * IDLE_MS / 1000)
        assert not gone(first.worker)
        guest = guest_of(host, second)
        control.end_lease(second.vgpu, second.number)
        time.sleep(3 * IDLE_MS / 1000)
        assert not gone(first.worker)  # a guest process is there
        guest.close()
        wait_until(lambda: gone(first.worker), "the worker has ended")
        wait_until(lambda: control.list()[0].state == RESERVED, "that is known")
        assert control.list()[0].memory_limit == 600 * MIB
        assert control.try_create(600 * MIB).error()[0] == MEMORY_UNAVAILABLE
        assert control.unasked == []  # nothing went wrong
        # A lease soon after another finds the worker, whatever is under way.
        workers = {first.worker}
        for pause in (0, IDLE_MS - 20, IDLE_MS, IDLE_MS + 5, 3 * IDLE_MS):
            lease = control.lease(ID)
            assert guest_of(host, lease).borrow(1) >= 1
            host.peers.pop().close()
            control.end_lease(lease.vgpu, lease.number)
            workers.add(lease.worker)
            time.sleep(pause / 1000)
        assert len(workers) >= 2


def test_nobody_uses_what_nobody_has_leased(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create_lasting(ID)
    guest = host.silent_guest(vgpu)
    answer = guest.receive()
    assert answer is not None
    assert answer.error()[0] == NO_SUCH_LEASE
    assert guest.receive() is None
    lease = control.lease(ID)
    first, other = guest_of(host, lease), guest_of(host, lease)
    control.end_lease(lease.vgpu, lease.number)
    assert host.guest(vgpu).borrow(1) >= 1  # what its first process has started belongs to it
    first.close()
    other.close()


def test_destroying_cuts_off_and_frees(host: DeviceHostProcess) -> None:
    control = host.control()
    control.create_lasting(ID, 600 * MIB)
    lease = control.lease(ID)
    guest = guest_of(host, lease)
    guest.borrow(MIB)
    assert control.destroy_lasting(ID).kind == DONE
    assert guest.receive() is None
    wait_until(lambda: gone(lease.worker), "the worker has ended")
    assert control.list() == []
    assert control.create_lasting(ID, DEVICE_MEMORY).memory == DEVICE_MEMORY


def test_what_waits_for_a_worker_is_told_that_the_vgpu_is_gone() -> None:
    with running_device_host(orders="sleep 100000") as host:
        control, waiting = host.control(), host.control()
        control.create_lasting(ID)
        waiting.send(LEASE_TAKE, struct.pack("QQQI", 0, *divmod(ID, 1 << 64), 0))
        wait_until(lambda: control.list()[0].leases, "the lease is asked for")
        assert control.destroy_lasting(ID).kind == DONE
        assert waiting.receive_answer().error()[0] == NO_SUCH_VGPU


def test_all_vgpus_are_listed_however_many_holders_they_have() -> None:
    with running_device_host() as host:
        control = host.control()
        for number in range(1, 13):
            control.create_lasting(number, MIB)
            for _ in range(64 if number % 2 else 1):
                control.lease(number)
        some, last = control.list_after(0)
        assert 0 < last < 12
        assert len(some) == last
        assert [one.external_id for one in control.list()] == list(range(1, 13))
        assert sum(len(one.leases) for one in control.list()) == 6 * 65


def test_a_flood_of_creations_is_bounded(host: DeviceHostProcess) -> None:
    control = host.control()
    made = 0
    while (answer := control.try_create(4096, "", LASTING, external_id=made + 1)).kind != ERROR:
        made += 1
    assert (made, answer.error()[0]) == (2500, LIMIT_REACHED)
    assert len(control.list()) == 2500
    assert control.destroy_lasting(7).kind == DONE
    control.create_lasting(3000, 4096)


def test_a_flood_of_creations_leaves_descriptors_to_others() -> None:
    with quick_to_rest("ready serve", "prlimit", "--nofile=128:128") as host:
        control = host.control()
        made = 0
        while (answer := control.try_create(4096, "", LASTING, external_id=made + 1)).kind != ERROR:
            made += 1
        assert answer.error()[0] == LIMIT_REACHED
        assert 20 < made < 100
        guest_of(host, host.control().lease(1))
        with child_process() as process:
            while (answer := control.try_lease(2, process.pid)).kind != ERROR:
                pass
            assert answer.error()[0] == LIMIT_REACHED
        assert len(host.control().list()) == made


@pytest.mark.needs_root
def test_another_user_s_are_refused() -> None:
    """The device host is root's, so that two users' vGPUs can lie on it; root asks for both."""
    with running_device_host() as host:
        control = host.control()
        control.create_lasting(ID)
        for path in (host.runtime, host.device_folder):
            path.chmod(0o755)
        host.control_path.chmod(0o666)
        program = (
            "import socket, struct, sys\n"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
            "s.settimeout(10); s.connect(sys.argv[1])\n"
            "print(struct.unpack_from('=IHHIII', s.recv(256))[2::3])\n"
        )
        run = subprocess.run(
            ["python3", "-c", program, str(host.control_path)],
            user=1001, group=1001, extra_groups=[], cwd="/",
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert run.stdout.strip() == str((ERROR, NOT_PERMITTED))
        lease = control.lease(ID)
        Path(lease.socket_path).chmod(0o666)
        refused = subprocess.run(
            ["python3", "-c", program, lease.socket_path],
            user=1001, group=1001, extra_groups=[], cwd="/",
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert refused.stdout.strip() == str((ERROR, NOT_PERMITTED))


@pytest.mark.needs_root
def test_a_user_names_no_process_of_another_user_s() -> None:
    with running_device_host(user=1000) as host:
        program = (
            "import socket, struct, sys\n"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
            "s.settimeout(10); s.connect(sys.argv[1])\n"
            "def ask(kind, payload):\n"
            f"    header = struct.pack('=IHHII', 0x514C4131, {VERSION}, kind, 1, 0)\n"
            "    s.send(header + payload.ljust(240, b'\\0'))\n"
            "    return struct.unpack_from('=IHHIII', s.recv(256))[2::3]\n"
            "ask(16, b'')\n"
            "create = (4096, 8, 2000, 0, 0, 10000, 1, 0, 0, b'', 0, 1, 2**32 - 1)\n"
            "ask(18, struct.pack('QIIQ4IQ64sQQI', *create))\n"
            "print(ask(85, struct.pack('QQQI', 0, 0, 1, 1)))\n"
        )
        run = subprocess.run(
            ["python3", "-c", program, str(host.control_path)],
            user=1000, group=1000, extra_groups=[], cwd="/",
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert run.stdout.strip() == str((ERROR, NOT_PERMITTED))


def test_nothing_is_left_when_the_supervisor_dies(host: DeviceHostProcess) -> None:
    control = host.control()
    control.create_lasting(ID)
    lease = control.lease(ID)
    device_host = control.device_host()
    assert host.process is not None
    host.process.kill()
    host.process.wait()
    wait_until(lambda: gone(device_host) and gone(lease.worker), "all are gone")
    host.start()
    assert host.control().list() == []
    assert not Path(lease.socket_path).exists()


def test_guest_processes_take_no_leases(host: DeviceHostProcess) -> None:
    control = host.control()
    control.create_lasting(ID)
    lease = control.lease(ID)
    guest = guest_of(host, lease)
    assert guest.ask(LEASE_TAKE, struct.pack("QQQI", 1, 0, 0, 0)).error()[0] == BAD_RECORD
    assert guest_of(host, lease).borrow(1) >= 1
