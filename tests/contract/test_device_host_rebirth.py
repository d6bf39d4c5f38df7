"""A device host that is killed: its supervisor starts another, and nobody is the worse for it."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import signal
import struct
import threading
import time
from pathlib import Path

from aliquot.client.pages import MappedPage
from tests.contract.device_host_process import (
    BUFFERS,
    CONTROL_HELLO,
    CREDIT_REPLY,
    CREDIT_REQUEST,
    DONE,
    MEMORY_UNAVAILABLE,
    MIB,
    STAGING,
    VGPU_CREATED,
    Control,
    DeviceHostProcess,
    Guest,
    Vgpu,
    wait_until,
)
from tests.contract.test_device_host_receipt import MS, claim, receipt


def kill_device_host(control: Control) -> int:
    """Kills it; the process of the one that took its place."""
    old = control.device_host()
    os.kill(old, signal.SIGKILL)
    new = control.device_host()
    assert new != old
    return new


def patient_guest(host: DeviceHostProcess, vgpu: Vgpu) -> Guest:
    """One that greets again, as guest drivers do, where the device host died as it took it in."""
    for _ in range(4):
        with contextlib.suppress(AssertionError, OSError):
            return host.guest(vgpu)
    return host.guest(vgpu)


def test_everybody_goes_on(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(name="kept")
    guest, other = host.guest(vgpu), host.guest(vgpu)
    lent = guest.borrow(MIB) + other.borrow(MIB)
    assert guest.arena(2 * MIB) == (2 * MIB, 1)
    assert guest.arena(MIB, STAGING) == (MIB, 2)
    shares = (2_500, 7_500, 3, 1)
    assert control.resize(vgpu.number, shares).kind == DONE
    control.set_policy(1, 4, 3_000_000)
    before = control.list()[0]
    kill_device_host(control)
    after = control.list()[0]
    assert (after.vgpu, after.name, after.worker) == (vgpu.number, "kept", vgpu.worker)
    assert after.memory_lent == before.memory_lent == lent
    assert (after.memory_limit, after.guests, after.shares) == (vgpu.memory, 2, shares)
    assert after.protections == before.protections
    assert control.policy() == (1, 4, 3_000_000)
    # The books go on where they were, and so do numbers.
    lent += guest.borrow(MIB)
    assert control.list()[0].memory_lent == lent
    assert guest.arena(MIB) == (MIB, 3)
    assert host.guest(vgpu).connection == other.connection + 1
    assert control.create(name="next").number == vgpu.number + 1
    # What the worker frees comes back.
    other.close()
    guest.close()
    wait_until(lambda: control.list()[0].memory_lent == 0, "all credit is back")
    control.destroy(vgpu.number)
    wait_until(lambda: not Path(f"/proc/{vgpu.worker}").exists(), "the worker is gone")


def test_what_is_told_goes_on(host: DeviceHostProcess) -> None:
    """The page stays the same one and is written on; so are copies' limit, sums and claims."""
    host.orders.write_text("ready status 12 serve")
    control = host.control()
    vgpu = control.create()
    assert control.resize(vgpu.number, (0, 10_000, 1, 0), copy_limit=500 * MIB).kind == DONE
    gone, guest = host.guest(vgpu), host.guest(vgpu)
    wait_until(lambda: receipt(control, vgpu).alive_ns > 50 * MS, "they lived for a while")
    claim(gone, [MS, 2 * MS, 0, 3 * MS, 0, 4 * MS, 0, 0], (5, 6, 7))
    claim(guest, [0, 0, 0, 0, 0, 0, 0, MS])
    gone.close()
    before = receipt(control, vgpu)
    page = MappedPage(os.dup(guest.descriptors[2]))
    wait_until(lambda: page.read().kernels == 12, "the worker's claim is on the page")
    kill_device_host(control)
    reborn_at = time.monotonic_ns()
    assert control.list()[0].copy_limit == 500 * MIB
    after = receipt(control, vgpu)
    assert after.processes == before.processes == 2
    assert after[4:15] == before[4:15]  # what was claimed
    passed = after.at_ns - before.at_ns
    assert after.alive_ns - before.alive_ns == after.covered_ns - before.covered_ns == passed
    wait_until(lambda: page.read().looked_ns > reborn_at, "the page is written on")
    told = page.read()
    assert (told.kernels, told.guest_processes, told.gone) == (12, 1, 0)
    later = host.guest(vgpu)
    assert os.fstat(later.descriptors[2]).st_ino == os.fstat(guest.descriptors[2]).st_ino
    assert receipt(control, vgpu).processes == 3
    with contextlib.suppress(PermissionError):
        mmap.mmap(later.descriptors[2], mmap.PAGESIZE)
        raise AssertionError("the page could be changed")
    assert control.destroy(vgpu.number).kind == DONE
    wait_until(lambda: page.read().gone == 1, "the page tells of the end")
    page.close()


