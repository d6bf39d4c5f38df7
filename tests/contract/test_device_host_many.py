"""Many vGPUs that nobody leases: they are there, whatever dies, and cost next to nothing."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.client.watch import Watch
from aliquot.model.shares import Shares
from aliquot.model.vgpu import VgpuState
from tests.contract.device_host_process import (
    CONTROL_HELLO,
    DeviceHostProcess,
    running_device_host,
    wait_until,
)

MANY = 300
USUAL_TURN_NS = 2_000_000  # of up to eight vGPUs


@pytest.fixture
def crowded() -> Iterator[tuple[DeviceHostProcess, DeviceHost]]:
    """A device host with many vGPUs, each with another id, size and share."""
    with running_device_host() as running:
        joined = DeviceHost.join(str(running.control_path))
        assert joined is not None
        with joined as host:
            for number in range(1, MANY + 1):
                host.create_vgpu(
                    f"v{number}",
                    4096 * number,
                    shares=Shares(guarantee=30, weight=number),
                    external_id=number << 70,
                )
            yield running, host


def told(host: DeviceHost) -> list[tuple[object, ...]]:
    return [
        (one.id, one.name, one.external_id, one.memory_limit, one.turns.shares, one.state)
        for one in host.list_vgpus()
    ]


def expected() -> list[tuple[object, ...]]:
    return [
        (
            number,
            f"v{number}",
            number << 70,
            4096 * number,
            Shares(guarantee=30, weight=number),
            VgpuState.RESERVED,
        )
        for number in range(1, MANY + 1)
    ]


def test_all_are_there_after_a_death(crowded: tuple[DeviceHostProcess, DeviceHost]) -> None:
    _, host = crowded
    before = host.look()
    for _ in range(2):
        os.kill(host.look().process_id, signal.SIGKILL)
        assert told(host) == expected()
    after = host.look()
    assert after.process_id != before.process_id
    assert after.reserved_memory == before.reserved_memory == 4096 * MANY * (MANY + 1) // 2
    lease = host.take_lease(external_id=MANY << 70)
    assert lease.memory == 4096 * MANY


def test_each_costs_one_descriptor(
    crowded: tuple[DeviceHostProcess, DeviceHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, host = crowded
    with running_device_host() as empty:
        without = struct.unpack_from("QQII40s32sI", empty.control().ask(CONTROL_HELLO).payload)[6]
    assert host.look().open_descriptors <= without + MANY + 1
    # Nor does looking on make pages of those that have no worker.
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(running.runtime))
    with Watch() as watch:
        assert [one.id for one in watch.look()] == list(range(1, MANY + 1))
    assert told(host) == expected()
    assert host.look().open_descriptors <= without + MANY + 1
    assert "worker=" not in running.log()


def test_they_wake_nobody_up(crowded: tuple[DeviceHostProcess, DeviceHost]) -> None:
    """A device host with nothing to do sleeps: it isn't scheduled even once."""
    _, host = crowded
    process = host.look().process_id

    def switches() -> int:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

    def sleeps() -> bool:
        before = switches()
        time.sleep(0.5)
        return switches() == before

    wait_until(sleeps, "it sleeps")


def test_they_shorten_no_turn(crowded: tuple[DeviceHostProcess, DeviceHost]) -> None:
    _, host = crowded
    assert host.policy().turn_ns == USUAL_TURN_NS
    leases = [host.take_lease(number) for number in range(1, 10)]
    assert host.policy().turn_ns == USUAL_TURN_NS // 2
    for lease in leases[:4]:
        host.end_lease(lease.vgpu, lease.number)
    assert len(host.list_vgpus()) == MANY
