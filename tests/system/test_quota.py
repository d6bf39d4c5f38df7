"""The memory quota holds to the byte, whoever races for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.model.vgpu import VgpuUsage
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

MIB = 1 << 20
_ALLOCATION_FAILURE = -4


@pytest.mark.parametrize(
    ("processes", "threads", "quota", "bytes_each"),
    [
        (1, 8, 64 * MIB, MIB),
        (8, 1, 64 * MIB, MIB),
        (4, 4, 24 * MIB + 12345, 333_333),
        (2, 2, 64 * MIB, 64 * MIB),
    ],
    ids=["threads", "processes", "both", "one-buffer"],
)
@pytest.mark.parametrize("flags", [VgpuFlag(0), VgpuFlag.STAGED], ids=["shared-pages", "staged"])
def test_the_quota_is_given_whole_and_never_exceeded(
    one_driver: Driver,
    flags: VgpuFlag,
    processes: int,
    threads: int,
    quota: int,
    bytes_each: int,
    tmp_path: Path,
    runtime: Runtime,
    programs: dict[str, Path],
) -> None:
    """Racing threads and processes together get exactly what fits."""
    gate = tmp_path / "gate"
    command = [programs["racing_allocation"], str(threads), str(bytes_each), str(gate)]
    with runtime.host() as host:
        vgpu = host.create_vgpu("racing", quota, flags=int(flags))
        running = [runtime.start(vgpu, command) for _ in range(processes)]
        for process in running:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        gate.touch()
        got = 0
        for process in running:
            assert process.stdout
            got += int(process.stdout.readline().removeprefix("got "))
            assert process.stdout.readline() == f"refused {_ALLOCATION_FAILURE}\n"
        usage = host.list_vgpus()[0]
        gate.unlink()
        for process in running:
            stdout, stderr = process.communicate(timeout=120)
            assert (process.returncode, stderr) == (0, "")
            assert stdout == "again 0\n"
        assert got == quota // bytes_each
        assert got * bytes_each <= usage.memory_used <= usage.memory_lent <= quota
        wait_for_usage(host, lambda usage: usage.memory_used == 0 and usage.guest_processes == 0)


def wait_for_usage(
    host: DeviceHost, agrees: Callable[[VgpuUsage], bool], seconds: float = 20
) -> VgpuUsage:
    """Waits until what the ledger says of the only vGPU agrees with the test."""
    deadline = time.monotonic() + seconds
    while True:
        usage = host.list_vgpus()[0]
        if agrees(usage):
            return usage
        assert time.monotonic() < deadline, usage
        time.sleep(0.01)
