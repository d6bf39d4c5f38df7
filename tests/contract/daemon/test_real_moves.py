"""A program goes on while its vGPU is suspended, gives up its place, is resumed and moved."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest

from aliquot.client.device_host import running_vgpus
from aliquot.daemon.service import Service
from aliquot.errors import MemoryInUse, MemoryUnavailable, ShareUnavailable
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.model.api.vgpus import (
    LeaseWanted,
    MoveWanted,
    ResumeWanted,
    SuspendWanted,
    VgpuChange,
    VgpuWanted,
)
from aliquot.model.lifecycle import VgpuState
from tests.absent import absent
from tests.contract.daemon.house import ADMIN, MIB
from tests.contract.daemon.test_real_hosts import folder, service

__all__ = ["folder", "service"]
Start = Callable[[], "subprocess.Popen[bytes]"]

_PROGRAM = """
import sys, numpy as np, pyopencl as cl
context = cl.create_some_context(interactive=False)
queue = cl.CommandQueue(context)
text = "kernel void add(global int *x) { x[get_global_id(0)] += 1; }"
add = cl.Program(context, text).build().add
values = np.arange(4 << 20, dtype=np.int32)
buffer = cl.Buffer(context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, hostbuf=values)
out = np.empty_like(values)
for line in sys.stdin:
    add(queue, values.shape, None, buffer)
    values += 1
    cl.enqueue_copy(queue, out, buffer)
    print((out == values).all(), flush=True)
"""


class Program:
    """A program on a vGPU, that checks what it computes each time it is asked."""

    def __init__(self, service: Service, name: str, holder: int) -> None:
        granted = service.leases.begin(ADMIN, name, LeaseWanted(process_id=holder))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            env=opencl_environment(os.environ, granted.socket_path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def is_right(self) -> bool:
        assert self.process.stdout
        return self.process.stdout.readline() == "True\n"

    def end(self) -> None:
        self.process.communicate(timeout=120)
        assert self.process.returncode == 0


def test_a_program_waits_while_its_vgpu_is_suspended(service: Service, process: Start) -> None:
    vgpus = service.vgpus
    vgpus.create(ADMIN, VgpuWanted(name="a", memory=64 * MIB, device="0"))
    program = Program(service, "a", process().pid)
    program.ask()
    assert program.is_right()
    assert vgpus.suspend(ADMIN, "a", SuspendWanted()).state is VgpuState.SUSPENDED
    program.ask()  # and waits
    resumed = vgpus.resume(ADMIN, "a", ResumeWanted())
    assert (resumed.state, resumed.leases) == (VgpuState.LEASED, 1)
    assert program.is_right()
    # It can give up its place, too: another one has that meanwhile.
    released = vgpus.suspend(ADMIN, "a", SuspendWanted(release=True))
    assert (released.state, released.leases) == (VgpuState.SUSPENDED, 1)
    free = service.devices.show(ADMIN, "0").free_memory
    vgpus.create(ADMIN, VgpuWanted(name="b", memory=free - MIB, device="0"))
    program.ask()
    with pytest.raises(MemoryUnavailable):
        vgpus.resume(ADMIN, "a", ResumeWanted())
    vgpus.delete(ADMIN, "b")
    assert vgpus.resume(ADMIN, "a", ResumeWanted()).state is VgpuState.LEASED
    assert program.is_right()
    program.end()


def test_one_that_nobody_uses_gives_up_its_place(service: Service) -> None:
    vgpus, devices = service.vgpus, service.devices
    wanted = VgpuWanted(name="a", memory=64 * MIB, compute=60, device="0")
    made = vgpus.create(ADMIN, wanted)
    released = vgpus.suspend(ADMIN, "a", SuspendWanted(release=True))
    assert (released.state, released.device) == (VgpuState.SUSPENDED, None)
    assert devices.show(ADMIN, "0").reserved_compute == 0
    other = vgpus.create(ADMIN, msgspec.structs.replace(wanted, name="b"))
    assert other.settled  # at the device host, too
    with pytest.raises(ShareUnavailable):
        vgpus.resume(ADMIN, "a", ResumeWanted())
    vgpus.delete(ADMIN, "b")
    assert vgpus.resume(ADMIN, "a", ResumeWanted()).device == made.device


def test_less_memory_than_is_in_use_is_refused_and_its_program_goes_on(
    service: Service, process: Start
) -> None:
    service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=64 * MIB, device="0"))
    program = Program(service, "a", process().pid)
    program.ask()
    assert program.is_right()
    with pytest.raises(MemoryInUse):
        service.vgpus.change(ADMIN, "a", VgpuChange(memory=4 * MIB))
    told = service.vgpus.show(ADMIN, "a")
    assert (told.state, told.memory) == (VgpuState.LEASED, 64 * MIB)
    program.ask()
    assert program.is_right()
    # Or its memory moves to the host, and the program waits until it is to have it again.
    told = service.vgpus.change(ADMIN, "a", VgpuChange(memory=4 * MIB, evict=True))
    assert (told.state, told.memory) == (VgpuState.SUSPENDED, 4 * MIB)
    program.ask()
    with pytest.raises(MemoryUnavailable):
        service.vgpus.resume(ADMIN, "a", ResumeWanted())
    assert service.vgpus.show(ADMIN, "a").state is VgpuState.SUSPENDED
    service.vgpus.change(ADMIN, "a", VgpuChange(memory=64 * MIB))
    assert program.is_right()
    program.end()


def test_a_program_moves_and_comes_back(service: Service, process: Start) -> None:
    found = service.devices.list(ADMIN).items
    if len(found) < 2:
        absent("there is one OpenCL device only")
    wanted = VgpuWanted(name="a", memory=64 * MIB, compute=30, device="0", movable=True)
    service.vgpus.create(ADMIN, wanted)
    program = Program(service, "a", process().pid)
    for device in (found[1], found[0]):
        program.ask()
        assert program.is_right()
        moved = service.vgpus.move(ADMIN, "a", MoveWanted(device=device.uuid))
        assert (moved.device, moved.state, moved.leases) == (device.uuid, VgpuState.LEASED, 1)
        [usage] = running_vgpus()
        assert (usage.device_uuid, len(usage.holders)) == (device.uuid, 1)
        others = [d for d in service.devices.list(ADMIN).items if d.uuid != device.uuid]
        assert all(d.reserved_memory == 0 for d in others)
    with pytest.raises(MemoryUnavailable):
        service.vgpus.change(ADMIN, "a", VgpuChange(memory=found[0].memory + 1))
    program.ask()
    assert program.is_right()
    program.end()


def test_a_suspended_program_moves(service: Service, process: Start) -> None:
    found = service.devices.list(ADMIN).items
    if len(found) < 2:
        absent("there is one OpenCL device only")
    wanted = VgpuWanted(name="a", memory=64 * MIB, compute=30, device="0", movable=True)
    service.vgpus.create(ADMIN, wanted)
    program = Program(service, "a", process().pid)
    program.ask()
    assert program.is_right()
    service.vgpus.suspend(ADMIN, "a", SuspendWanted())
    moved = service.vgpus.move(ADMIN, "a", MoveWanted(device=found[1].uuid))
    assert (moved.device, moved.state) == (found[1].uuid, VgpuState.SUSPENDED)
    assert service.devices.show(ADMIN, "0").reserved_memory == 0
    program.ask()  # and waits
    assert service.vgpus.resume(ADMIN, "a", ResumeWanted()).state is VgpuState.LEASED
    assert program.is_right()
    program.end()
