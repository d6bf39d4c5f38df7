"""Programs on a vGPU that lasts, under leases, while its memory goes up and down."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aliquot.client.device_host import DeviceHost
from aliquot.client.records import VgpuFlag
from aliquot.errors import MemoryInUse
from aliquot.model.shares import Shares
from aliquot.model.vgpu import Vgpu, VgpuState
from tests.contract.device_host_process import child_process
from tests.system.runtime import Runtime
from tests.system.test_quota import MIB, wait_for_usage
from tools.programs.drivers import Driver

_ID = 0xA11C_0000_0000_0000_0000_0000_0000_0001
_TOLD = "import pyopencl as cl; print(cl.get_platforms()[0].get_devices()[0].global_mem_size)"


class Allocating:
    """A program that allocates buffers of 1 MiB until it gets no more."""

    def __init__(self, runtime: Runtime, vgpu: Vgpu, program: Path, gate: Path) -> None:
        self.gate = gate
        self.process = runtime.start(vgpu, [program, "2", str(MIB), str(gate)])
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def got(self) -> int:
        """How many it gets, which it keeps."""
        self.gate.touch()
        got = int(self.line().removeprefix("got "))
        assert self.line() == "refused -4"
        return got

    def end(self) -> None:
        self.gate.unlink()
        stdout, stderr = self.process.communicate(timeout=120)
        assert (self.process.returncode, stdout, stderr) == (0, "again 0\n", "")


def told_memory(runtime: Runtime, vgpu: Vgpu) -> int:
    program = runtime.start(vgpu, [sys.executable, "-c", _TOLD])
    stdout, stderr = program.communicate(timeout=120)
    assert program.returncode == 0, stderr
    return int(stdout)


@pytest.mark.parametrize("flags", [VgpuFlag(0), VgpuFlag.STAGED], ids=["shared-pages", "staged"])
def test_memory_follows_while_programs_run(
    one_driver: Driver,
    flags: VgpuFlag,
    tmp_path: Path,
    runtime: Runtime,
    programs: dict[str, Path],
) -> None:
    with runtime.host() as maker:
        runtime.look(maker)
        vgpu = maker.create_vgpu("lasting", 64 * MIB, flags=int(flags), external_id=_ID)
    with runtime.host() as host, child_process() as holder:
        try:
            use(runtime, host, vgpu, holder.pid, programs["racing_allocation"], tmp_path)
            holder.kill()
            holder.wait()
            usage = wait_for_usage(host, lambda usage: not usage.holders)
            assert (usage.state, usage.memory_limit) == (VgpuState.READY, 8 * MIB)
        finally:
            host.destroy_lasting_vgpu(_ID)


def use(
    runtime: Runtime, host: DeviceHost, vgpu: Vgpu, holder: int, program: Path, gates: Path
) -> None:
    """One program after another, and what they leave is theirs to the byte."""
    lease = host.take_lease(external_id=_ID, process_id=holder)
    assert lease.socket_path == vgpu.socket_path
    runtime.look(host)
    assert told_memory(runtime, vgpu) == 64 * MIB
    first = Allocating(runtime, vgpu, program, gates / "first")
    resize(host, vgpu, 24 * MIB)  # nothing is allocated yet
    assert first.got() == 24
    with pytest.raises(MemoryInUse, match=str(24 * MIB)):
        resize(host, vgpu, 24 * MIB - 1)
    resize(host, vgpu, 96 * MIB)
    assert told_memory(runtime, vgpu) == 96 * MIB
    second = Allocating(runtime, vgpu, program, gates / "second")
    assert second.got() == 72
    first.end()
    resize(host, vgpu, 72 * MIB)  # what it had is free by then
    with pytest.raises(MemoryInUse):
        resize(host, vgpu, 8 * MIB)
    second.end()
    resize(host, vgpu, 8 * MIB)
    third = Allocating(runtime, vgpu, program, gates / "third")
    assert third.got() == 8
    third.end()
    wait_for_usage(host, lambda usage: usage.memory_used == 0 and usage.guest_processes == 0)


def resize(host: DeviceHost, vgpu: Vgpu, memory: int) -> None:
    host.resize_vgpu(vgpu.id, Shares(), memory=memory)
