"""The command queues of guest processes: what a worker tells of them, and one that does harm."""

from __future__ import annotations

import contextlib
import os
import struct
import time

import pytest

from aliquot.client import records
from tests.contract.device_host_process import (
    ERROR,
    NO_SUCH_VGPU,
    Control,
    DeviceHostProcess,
    Record,
    Vgpu,
    running_device_host,
    wait_until,
)
from tests.contract.test_device_host_rebirth import kill_device_host

QUEUES_GET, QUEUES = 106, 107
TOLD, NO_WORKER, SILENT = 0, 1, 2
WRITE_SEAL = 8
MOST = 2**53 - 1  # that is told of anything


def ask(control: Control, vgpu: Vgpu) -> tuple[records.Queues, list[records.VgpuQueue]]:
    before = len(control.descriptors)
    return told(control, control.ask(QUEUES_GET, struct.pack("Q", vgpu.number)), before)


def told(
    control: Control, answer: Record, before: int
) -> tuple[records.Queues, list[records.VgpuQueue]]:
    """An answer taken apart, with what is in the memory that came with it."""
    assert answer.kind == QUEUES, answer
    fields = records.Queues(*records.LAYOUTS[records.Queues].unpack_from(answer.payload))
    if not fields.queue_count:
        assert len(control.descriptors) == before
        return fields, []
    memory = control.descriptors[-1]
    data = os.pread(memory, 1 << 20, 0)
    with contextlib.suppress(PermissionError):
        os.pwrite(memory, b"x", 0)
        raise AssertionError("what was told could be changed")
    found = [records.VgpuQueue(*queue) for queue in records.QUEUE.iter_unpack(data)]
    assert len(found) == fields.queue_count
    return fields, found


def telling(tale: str) -> contextlib.AbstractContextManager[DeviceHostProcess]:
    return running_device_host(orders=f"ready queues {tale} serve")


def test_queues_are_told_as_the_worker_tells_them() -> None:
    with telling("two") as host:
        control = host.control()
        vgpu = control.create()
        guest = host.guest(vgpu)
        begun = time.monotonic_ns()
        wait_until(lambda: control.list()[0].guests == 1, "it is there")
        answer, found = ask(control, vgpu)
        assert (answer.vgpu, answer.answer, answer.left_out) == (vgpu.number, TOLD, 7)
        assert begun < answer.at_ns < time.monotonic_ns()
        first, second = found
        assert {queue.connection for queue in found} == {guest.connection}
        assert {queue.left_out for queue in found} == {7}
        assert (first.queue, first.flags, first.outstanding, first.completed) == (1, 1, 3, 40)
        assert first.oldest_ns == 5_000
        assert (second.queue, second.flags, second.outstanding) == (4, 0, 0)
        # It never had the device, whatever it says.
        assert [queue.device_ns for queue in found] == [0, 0]


def test_claims_beyond_measure_are_cut() -> None:
    with telling("boasts") as host:
        control = host.control()
        vgpu = control.create()
        guest = host.guest(vgpu)
        _, [queue] = ask(control, vgpu)
        assert queue.connection == guest.connection
        assert (queue.outstanding, queue.completed, queue.device_ns) == (MOST, MOST, 0)
        assert queue.oldest_ns < 3600 * 10**9


@pytest.mark.parametrize("tale", ["many", "nowhere", "twice"])
def test_what_no_worker_of_ours_says_ends_it(tale: str) -> None:
    with telling(tale) as host:
        control = host.control()
        vgpu = control.create()
        guest = host.guest(vgpu)
        answer, found = ask(control, vgpu)
        assert (answer.answer, found) == (NO_WORKER, [])
        assert guest.receive() is None
        host.wait_for_log("it told of queues in a way that can't be")
        # Another vGPU is none the worse.
        host.orders.write_text("ready serve")
        assert host.guest(control.create(name="living")).borrow(1) >= 1


def test_queues_of_nobody_are_not_told() -> None:
    with telling("stranger") as host:
        control = host.control()
        vgpu = control.create()
        guest = host.guest(vgpu)
        answer, found = ask(control, vgpu)
        assert (answer.answer, found) == (TOLD, [])
        assert guest.borrow(1) >= 1


@pytest.mark.parametrize("orders", ["ready serve", "ready queues endless serve"])
def test_a_worker_that_does_not_answer(orders: str) -> None:
    """Whoever asks is told so, and nobody waits meanwhile: neither others, nor the device host."""
    with running_device_host(orders=orders) as host:
        control, other = host.control(), host.control()
        vgpu = control.create()
        guest = host.guest(vgpu)
        control.send(QUEUES_GET, struct.pack("Q", vgpu.number))
        assert guest.borrow(1) >= 1
        assert other.list()[0].vgpu == vgpu.number
        answer, found = told(control, control.receive_answer(), 0)
        assert (answer.answer, found) == (SILENT, [])
        # It is asked again by who asks again, and lives.
        assert ask(control, vgpu)[0].answer == SILENT
        assert control.list()[0].worker == vgpu.worker


def test_a_vgpu_without_a_worker_has_no_queues() -> None:
    with telling("two") as host:
        control = host.control()
        vgpu = control.create_lasting(7)
        answer, found = ask(control, vgpu)
        assert (answer.answer, found) == (NO_WORKER, [])
        answer = control.ask(QUEUES_GET, struct.pack("Q", 99))
        assert answer.kind == ERROR
        assert answer.error()[0] == NO_SUCH_VGPU


def test_a_device_host_that_was_replaced_asks_as_before() -> None:
    with telling("two") as host:
        control = host.control()
        vgpu = control.create()
        guest = host.guest(vgpu)
        _, before = ask(control, vgpu)
        kill_device_host(control)
        answer, found = ask(control, vgpu)
        assert answer.answer == TOLD
        assert [queue[:6] for queue in found] == [queue[:6] for queue in before]
        assert guest.borrow(1) >= 1


def test_who_had_asked_is_answered_by_the_next_device_host() -> None:
    """A question that a device host dies over, before its worker has answered."""
    with running_device_host(orders="ready serve") as host:
        control, other = host.control(), host.control()
        vgpu = control.create()
        host.guest(vgpu)
        control.send(QUEUES_GET, struct.pack("Q", vgpu.number))
        kill_device_host(other)
        answer, found = told(control, control.receive_answer(), 0)
        assert (answer.answer, found) == (SILENT, [])
