"""Daemon and device hosts are killed at random while clients work: afterwards all agrees."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.client.device_host import running_hosts
from aliquot.daemon import agreement
from aliquot.errors import AliquotError
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.model.api.vgpus import LeaseWanted, MoveWanted, VgpuChange, VgpuWanted
from aliquot.model.lifecycle import Wanted
from aliquot.store import Location, Store
from tests.contract.device_host_process import MIB, wait_until
from tests.soak import length
from tests.system.serving import NODE, Asking, Daemon, Gone
from tools.programs.drivers import Driver

CLIENTS = 8
ROUND_SECONDS = 1.0
_PROGRAM = """
import numpy as np, pyopencl as cl
context = cl.create_some_context(interactive=False)
queue = cl.CommandQueue(context)
program = cl.Program(context, "kernel void add(global int *x) { x[get_global_id(0)] += 1; }")
add = program.build().add
values = np.arange(1 << 16, dtype=np.int32)
buffer = cl.Buffer(context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, hostbuf=values)
for _ in range(300):
    add(queue, values.shape, None, buffer)
out = np.empty_like(values)
cl.enqueue_copy(queue, out, buffer)
assert (out == values + 300).all()
"""


class World:
    """A daemon, its device hosts, and the processes that hold leases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemon = Daemon(folder)
        self.faults: list[BaseException] = []

    def problems(self) -> list[str]:
        """In what state, device hosts and workers disagree now."""
        with Store.open_to_read(Location(str(self.folder / "state"))) as store:
            return agreement.problems(store, NODE)

    def kill_a_device_host(self, chance: random.Random) -> None:
        """Its supervisor starts another one, which goes on where it was."""
        found: list[int] = []
        for host in running_hosts():
            with host:
                found.append(host.welcome.process_id)
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(found), signal.SIGKILL)


class ClientOfDaemon(threading.Thread):
    """Does things at random with vGPUs of its own, and checks what it was told."""

    def __init__(self, world: World, number: int, seed: int, until: float) -> None:
        super().__init__(name=f"client-{number}")
        self.world = world
        self.number = number
        self.chance = random.Random(seed)
        self.until = until
        self.holders: list[subprocess.Popen[bytes]] = []

    def run(self) -> None:
        """Until the round's end."""
        try:
            while time.monotonic() < self.until:
                try:
                    with Asking(self.world.daemon.socket) as asking:
                        while time.monotonic() < self.until:
                            self._do(asking)
                except Gone:
                    time.sleep(0.02)
        except BaseException as error:
            self.world.faults.append(error)
            raise
        finally:
            for holder in self.holders:
                holder.kill()
                holder.wait()

    def _do(self, asking: Asking) -> None:
        name = f"c{self.number}-{self.chance.randint(0, 2)}"
        what = self.chance.randrange(8)
        with contextlib.suppress(AliquotError):
            if what < 3:
                self._create(asking, name)
            elif what == 3:
                memory = self.chance.randint(16, 128) * MIB
                told = asking.vgpus.change(name, VgpuChange(memory=memory))
                assert told.memory == memory
            elif what == 4:
                asking.vgpus.move(name, MoveWanted(device=str(self.chance.randint(0, 1))))
            elif what == 5:
                told = asking.vgpus.delete(name)
                assert told.wanted is Wanted.DELETED
            elif what == 6:
                asking.leases.begin(name, LeaseWanted(process_id=self._holder().pid))
            elif self.holders:
                holder = self.holders.pop(self.chance.randrange(len(self.holders)))
                holder.kill()
                holder.wait()

    def _create(self, asking: Asking, name: str) -> None:
        ephemeral = self.chance.random() < 0.4
        wanted = VgpuWanted(
            name=name,
            memory=self.chance.randint(16, 128) * MIB,
            compute=float(self.chance.randint(0, 3)),
            ephemeral=ephemeral,
            lease=LeaseWanted(process_id=self._holder().pid) if ephemeral else None,
        )
        key = f"{name}-{time.monotonic_ns()}"
        made = asking.vgpus.create(wanted, idempotency_key=key)
        again = asking.vgpus.create(wanted, idempotency_key=key)
        assert again.id == made.id

    def _holder(self) -> subprocess.Popen[bytes]:
        self.holders.append(subprocess.Popen(["sleep", "1000"]))
        return self.holders[-1]


@pytest.fixture
def world(one_driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A daemon that runs, and in the end nothing that does."""
    folder = Path(tempfile.mkdtemp(prefix="alq-", dir="/tmp"))
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(folder / "run"))
    world = World(folder)
    world.daemon.start()
    yield world
    world.daemon.stop()
    for host in running_hosts():
        with host:
            for usage in host.list_vgpus():
                host.destroy_vgpu(usage.id)
    wait_until(lambda: not list((folder / "run").glob("*/control.sock")), "all has ended")
    print((folder / "daemon.log").read_text()[-4000:])
    shutil.rmtree(folder)


def program_under_lease(world: World, name: str) -> subprocess.Popen[bytes]:
    """A program that is to go on whatever dies. It holds the lease itself, from the shell on."""
    code, path = world.folder / "program.py", world.folder / f"{name}.path"
    code.write_text(_PROGRAM)
    wait = f"until [ -e {path} ]; do sleep 0.01; done"
    run = f"ALIQUOT_VGPU_SOCKET=$(cat {path}) exec {sys.executable} {code}"
    with Asking(world.daemon.socket) as asking:
        asking.vgpus.create(VgpuWanted(name=name, memory=64 * MIB))
        program = subprocess.Popen(
            ["sh", "-c", f"{wait}; {run}"], env=opencl_environment(os.environ, "")
        )
        granted = asking.leases.begin(name, LeaseWanted(process_id=program.pid))
    written = path.with_suffix(".new")
    written.write_text(granted.socket_path)
    written.rename(path)
    return program


def one_round(world: World, seed: int) -> None:
    """Clients work, a program computes, and what serves them dies."""
    chance = random.Random(seed)
    program = program_under_lease(world, f"program-{seed}")
    until = time.monotonic() + ROUND_SECONDS
    clients = [
        ClientOfDaemon(world, number, seed * 100 + number, until) for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for _ in range(2):
        time.sleep(chance.uniform(0, ROUND_SECONDS / 2))
        if chance.random() < 0.4:
            world.kill_a_device_host(chance)
        if chance.random() < 0.7:
            world.daemon.kill()
            world.daemon.start()
    for client in clients:
        client.join()
    assert not world.faults
    assert program.wait(120) == 0
    wait_until(lambda: not world.problems(), "all agrees", 30)
    with Asking(world.daemon.socket) as asking:
        asking.vgpus.delete(f"program-{seed}")


def rounds(world: World, count: int) -> None:
    """So many of them, on one state."""
    for seed in range(count):
        try:
            one_round(world, seed)
        except BaseException:
            print(f"round {seed}: {world.problems()}")
            raise
    assert world.daemon.lives > count / 2


def test_whatever_dies_all_agrees_afterwards(world: World) -> None:
    rounds(world, 30)


@pytest.mark.soak
def test_whatever_dies_however_long(world: World) -> None:
    rounds(world, length.scaled(300, least=3))
