"""Copies on the whole stack: their share, their limit, and what counts as one."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.model.shares import Shares
from aliquot.model.vgpu import VgpuUsage
from tests.quiet import Quiet
from tests.system.runtime import Runtime
from tests.system.stalls import Stalls
from tools.programs.drivers import Driver

pytestmark = pytest.mark.alone

MIB = 1 << 20
FILLED = 3 * 256 * 1024  # by tests/programs/copying.c, before it works


class Done(NamedTuple):
    """What tests/programs/copying.c says at its end."""

    bytes: int
    kernels: int
    slowest_ms: float
    seconds: float


def wait_until_it_works(guest: subprocess.Popen[str]) -> None:
    assert guest.stdout
    assert guest.stdout.readline() == "working\n"


def end_of(guest: subprocess.Popen[str]) -> Done:
    output, errors = guest.communicate(timeout=240)
    assert guest.returncode == 0, errors
    words = output.split()
    assert words[0::2] == ["bytes", "kernels", "slowest_ms", "seconds"]
    return Done(int(words[1]), int(words[3]), float(words[5]), float(words[7]))


def usage_of(host: DeviceHost, vgpu: int) -> VgpuUsage:
    return next(usage for usage in host.list_vgpus() if usage.id == vgpu)


@pytest.mark.parametrize("flags", [VgpuFlag(0), VgpuFlag.STAGED], ids=["shared", "staged"])
def test_who_copies_and_who_computes_keep_their_shares(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path], flags: VgpuFlag
) -> None:
    mode = "write" if flags else "copy"
    quiet, copier = Quiet(), 0.0
    for _ in range(3):
        with quiet:
            copier = share_of_a_copier(runtime, programs["copying"], mode, flags)
        # Who waits for each of its writes can't always want the device.
        if copier < 0.6 and (copier > 0.4 or mode == "write"):
            return
    quiet.missed(f"of the device time {copier:.0%} were those of the one that copies")


def share_of_a_copier(runtime: Runtime, program: Path, mode: str, flags: VgpuFlag) -> float:
    """Of the device time of two vGPUs with half of it each, of which the other computes."""
    with runtime.host() as host:
        vgpus = [
            host.create_vgpu(name, 64 * MIB, shares=Shares(5000), flags=flags)
            for name in ("copies", "computes")
        ]
        runtime.look(host)
        guests = [
            runtime.start(vgpu, [program, what, "5"])
            for vgpu, what in zip(vgpus, (mode, "compute"), strict=True)
        ]
        for guest in guests:
            wait_until_it_works(guest)
        time.sleep(0.5)
        before = [usage_of(host, vgpu.id).turns.held_ns for vgpu in vgpus]
        time.sleep(3.5)
        after = [usage_of(host, vgpu.id) for vgpu in vgpus]
        done = [end_of(guest) for guest in guests]
        assert done[0].bytes > 0
        assert done[1].kernels > 0
        # All that is copied, but for what both have filled before, is that of one.
        assert after[0].copies.share_10s > 9_000
        assert after[0].copies.rate_1s > 10 * after[1].copies.rate_1s
        had = [usage.turns.held_ns - ns for usage, ns in zip(after, before, strict=True)]
        return had[0] / sum(had)


@pytest.mark.parametrize("mode", ["copy", "write"])
def test_a_limit_of_copies_holds(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path], mode: str
) -> None:
    limit = 32 * MIB
    with runtime.host() as host:
        vgpu = host.create_vgpu("limited", 64 * MIB, flags=VgpuFlag.STAGED, copy_limit=limit)
        runtime.look(host)
        with Stalls() as stalls:
            guest = runtime.start(vgpu, [programs["copying"], mode, "4"])
            wait_until_it_works(guest)
            time.sleep(2)
            told = usage_of(host, vgpu.id).copies
            done = end_of(guest)
        assert told.limit == limit
        assert done.bytes / done.seconds < 1.1 * limit
        assert done.bytes / (done.seconds - stalls.so_far()) > 0.9 * limit
        assert 0.5 * limit < told.rate_10s < 1.5 * limit


def test_a_limit_of_copies_holds_up_no_kernel(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    # Each copy has to wait for a quarter of a second: twelve in the time.
    with runtime.host() as host:
        vgpu = host.create_vgpu("both", 64 * MIB, copy_limit=MIB)
        runtime.look(host)
        done = end_of_fresh(runtime.start(vgpu, [programs["copying"], "both", "3"]))
        assert done.bytes <= 4 * MIB
        assert done.kernels > 120


def end_of_fresh(guest: subprocess.Popen[str]) -> Done:
    wait_until_it_works(guest)
    return end_of(guest)


def test_a_limit_of_copies_is_changed_at_once(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    with runtime.host() as host:
        vgpu = host.create_vgpu("resized", 64 * MIB, copy_limit=MIB)
        runtime.look(host)
        guest = runtime.start(vgpu, [programs["copying"], "copy", "4"])
        wait_until_it_works(guest)
        time.sleep(1)
        done = runtime.aliquot("resize", "resized", "--copy-limit", "none")
        assert (done.returncode, done.stderr) == (0, "")
        assert usage_of(host, vgpu.id).copies.limit == 0
        assert end_of(guest).bytes > 100 * MIB


def test_what_counts_as_a_copy(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    with runtime.host() as host:
        shared = host.create_vgpu("shared", 64 * MIB, copy_limit=MIB)
        staged = host.create_vgpu("staged", 64 * MIB, flags=VgpuFlag.STAGED)
        runtime.look(host)
        counted: list[int] = []
        for vgpu in (shared, staged):
            done = end_of_fresh(runtime.start(vgpu, [programs["copying"], "write", "1"]))
            expected = FILLED + (done.bytes if vgpu is staged else 0)
            deadline = time.monotonic() + 30  # workers tell a few times a second
            while usage_of(host, vgpu.id).copied_bytes < expected:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            counted.append(usage_of(host, vgpu.id).copied_bytes - expected)
            assert done.bytes > 10 * MIB  # no limit holds for what isn't copied
        assert counted == [0, 0]
