"""Workers that load, fail, die, break their word and are ended."""

from __future__ import annotations

import os
import signal
import struct
import time

import pytest

from tests.contract.device_host_process import (
    GUEST_HELLO,
    MIB,
    WORKER_ENDED,
    WORKER_START,
    DeviceHostProcess,
    running_device_host,
    wait_until,
)


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
        "false-pong serve",
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


def test_a_worker_that_does_not_answer_is_killed() -> None:
    with running_device_host(orders="ready await-connect serve-silently") as host:
        guest = host.guest(host.control().create())
        assert guest.receive() is None
        host.wait_for_log("it didn't answer for 10 s")


def test_a_worker_that_answers_is_left_alone(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    time.sleep(11)
    assert guest.borrow(MIB) >= MIB
    assert control.list()[0].worker == vgpu.worker


def test_worker_claims_are_shown() -> None:
    with running_device_host(orders="ready status 4711 serve") as host:
        control = host.control()
        control.create()
        wait_until(lambda: control.list()[0].kernels == 4711, "the claim arrives")
