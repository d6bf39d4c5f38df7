"""`aliquot show` on the whole stack: what a vGPU is, and which of its kernels can't be split."""

from __future__ import annotations

import json
import time
from pathlib import Path

from aliquot.model.details import UnsplitReason
from aliquot.model.shares import Shares
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

MIB = 1 << 20


def test_a_vgpu_with_a_long_kernel_of_either_kind(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    with runtime.host() as host:
        vgpu = host.create_vgpu("shown", 64 * MIB, shares=Shares(2500, 5000), copy_limit=8 * MIB)
        runtime.look(host)
        guest = runtime.start(vgpu, [programs["long_kernels"]])
        assert guest.stdout
        assert guest.stdout.readline() == "working\n"
        deadline = time.monotonic() + 30  # workers tell a few times a second
        while not (details := host.show_vgpu(vgpu.id)).kernels:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (kernel,) = details.kernels
        assert (kernel.name, kernel.reason) == ("tell", UnsplitReason.ASKS_FOR_RANGE)
        assert kernel.longest_ns > 4_000_000
        assert [process.process_id for process in details.processes] == [guest.pid]
        done = runtime.aliquot("show", "shown", "--json")
        told = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        assert (told["name"], told["turns"]["compute"]) == ("shown", 25.0)
        assert told["copies"]["limit"] == 8 * MIB
        assert [kernel["name"] for kernel in told["unsplit_kernels"]] == ["tell"]
        assert told["device_name"]
        guest.kill()
        guest.communicate()
