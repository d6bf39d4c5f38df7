"""Kills of the worker, a guest process and the device host at random moments under load."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.model.vgpu import Vgpu, VgpuUsage
from tests.soak import length
from tests.system.runtime import Runtime, shared_memory
from tests.system.stalls import Stalls
from tools.programs.drivers import Driver

VICTIMS = ("worker", "guest process", "device host")
_FAILED_STATUS = 7  # of tests/programs/load.c, when an error behaved as it must
_LONGEST = 1.0  # seconds from a death to the error of every call, by docs/specification.md


@pytest.mark.timeout(1200)
def test_a_hundred_kills_under_load(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """No hang, no leaked process, socket, memfd or device memory."""
    kill_rounds(100, runtime, programs)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_a_thousand_kills_under_load(
    driver: Driver,
    runtime: Runtime,
    programs: dict[str, Path],
    record_property: Callable[[str, object], None],
) -> None:
    """The same, ten times as often, on every driver."""
    rounds = length.scaled(1000, least=6)
    record_property("rounds", rounds)
    kill_rounds(rounds, runtime, programs)


def kill_rounds(rounds: int, runtime: Runtime, programs: dict[str, Path]) -> None:
    """Each round: two busy guest processes on a vGPU, one death, and all is as it was."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    done = 0
    while done < rounds:
        with runtime.host() as host:
            done = rounds_on_one_host(host, done, rounds, moments, runtime, programs["load"])
    # The sockets of a device host that was killed go when the next one ends in peace.
    with runtime.host() as host:
        host.create_vgpu("last")


def rounds_on_one_host(
    host: DeviceHost, done: int, rounds: int, moments: random.Random, runtime: Runtime, load: Path
) -> int:
    """Rounds until the device host is the victim; how many are done now."""
    baseline: tuple[int, int] | None = None
    while done < rounds:
        victim = VICTIMS[done % len(VICTIMS)]
        # A limit that no pause of the machine reaches: only the test kills here.
        vgpu = host.create_vgpu(f"round-{done}", 32 << 20, kernel_limit_ms=60_000)
        runtime.look(host)
        busy = [runtime.start(vgpu, [load, "60"]) for _ in range(2)]
        for process in busy:
            assert process.stdout
            assert process.stdout.readline() == "working\n", process.communicate(timeout=60)
        time.sleep(moments.uniform(0, 0.1))
        done += 1
        if victim == "guest process":
            lose_a_guest_process(host, vgpu, busy)
        else:
            with Stalls() as stalls:
                die(host.welcome.process_id if victim == "device host" else vgpu.worker_process_id)
                expect_errors(busy, time.monotonic(), stalls)
        if victim == "device host":
            runtime.wait_for_the_end(seconds=10)
            return done
        wait_for_usage(host, vgpu, lambda usage: not (usage.memory_used or usage.guest_processes))
        host.destroy_vgpu(vgpu.id)
        wait_until_gone(host, vgpu)
        holds = wait_for_few(host, baseline)
        baseline = baseline or holds
    return done


def die(process: int) -> None:
    """A death without any warning."""
    os.kill(process, signal.SIGKILL)


def lose_a_guest_process(host: DeviceHost, vgpu: Vgpu, busy: list[subprocess.Popen[str]]) -> None:
    """One of two guest processes dies: its memory comes back, and the other one works on."""
    for left, process in ((1, busy[0]), (0, busy[1])):
        assert process.poll() is None, process.communicate(timeout=60)
        process.kill()
        process.communicate(timeout=60)
        wait_for_usage(host, vgpu, lambda usage, left=left: usage.guest_processes == left)
        time.sleep(0.05)


def wait_for_usage(
    host: DeviceHost, vgpu: Vgpu, agrees: Callable[[VgpuUsage], bool], seconds: float = _LONGEST
) -> None:
    """Waits until what the ledger says of a vGPU agrees with the test."""
    begin = time.monotonic()
    with Stalls() as stalls:
        while True:
            usage = next(usage for usage in host.list_vgpus() if usage.id == vgpu.id)
            if agrees(usage):
                return
            assert time.monotonic() - begin < seconds + stalls.so_far(), usage
            time.sleep(0.005)


def expect_errors(busy: list[subprocess.Popen[str]], death: float, stalls: Stalls) -> None:
    """Every call of every guest process fails, each soon, and callbacks came once."""
    for process in busy:
        stdout, stderr = process.communicate(timeout=60)
        longest = _LONGEST + stalls.so_far()
        assert process.returncode == _FAILED_STATUS, (process.returncode, stdout, stderr)
        lines = [line.split() for line in stdout.splitlines()]
        failed = next(line for line in lines if line[0] == "failed")
        assert float(failed[2]) - death < longest, stdout
        calls = [line for line in lines if line[0] == "call"]
        assert len(calls) == 15, stdout
        assert all(int(code) < 0 for _, _, code, _ in calls), stdout
        assert all(float(seconds) < longest for _, _, _, seconds in calls), stdout
        count, status = next(line for line in lines if line[0] == "callback")[1:]
        assert count == "1", stdout
        assert int(status) < 0, stdout
        assert lines[-1] == ["released"], stdout


def wait_until_gone(host: DeviceHost, vgpu: Vgpu) -> None:
    """The vGPU is off the list and its memory unreserved."""
    deadline = time.monotonic() + 10
    while any(usage.id == vgpu.id for usage in host.list_vgpus()):
        assert time.monotonic() < deadline, host.list_vgpus()
        time.sleep(0.005)


def wait_for_few(host: DeviceHost, baseline: tuple[int, int] | None) -> tuple[int, int]:
    """Descriptors and common memory of the device host, back at what they were before the rounds.

    The number of descriptors is the device host's own word: its user may not look, root may.
    """
    process = host.welcome.process_id
    deadline = time.monotonic() + 10
    while True:
        holds = host.look().open_descriptors, shared_memory(process)
        if baseline is None or all(a <= b for a, b in zip(holds, baseline, strict=True)):
            return holds
        assert time.monotonic() < deadline, f"descriptors, KiB mapped: {holds}, were {baseline}"
        time.sleep(0.01)
