"""Receipts: what guest drivers claim of their time, and what the device host makes of it."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Sequence

from aliquot.client import records
from tests.contract.device_host_process import (
    RECEIPT,
    RECEIPT_GET,
    Control,
    DeviceHostProcess,
    Guest,
    Vgpu,
)

MS = 1_000_000


def receipt(control: Control, vgpu: Vgpu) -> records.Receipt:
    answer = control.ask(RECEIPT_GET, struct.pack("Q", vgpu.number))
    assert answer.kind == RECEIPT, answer.error()
    return records.payload_of(
        records.Record(records.VERSION, answer.kind, answer.sequence, answer.payload),
        records.Receipt,
    )


def claim(guest: Guest, spent: Sequence[int], counts: Sequence[int] = (0, 0, 0)) -> None:
    """What a guest driver writes at the end of the connection memory."""
    place = os.fstat(guest.memory).st_size - mmap.PAGESIZE
    os.pwrite(guest.memory, struct.pack("8Q3Q", *spent, *counts), place)


def test_claims_of_those_that_are_gone_are_kept(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    first, second = host.guest(vgpu), host.guest(vgpu)
    time.sleep(0.05)
    claim(first, [MS, 2 * MS, 0, 3 * MS, 0, 4 * MS, 0, 0], (5, 6, 7))
    claim(second, [0, 0, 0, 0, 0, 0, 0, MS])
    first.close()
    told = receipt(control, vgpu)  # whose end comes before the question, is gone in the answer
    assert told.processes == 2
    assert (told.start_ns, told.kernels_ns, told.others_ns, told.syncs_ns) == (
        *(MS, 2 * MS, 3 * MS, 4 * MS),
    )
    assert (told.syncs, told.round_trips, told.builds, told.compiling_ns) == (5, 6, 7, MS)
    # Both lived from the vGPU's making on: this process is older.
    assert told.covered_ns < told.alive_ns < 2 * told.covered_ns


def test_no_more_is_believed_than_the_process_lived(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    liar = host.guest(vgpu)
    claim(liar, [2**64 - 1] * 8, (2**64 - 1,) * 3)
    told = receipt(control, vgpu)
    assert told.start_ns == told.alive_ns
    assert told.kernels_ns == told.compiling_ns == 0
    assert told.syncs <= told.alive_ns < 600 * 10**9


def test_a_vgpu_that_nobody_used(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    told = receipt(control, vgpu)
    assert (told.vgpu, told.processes, told.alive_ns, told.covered_ns) == (vgpu.number, 0, 0, 0)
    assert control.ask(RECEIPT_GET, struct.pack("Q", 99)).error()[0] == 6


def test_the_page_can_be_read_and_nothing_else(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    receipt(control, vgpu)
    for page in (guest.descriptors[2], control.descriptors[0]):
        for attempt in (
            lambda page=page: os.pwrite(page, b"x", 0),
            lambda page=page: os.truncate(page, 0),
            lambda page=page: mmap.mmap(page, mmap.PAGESIZE),
        ):
            try:
                attempt()
            except PermissionError:
                continue
            raise AssertionError("the page could be changed")
        assert len(mmap.mmap(page, mmap.PAGESIZE, prot=mmap.PROT_READ)) == mmap.PAGESIZE
