"""The memory of a vGPU in use, changed: who is told, what is refused, and never a byte too many."""

from __future__ import annotations

import os
import random
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.client.pages import MappedPage
from tests.contract.device_host_process import (
    BAD_SHARE,
    CREDIT_REQUEST,
    DEVICE_MEMORY,
    DONE,
    ERROR,
    MEMORY_IN_USE,
    MEMORY_UNAVAILABLE,
    MIB,
    NO_SHARES,
    NO_SUCH_VGPU,
    SHARE_UNAVAILABLE,
    VGPU_CREATED,
    VGPU_RESIZE,
    Control,
    DeviceHostProcess,
    Guest,
    Vgpu,
    running_device_host,
    wait_until,
)


def spend(guest: Guest, size: int) -> None:
    """Borrows exactly so much and spends all of it, and what it had."""
    assert guest.borrow(size) >= size
    guest.set_page_credit(0)


def limit_on_page(guest: Guest) -> int:
    return struct.unpack("Q", os.pread(guest.descriptors[1], 8, 64))[0]


def test_up_as_far_as_memory_is_unreserved(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(64 * MIB)
    other = control.create(200 * MIB)
    guest = host.guest(vgpu)
    assert guest.borrow(65 * MIB) == 0
    code, told = control.resize(vgpu.number, memory=DEVICE_MEMORY - 200 * MIB + 1).error()
    assert code == MEMORY_UNAVAILABLE
    assert str(DEVICE_MEMORY - 264 * MIB) in told  # what is free
    assert control.resize(vgpu.number, memory=DEVICE_MEMORY - 200 * MIB).kind == DONE
    # The ledger, the page of the account, who comes from now on, and the vGPU's page follow.
    assert guest.borrow(500 * MIB) >= 500 * MIB
    assert limit_on_page(guest) == DEVICE_MEMORY - 200 * MIB
    assert host.guest(vgpu).memory_limit == DEVICE_MEMORY - 200 * MIB
    page = MappedPage(os.dup(guest.descriptors[2]))
    assert page.read().memory_limit == DEVICE_MEMORY - 200 * MIB
    page.close()
    assert control.list()[0].memory_limit == DEVICE_MEMORY - 200 * MIB
    assert control.try_create(1).error()[0] == MEMORY_UNAVAILABLE
    # What a vGPU on its way out still holds is waited for.
    control.destroy(other.number)
    assert control.resize(vgpu.number, memory=DEVICE_MEMORY).kind == DONE


def test_down_as_far_as_it_is_unused(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(512 * MIB)
    one, other = host.guest(vgpu), host.guest(vgpu)
    spend(one, 100 * MIB)
    assert other.borrow(300 * MIB) >= 300 * MIB  # and unspent
    used = control.list()[0].memory_used
    code, told = control.resize(vgpu.number, memory=used - 1).error()
    assert code == MEMORY_IN_USE
    assert f"{used} are in use" in told
    assert control.list()[0].memory_limit == 512 * MIB
    assert other.borrow(300 * MIB) >= 300 * MIB  # all as it was
    assert control.resize(vgpu.number, memory=used).kind == DONE
    assert other.page_credit() == 0
    assert (one.borrow(1), other.borrow(1)) == (0, 0)
    assert control.list()[0].memory_lent == used
    assert (limit_on_page(one), host.guest(vgpu).memory_limit) == (used, used)
    # The rest is there for others, to the byte.
    assert control.try_create(DEVICE_MEMORY - used + 1).error()[0] == MEMORY_UNAVAILABLE
    assert control.try_create(DEVICE_MEMORY - used).kind == VGPU_CREATED


def test_sizes_and_vgpus_that_can_t_be(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(64 * MIB)
    for size in (DEVICE_MEMORY + 1, 2**63, 2**64 - 1):
        assert control.resize(vgpu.number, memory=size).error()[0] == MEMORY_UNAVAILABLE
    assert control.resize(99, memory=MIB).error()[0] == NO_SUCH_VGPU
    assert control.resize(vgpu.number, memory=1).kind == DONE
    assert control.resize(vgpu.number, memory=0).kind == DONE  # as it is
    assert control.list()[0].memory_limit == 1
    assert host.guest(vgpu).borrow(2) == 0


def test_all_of_a_resize_or_nothing(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create(64 * MIB)
    assert control.try_create(MIB, shares=(5_000, 10_000, 1, 0)).kind == VGPU_CREATED
    half = (5_000, 10_000, 2, 0)
    for memory, shares, code in (
        (2 * DEVICE_MEMORY, half, MEMORY_UNAVAILABLE),
        (32 * MIB, (5_001, 10_000, 2, 0), SHARE_UNAVAILABLE),
        (32 * MIB, (5_000, 4_999, 2, 0), BAD_SHARE),
    ):
        assert control.resize(vgpu.number, shares, memory=memory).error()[0] == code
        assert (control.list()[0].memory_limit, control.list()[0].shares) == (64 * MIB, NO_SHARES)
    assert control.resize(vgpu.number, half, memory=32 * MIB).kind == DONE
    assert (control.list()[0].memory_limit, control.list()[0].shares) == (32 * MIB, half)


def test_what_the_worker_has_yet_to_free_is_in_use() -> None:
    """A program has released it, and a kernel uses it still."""
    with running_device_host(orders=f"used {40 * MIB} ready serve") as host:
        control = host.control()
        vgpu = control.create(64 * MIB)
        guest = host.guest(vgpu)
        code, told = control.resize(vgpu.number, memory=40 * MIB - 1).error()
        assert code == MEMORY_IN_USE
        assert f"{40 * MIB} are in use" in told
        assert guest.borrow(64 * MIB) == 64 * MIB
        assert control.resize(vgpu.number, memory=40 * MIB).kind == DONE


def test_a_worker_that_doesn_t_say_frees_nothing() -> None:
    with running_device_host(orders="ready serve-silently") as host:
        control = host.control()
        vgpu = control.create(64 * MIB)
        guest = host.guest(vgpu)
        assert control.resize(vgpu.number, memory=MIB).error()[0] == MEMORY_IN_USE
        assert control.try_create(DEVICE_MEMORY - 64 * MIB + 1).error()[0] == MEMORY_UNAVAILABLE
        assert guest.borrow(64 * MIB) == 64 * MIB


def test_what_a_departing_guest_process_had_is_waited_for() -> None:
    with running_device_host(orders="ready await-connect sleep 700 serve") as host:
        control = host.control()
        vgpu = control.create(64 * MIB)
        guest = host.guest(vgpu)
        spend(guest, 60 * MIB)
        guest.close()
        assert control.resize(vgpu.number, memory=MIB).kind == DONE


def test_who_hangs_up_meanwhile_changes_nothing() -> None:
    with running_device_host(orders=f"used {40 * MIB} ready serve") as host:
        control, other = host.control(), host.control()
        vgpu = control.create(64 * MIB)
        guest = host.guest(vgpu)
        other.send(VGPU_RESIZE, struct.pack("Q4IQQ", vgpu.number, *NO_SHARES, 0, MIB))
        time.sleep(0.1)
        other.close()
        wait_until(lambda: guest.borrow(64 * MIB) == 64 * MIB, "all can be lent again", 1)
        assert control.list()[0].memory_limit == 64 * MIB


def test_the_witness_s_bound_follows() -> None:
    """What it holds beside the quota may be the driver's 256 MiB and no more."""
    # In a child, so that the worker can answer meanwhile, however slow the machine is.
    orders = f"ready await-connect fork-allocate {400 * MIB} serve"
    with running_device_host(orders=orders) as host:
        control = host.control()
        vgpu = control.create(64 * MIB)
        assert control.resize(vgpu.number, memory=512 * MIB).kind == DONE
        host.guest(vgpu)

        def held() -> int:
            return control.list()[0].witnessed

        wait_until(lambda: held() > 400 * MIB, "it holds what it was told to")
        time.sleep(1)
        assert control.list()[0].worker == vgpu.worker
        code, told = control.resize(vgpu.number, memory=64 * MIB).error()
        assert code == MEMORY_IN_USE
        assert "the worker holds" in told
        assert control.resize(vgpu.number, memory=300 * MIB).kind == DONE
        time.sleep(1)
        assert control.list()[0].worker == vgpu.worker, host.log()[-2000:]


@pytest.mark.needs_root
def test_the_cgroup_s_limit_follows() -> None:
    with running_device_host() as host:
        control = host.control()
        vgpu = control.create(64 * MIB)
        host.guest(vgpu)
        limit = cgroup_limit(vgpu)
        if limit is None:
            pytest.skip("no cgroup limits memory here")
        before = limit()
        assert control.resize(vgpu.number, memory=512 * MIB).kind == DONE
        assert limit() == before + 448 * MIB
        assert control.resize(vgpu.number, memory=32 * MIB).kind == DONE
        assert limit() == before - 32 * MIB


def cgroup_limit(vgpu: Vgpu) -> Callable[[], int] | None:
    for line in Path(f"/proc/{vgpu.worker}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for file in (
            Path(f"/sys/fs/cgroup{path}/memory.max"),
            Path(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"),
        ):
            of_memory = controllers in ("", "memory")
            if of_memory and "aliquot" in path and file.exists():
                return lambda file=file: int(file.read_text())
    return None


def test_allocation_races_against_the_resize(host: DeviceHostProcess) -> None:
    """Guest processes spend and return while the size goes up and down and others take the rest."""
    control = host.control()
    vgpu = control.create(256 * MIB)
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(guest: Guest, seed: int) -> None:
        moments = random.Random(seed)
        try:
            while not stop.is_set():
                wanted = moments.randrange(1, 48 * MIB)
                granted = guest.borrow(wanted)
                assert granted == 0 or granted >= wanted
                if moments.random() < 0.5:
                    guest.set_page_credit(0)  # spent, and released
                    time.sleep(moments.random() * 0.01)
                guest.set_page_credit(1 << 40)  # believed up to what was lent
        except BaseException as error:
            failures.append(error)

    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    guests = [host.guest(vgpu) for _ in range(3)]
    threads = [
        threading.Thread(target=work, args=[guest, seed + at]) for at, guest in enumerate(guests)
    ]
    for thread in threads:
        thread.start()
    moments = random.Random(seed)
    size = 256 * MIB
    refused = 0
    rest: Vgpu | None = None
    for _ in range(100):
        wanted = moments.randrange(1, DEVICE_MEMORY)
        answer = control.resize(vgpu.number, memory=wanted)
        if answer.kind == ERROR:
            refused += 1
            assert answer.error()[0] in (MEMORY_IN_USE, MEMORY_UNAVAILABLE)
        else:
            size = wanted
        statuses = control.list()
        assert [one.memory_limit for one in statuses if one.vgpu == vgpu.number] == [size]
        assert all(one.memory_lent <= one.memory_limit for one in statuses)
        assert sum(one.memory_limit for one in statuses) <= DEVICE_MEMORY
        if rest is None:
            rest = control.create(0) if size < DEVICE_MEMORY else None
        elif moments.random() < 0.5:
            control.destroy(rest.number)
            rest = None
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not failures, failures
    assert 0 < refused < 100


def test_two_resizes_of_one_vgpu_are_both_done() -> None:
    with running_device_host(orders="ready serve") as host:
        first, second = host.control(), host.control()
        vgpu = first.create(64 * MIB)
        host.guest(vgpu)
        for size in range(1, 20):
            ask_both(first, second, vgpu, size * MIB)
            assert first.receive_answer().kind == DONE
            assert second.receive_answer().kind == DONE
            assert first.list()[0].memory_limit in (size * MIB, size * MIB + 1)


def ask_both(first: Control, second: Control, vgpu: Vgpu, size: int) -> None:
    for control, wanted in ((first, size), (second, size + 1)):
        control.send(VGPU_RESIZE, struct.pack("Q4IQQ", vgpu.number, *NO_SHARES, 0, wanted))


def test_credit_asked_for_meanwhile_is_answered(host: DeviceHostProcess) -> None:
    host.orders.write_text(f"used {40 * MIB} ready serve")
    control = host.control()
    vgpu = control.create(64 * MIB)
    guest = host.guest(vgpu)
    control.send(VGPU_RESIZE, struct.pack("Q4IQQ", vgpu.number, *NO_SHARES, 0, MIB))
    time.sleep(0.1)
    begin = time.monotonic()
    guest.send(CREDIT_REQUEST, struct.pack("Q", 64 * MIB))
    assert struct.unpack_from("Q", guest.receive_answer().payload)[0] == 64 * MIB
    assert time.monotonic() - begin > 0.5  # it waited for the resize to be refused
    assert control.receive_answer().error()[0] == MEMORY_IN_USE