def test_limits_hold_across_a_death(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(memory=16 * MIB)
    guest = host.guest(vgpu)
    assert guest.borrow(10 * MIB) == 10 * MIB
    guest.set_page_credit(0)  # spent
    staged = sum(guest.arena(64 * MIB, STAGING)[0] for _ in range(3))
    kill_device_host(control)
    assert guest.borrow(7 * MIB) == 0
    assert guest.borrow(6 * MIB) == 6 * MIB
    assert guest.arena(256 * MIB - staged + 1, STAGING) == (0, 0)
    assert guest.arena(256 * MIB - staged, STAGING)[0] == 256 * MIB - staged
    assert guest.arena(80 * MIB + 1, BUFFERS) == (0, 0)
    # The device's memory is reserved as before.
    assert control.try_create(memory=1008 * MIB + 1).error()[0] == MEMORY_UNAVAILABLE
    assert control.try_create(memory=1008 * MIB).kind == VGPU_CREATED


def test_a_death_is_short(host: DeviceHostProcess) -> None:
    control = host.control()
    guest = host.guest(control.create())
    pauses: list[float] = []
    for _ in range(5):
        os.kill(control.device_host(), signal.SIGKILL)
        begin = time.monotonic()
        assert guest.borrow(4096) >= 0
        pauses.append(time.monotonic() - begin)
    print("seconds from a death to the next answer:", pauses)
    host.wait_for_log("goes on, \\d+ ms after another's death: 1 vGPUs, 1 control connections")


def test_requests_are_answered_once_however_often_it_dies(host: DeviceHostProcess) -> None:
    """Deaths at random moments under records of all kinds; each is answered once, and rightly."""
    control = host.control()
    vgpu = control.create(memory=512 * MIB)
    stop = threading.Event()
    failures: list[BaseException] = []
    lent: dict[int, int] = {}

    def work(guest: Guest) -> None:
        try:
            arenas = 0
            while not stop.is_set():
                # Never so much that it is short, and taken back from others.
                wanted = 4096 if lent.get(guest.connection, 0) < 128 * MIB else 0
                lent[guest.connection] = lent.get(guest.connection, 0) + guest.borrow(wanted)
                if arenas < 100:
                    arenas += 1
                    assert guest.arena(4096) == (4096, arenas)
                guest.send(CREDIT_REQUEST, struct.pack("Q", 1 << 40))
                assert guest.receive_answer().sequence == guest.sequence
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[host.guest(vgpu)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    watcher = host.control()
    others = 0
    for round_ in range(9):  # more within 10 s would be too many
        time.sleep(moments.uniform(0, 0.3))
        os.kill(watcher.device_host(), signal.SIGKILL)
        if round_ % 3 == 0:
            others += patient_guest(host, vgpu).borrow(1)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not failures, failures
    assert control.list()[0].worker == vgpu.worker, host.log()[-4000:]
    # A grant is noted before it is given: of a death between the two the books keep too much.
    ahead = control.list()[0].memory_lent - sum(lent.values()) - others
    assert 0 <= ahead <= 9 * 2 * MIB, (ahead, lent)


def test_vgpus_are_made_and_ended_while_it_dies(host: DeviceHostProcess) -> None:
    control = host.control()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    for round_ in range(12):
        process = control.device_host()
        threading.Timer(moments.uniform(0, 0.06), os.kill, (process, signal.SIGKILL)).start()
        vgpu = control.create(name=f"round-{round_}")
        guest = patient_guest(host, vgpu)
        assert guest.borrow(MIB) >= MIB
        guest.close()
        assert control.destroy(vgpu.number).kind == DONE
        wait_until(lambda: not control.list(), "the vGPU is gone")
        wait_until(lambda process=process: control.device_host() != process, "it was reborn")
        time.sleep(1)
    assert not [path.name for path in host.device_folder.glob("v*.sock")]


def test_a_worker_that_died_meanwhile_is_noticed(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    old = control.device_host()
    os.kill(old, signal.SIGSTOP)
    os.kill(vgpu.worker, signal.SIGKILL)
    os.kill(old, signal.SIGKILL)
    assert guest.receive() is None
    host.wait_for_log("ended: ended by signal 9")
    assert host.guest(vgpu).borrow(4096) >= 4096
    assert control.list()[0].worker != vgpu.worker


def test_it_is_given_up_when_it_dies_again_and_again(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    for _ in range(10):
        kill_device_host(control)
    assert guest.borrow(4096) >= 0
    os.kill(control.device_host(), signal.SIGKILL)
    assert host.wait_for_end() == 1
    assert guest.receive() is None
    assert not Path(f"/proc/{vgpu.worker}").exists()
    assert "is given up: all vGPUs end" in host.log()
    assert not host.control_path.exists()
    assert not Path(vgpu.socket_path).exists()
    host.start()
    host.guest(host.control().create())


def test_no_descriptor_is_lost_by_deaths(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    guest.arena(MIB)
    assert host.process is not None
    supervisor = host.process.pid

    def held() -> tuple[int, int, int]:
        own = struct.unpack_from("I", control.ask(CONTROL_HELLO).payload, 96)[0]
        kept = len(list(Path(f"/proc/{supervisor}/fd").iterdir())) if os.geteuid() == 0 else 0
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return own, kept, len(children)

    kill_device_host(control)
    before = held()
    for _ in range(4):
        kill_device_host(control)
        other = host.guest(vgpu)
        other.arena(MIB)
        other.close()
        wait_until(lambda: control.list()[0].guests == 1, "one guest process is left")
    wait_until(lambda: held() == before, f"descriptors and children as before: {held()}, {before}")


def answers(vgpu: Vgpu, host: DeviceHostProcess) -> bool:
    return host.guest(vgpu).ask(CREDIT_REQUEST, struct.pack("Q", 1)).kind == CREDIT_REPLY


def test_terminated_while_reborn(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    assert answers(vgpu, host)
    kill_device_host(control)
    assert host.process is not None
    host.process.terminate()
    assert host.wait_for_end() == 0
    assert not Path(f"/proc/{vgpu.worker}").exists()
    assert {path.name for path in host.device_folder.iterdir()} == {"lock", "view"}
