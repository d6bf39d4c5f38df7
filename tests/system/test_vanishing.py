"""A guest process is killed: what it had comes back soon, and the others of its vGPU work on."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.model.vgpu import Vgpu, VgpuUsage
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

pytestmark = pytest.mark.alone

_QUOTA = 256 << 20
_MIB = 160
_LONGEST = 1.0  # seconds from the kill, or from the kernel's end; docs/specification.md aims at 0.1


class GuestProcess(NamedTuple):
    """One that has what it wants; what it said then, in words."""

    process: subprocess.Popen[str]
    words: list[str]

    def end(self) -> str:
        """Kills it; what it printed since."""
        self.process.kill()
        return self.process.communicate(timeout=10)[0]


def begin(
    runtime: Runtime, vgpu: Vgpu, programs: dict[str, Path], task: str, mib: int
) -> GuestProcess:
    """Starts tests/programs/vanishing.c and waits until it has got what it asked for."""
    process = runtime.start(vgpu, [programs["vanishing"], task, str(mib)])
    assert process.stdout
    words = process.stdout.readline().split()
    assert words[:1] == ["ready"], process.communicate(timeout=10)
    return GuestProcess(process, words)


def usage_of(host: DeviceHost, vgpu: Vgpu) -> VgpuUsage:
    """What the ledger says of the vGPU."""
    return next(usage for usage in host.list_vgpus() if usage.id == vgpu.id)


def wait_until_free(host: DeviceHost, vgpu: Vgpu, kept: int) -> float:
    """When no more than `kept` bytes were lent."""
    deadline = time.monotonic() + 30
    while True:
        usage = usage_of(host, vgpu)
        moment = time.monotonic()
        if usage.memory_lent <= kept and usage.guest_processes == 1:
            return moment
        assert moment < deadline, usage
        time.sleep(0.002)


@pytest.mark.parametrize("task", ["hold", "kernel", "build"])
def test_what_a_killed_guest_process_had_is_free(
    driver: Driver, runtime: Runtime, programs: dict[str, Path], task: str
) -> None:
    """Nothing is lent any more, though the compiler may still be at work."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("vanishing", _QUOTA)
        runtime.look(host)
        witness = begin(runtime, vgpu, programs, "hold", 16)
        kept = usage_of(host, vgpu).memory_lent
        victim = begin(runtime, vgpu, programs, task, _MIB)
        assert usage_of(host, vgpu).memory_lent >= kept + (_MIB << 20)
        time.sleep(0.1)
        assert victim.process.poll() is None
        free_from = max(time.monotonic(), 0.0, *map(float, victim.words[1:]))
        output = victim.end()
        seconds = wait_until_free(host, vgpu, kept) - free_from
        print(f"{driver.name}: {task}: free {seconds * 1000:.0f} ms after the end")
        assert seconds < _LONGEST
        assert "built" not in output
        assert usage_of(host, vgpu).worker_process_id == vgpu.worker_process_id
        if task != "build":  # the compiler of the next one may wait for the one that is at work
            begin(runtime, vgpu, programs, "hold", 200).end()
        assert witness.process.poll() is None
        witness.end()
        host.destroy_vgpu(vgpu.id)


def test_who_waits_for_what_never_comes_costs_the_others_nothing(
    driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """Killed with a marker that waits for a user event, in a queue out of order."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("vanishing", _QUOTA)
        runtime.look(host)
        witness = begin(runtime, vgpu, programs, "hold", 16)
        kept = usage_of(host, vgpu).memory_lent
        for _ in range(3):
            victim = runtime.start(vgpu, [programs["load"], "60"])
            assert victim.stdout
            assert victim.stdout.readline() == "working\n"
            time.sleep(0.5)
            victim.kill()
            victim.communicate(timeout=10)
            wait_until_free(host, vgpu, kept)
            assert usage_of(host, vgpu).worker_process_id == vgpu.worker_process_id
        assert witness.process.poll() is None
        witness.end()
        host.destroy_vgpu(vgpu.id)
