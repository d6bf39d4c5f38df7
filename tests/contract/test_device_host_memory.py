"""What a device host lends: credit to the byte, arenas within bounds, memory that is sealed."""

from __future__ import annotations

import fcntl
import os

import pytest

from tests.contract.device_host_process import (
    BUFFERS,
    MIB,
    STAGING,
    DeviceHostProcess,
    running_device_host,
    wait_until,
)

F_GET_SEALS = 1034
SEALED = 1 | 2 | 4  # seal, shrink, grow; writing stays possible
READ_ONLY = SEALED | 16  # nobody who maps it from now on can write


def test_shared_memory_is_sealed(host: DeviceHostProcess) -> None:
    guest = host.guest(host.control().create())
    guest.arena(MIB, STAGING)
    memory, account, page, arena = guest.descriptors
    for descriptor in guest.descriptors:
        seals = READ_ONLY if descriptor == page else SEALED
        assert fcntl.fcntl(descriptor, F_GET_SEALS) & 0x1F == seals
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, 1)
    assert os.fstat(memory).st_size > 16 * MIB
    assert os.fstat(account).st_size == os.fstat(page).st_size == 4096
    assert os.fstat(arena).st_size == MIB


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


def test_staging_of_all_guest_processes_is_bounded(host: DeviceHostProcess) -> None:
    """It is memory of the host's, beside the quota: 1 GiB and the quota for a vGPU."""
    vgpu = host.control().create(64 * MIB)
    guests = [host.guest(vgpu) for _ in range(6)]
    sizes = [guest.arena(256 * MIB, STAGING)[0] for guest in guests]
    assert sizes == [256 * MIB] * 4 + [0, 0]
    assert guests[4].arena(64 * MIB, STAGING)[0] == 64 * MIB
    assert guests[5].arena(4096, STAGING) == (0, 0)
    # What a guest process that goes had is there for the others.
    guests[0].close()
    assert guests[5].arena(256 * MIB, STAGING)[0] == 256 * MIB


def test_number_of_arenas_is_bounded(host: DeviceHostProcess) -> None:
    guest = host.guest(host.control().create())
    assert sum(guest.arena(4096)[0] > 0 for _ in range(300)) == 256


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


def test_dropped_arenas_count_no_more() -> None:
    orders = "ready await-connect sleep 500 await-connect drop-arenas serve"
    with running_device_host(orders=orders) as host:
        vgpu = host.control().create(64 * MIB)
        guest = host.guest(vgpu)
        assert guest.arena(128 * MIB, BUFFERS)[0] == 128 * MIB
        assert guest.arena(64 * MIB, BUFFERS) == (0, 0)
        host.guest(vgpu)
        wait_until(lambda: guest.arena(64 * MIB, BUFFERS)[0], "there is room again")
