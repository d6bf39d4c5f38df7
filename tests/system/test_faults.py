"""Kills of the worker, a guest process and the device host at random moments under load."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.model.vgpu import Vgpu, VgpuUsage
from tests.soak import length
from tests.system.runtime import Runtime, descendants, shared_memory, supervisor_of
from tests.system.stalls import Stalls
from tools.programs.drivers import Driver

pytestmark = pytest.mark.alone

VICTIMS = ("worker", "guest process", "device host")
# A device host that dies more often than ten times in ten seconds is given up.
_DEATHS, _DEATHS_SECONDS = 9, 10.0
_FAILED_STATUS = 7  # of tests/programs/load.c, when an error behaved as it must
_LONGEST_PAUSE = 0.5  # seconds from a device host's death to the next turn; the same page
_MEMORY_GRAIN = 512  # KiB: the state memory's pages come and go
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
    baseline: tuple[int, ...] | None = None
    pauses: list[float] = []
    deaths: deque[float] = deque(maxlen=_DEATHS)
    with runtime.host() as host:
        for number in range(rounds):
            victim = VICTIMS[number % len(VICTIMS)]
            if victim == "device host":
                if len(deaths) == _DEATHS:
                    time.sleep(max(0.0, deaths[0] + _DEATHS_SECONDS - time.monotonic()))
                deaths.append(time.monotonic())
            # A limit that no pause of the machine reaches: only the test kills here.
            vgpu = host.create_vgpu(f"round-{number}", 32 << 20, kernel_limit_ms=60_000)
            runtime.look(host)
            busy = [runtime.start(vgpu, [programs["load"], "60"]) for _ in range(2)]
            for process in busy:
                assert process.stdout
                assert process.stdout.readline() == "working\n", process.communicate(timeout=60)
            time.sleep(moments.uniform(0, 0.1))
            if victim == "worker":
                with Stalls() as stalls:
                    die(vgpu.worker_process_id)
                    expect_errors(busy, time.monotonic(), stalls)
            else:
                if victim == "device host":
                    pauses.append(outlive_the_device_host(host, vgpu, busy, runtime, programs))
                lose_a_guest_process(host, vgpu, busy)
            wait_for_usage(
                host, vgpu, lambda usage: not (usage.memory_used or usage.guest_processes)
            )
            host.destroy_vgpu(vgpu.id)
            wait_until_gone(host, vgpu)
            holds = wait_for_few(host, baseline)
            baseline = baseline or holds
    pauses.sort()
    print(
        f"from a device host's death to the next turn: {pauses[len(pauses) // 2] * 1000:.0f} ms "
        f"(median), {pauses[-1] * 1000:.0f} ms (longest of {len(pauses)})"
    )


def outlive_the_device_host(
    host: DeviceHost,
    vgpu: Vgpu,
    busy: list[subprocess.Popen[str]],
    runtime: Runtime,
    programs: dict[str, Path],
) -> float:
    """The device host dies: after a pause all compute on, rightly; returns how long that was."""
    checked = runtime.start(vgpu, [programs["many_threads"], "2", "10"])
    old = host.look().process_id
    # Alone on the device they may keep their turn for ever; the death ends it, and another begins.
    before = usage_of(host, vgpu)
    with Stalls() as stalls:
        die(old)
        begin = time.monotonic()
        while (after := usage_of(host, vgpu)).turns.turns == before.turns.turns:
            assert time.monotonic() - begin < _LONGEST_PAUSE + stalls.so_far(), after
            time.sleep(0.001)
        pause = time.monotonic() - begin - stalls.so_far()
    assert host.look().process_id != old
    assert after.worker_process_id == vgpu.worker_process_id
    assert after.guest_processes >= len(busy)
    runtime.look(host)
    stdout, stderr = checked.communicate(timeout=240)
    assert (checked.returncode, stderr) == (0, ""), stdout
    assert stdout == "2 threads, 10 rounds: right\n"
    for process in busy:
        assert process.poll() is None, process.communicate(timeout=60)
    return pause


@pytest.mark.timeout(600)
@pytest.mark.parametrize("transfer", ["auto", "staged"])
def test_programs_finish_though_the_device_host_dies(
    one_driver: Driver, transfer: str, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """`aliquot run`, its program and its output are as if nothing had been, but for a pause."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    options = ["run", "--quiet", "--memory", "128MiB", "--transfer", transfer, "--"]
    command = [*options, str(programs["many_threads"]), "4", "60"]
    running = [runtime.start_aliquot(*command) for _ in range(2)]
    with runtime.host() as host:
        while any(process.poll() is None for process in running):
            time.sleep(1 + moments.uniform(0, 0.5))  # more than ten in 10 s would be too many
            runtime.look(host)
            die(host.look().process_id)
            host.list_vgpus()
    for process in running:
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stderr) == (0, "")
        assert stdout == "4 threads, 60 rounds: right\n"


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
            usage = usage_of(host, vgpu)
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


def usage_of(host: DeviceHost, vgpu: Vgpu) -> VgpuUsage:
    """What the device host says of the vGPU."""
    return next(usage for usage in host.list_vgpus() if usage.id == vgpu.id)


def wait_for_few(host: DeviceHost, baseline: tuple[int, ...] | None) -> tuple[int, ...]:
    """Descriptors and common memory of device host and supervisor, back at what they were.

    The number of descriptors is the device host's own word: its user may not look, root may.
    """
    supervisor = supervisor_of(host)
    deadline = time.monotonic() + 10
    while True:
        welcome = host.look()
        kept = len(list(Path(f"/proc/{supervisor}/fd").iterdir())) if os.geteuid() == 0 else 0
        processes = len(descendants(supervisor))
        memory = (shared_memory(welcome.process_id) + shared_memory(supervisor)) // _MEMORY_GRAIN
        holds = welcome.open_descriptors, kept, processes, memory
        if baseline is None or all(a <= b for a, b in zip(holds, baseline, strict=True)):
            return holds
        assert time.monotonic() < deadline, (
            f"descriptors, kept ones, processes, common memory: {holds}, were {baseline}"
        )
        time.sleep(0.01)
