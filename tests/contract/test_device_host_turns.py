"""The turns of the last minute, as the device host tells them to its owner."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import time
from collections.abc import Iterator

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.model.turn import Turn
from tests.contract.device_host_process import (
    MIB,
    DeviceHostProcess,
    identities,
    running_device_host,
    wait_until,
)

TURNS_GET, TURNS = 100, 101
WRITE_SEAL = 8


@pytest.fixture(params=identities(), ids=lambda user: "as-self" if user is None else "as-user")
def busy(request: pytest.FixtureRequest) -> Iterator[tuple[DeviceHostProcess, DeviceHost]]:
    """A device host with two vGPUs that compute all the time."""
    with running_device_host(request.param, "ready compute honest") as running:
        joined = DeviceHost.join(str(running.control_path))
        assert joined is not None
        with joined as host:
            vgpus = [host.create_vgpu(name, 64 * MIB) for name in ("one", "other")]
            assert [vgpu.id for vgpu in vgpus] == [1, 2]
            yield running, host


def by_beginning(turns: list[Turn], known: dict[tuple[int, int], Turn]) -> None:
    for turn in turns:
        known[turn.vgpu, turn.begin_ns] = turn


def test_turns_are_told_as_they_go_by(busy: tuple[DeviceHostProcess, DeviceHost]) -> None:
    _, host = busy
    begun = time.monotonic_ns()
    known: dict[tuple[int, int], Turn] = {}
    since = begun
    while time.monotonic_ns() < begun + 1_000_000_000:
        told = host.turns(since)
        by_beginning(told, known)
        since = max([since, *(turn.end_ns for turn in told[:-1])])
        time.sleep(0.1)
    whole = host.turns(begun)
    by_beginning(whole, known)
    # What was told bit by bit is what is told at once.
    assert {(turn.vgpu, turn.begin_ns) for turn in whole} == set(known)
    assert {turn.vgpu for turn in whole} == {1, 2}
    assert whole == sorted(whole, key=lambda turn: turn.begin_ns)
    now = time.monotonic_ns()
    assert all(turn.begin_ns <= turn.end_ns <= now for turn in whole)
    assert all(0 <= turn.charged_ns <= turn.end_ns - turn.begin_ns for turn in whole)
    # Turns of two that want it all the time fill the time.
    charged = sum(turn.charged_ns for turn in whole)
    assert charged <= now - begun + 50_000_000
    held = sum(turn.end_ns - turn.begin_ns for turn in whole)
    assert held >= (whole[-1].end_ns - begun) / 2
    for usage in host.list_vgpus():
        mine = sum(turn.charged_ns for turn in host.turns() if turn.vgpu == usage.id)
        assert mine >= usage.turns.held_ns * 0.9 - 50_000_000


def test_nobody_can_change_what_is_told(busy: tuple[DeviceHostProcess, DeviceHost]) -> None:
    running, host = busy
    wait_until(host.turns, "there are turns")
    control = running.control()
    answer = control.ask(TURNS_GET, struct.pack("Q", 0))
    assert answer.kind == TURNS
    count = struct.unpack_from("4Q", answer.payload)[3]
    [memory] = control.descriptors
    assert os.fstat(memory).st_size == 32 * count
    assert fcntl.fcntl(memory, fcntl.F_GET_SEALS) & WRITE_SEAL
    with pytest.raises(PermissionError):
        os.pwrite(memory, b"x", 0)


def test_without_any_there_is_nothing(busy: tuple[DeviceHostProcess, DeviceHost]) -> None:
    running, _ = busy
    control = running.control()
    answer = control.ask(TURNS_GET, struct.pack("Q", 2**64 - 1))
    # But the one that goes on at this moment, if there is one.
    assert struct.unpack_from("4Q", answer.payload)[3] == len(control.descriptors) <= 1


def test_they_begin_anew_after_a_death(busy: tuple[DeviceHostProcess, DeviceHost]) -> None:
    running, host = busy
    wait_until(host.turns, "there are turns")
    os.kill(host.look().process_id, signal.SIGKILL)
    known_since = struct.unpack_from(
        "4Q", running.control().ask(TURNS_GET, struct.pack("Q", 0)).payload
    )[1]
    wait_until(lambda: len(host.turns(known_since)) > 3, "there are turns again")
    assert all(turn.end_ns >= known_since for turn in host.turns())
