"""Daemon and device hosts are killed at random while clients work: afterwards all agrees.

The daemon is a real `aliquot serve`, and the clients ask it over its socket.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from aliquot.client.device_host import running_hosts
from aliquot.client.rest import Client
from aliquot.errors import AliquotError, DaemonFault, DaemonUnreachable, NotUnderstood
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.model.api.vgpus import LeaseWanted, MoveWanted, VgpuChange, VgpuWanted
from aliquot.model.lifecycle import Wanted
from tests.absent import absent
from tests.contract.device_host_process import MIB, wait_until
from tests.soak import length
from tests.system.agreeing import disagreements
from tests.system.daemon import Daemon
from tools.programs.drivers import all_drivers

pytestmark = pytest.mark.alone

CLIENTS = 8
ROUND_SECONDS = 1.0
_FAULTS = (DaemonFault, NotUnderstood)
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
    """A daemon, its device hosts, and what clients have seen of them."""

    def __init__(self) -> None:
        self.daemon = Daemon(all_drivers())
        self.deaths: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.faults: list[BaseException] = []

    def problems(self) -> list[str]:
        """In what the API, the state, the device hosts and the workers disagree now."""
        with self.daemon.client() as client:
            found = client.node.agreement().problems
            try:
                return [*found, *disagreements(client, self.daemon.folder)]
            except AliquotError as error:  # something ended while it was looked at
                return [*found, str(error)]

    def diagnosed(self) -> list[dict[str, str]]:
        """What `aliquot doctor --deep` finds of the daemon."""
        done = self.daemon.run("doctor", "--deep", "--json")
        found = json.loads(done.stdout)["findings"]
        return [finding for finding in found if finding["area"] == "daemon"]

    def kill_the_daemon(self) -> None:
        """And start the next one on its state."""
        self.deaths["daemon"] += 1
        self.daemon.kill()
        self.daemon.start()

    def kill_a_device_host(self, chance: random.Random) -> None:
        """Its supervisor starts another one, which goes on where it was."""
        found: list[int] = []
        for host in running_hosts():
            with host:
                found.append(host.welcome.process_id)
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(found), signal.SIGKILL)
                self.deaths["device host"] += 1


class ClientOfDaemon(threading.Thread):
    """Does things at random with vGPUs of its own, and checks what it was told."""

    def __init__(self, world: World, number: int, seed: int, ended: threading.Event) -> None:
        super().__init__(name=f"client-{number}")
        self.world = world
        self.number = number
        self.chance = random.Random(seed)
        self.ended = ended
        self.holders: list[subprocess.Popen[bytes]] = []

    def run(self) -> None:
        """Until the round's end."""
        try:
            with self.world.daemon.client() as asking:
                while not self.ended.is_set():
                    self._try(asking)
        except BaseException as error:
            self.world.faults.append(error)
            raise
        finally:
            while self.holders:
                self._end_a_holder()

    def _try(self, asking: Client) -> None:
        """Do something. The daemon may refuse it, and may be gone, but nothing else."""
        try:
            self.world.done[self._do(asking)] += 1
        except _FAULTS:
            raise
        except DaemonUnreachable:
            time.sleep(0.02)  # whether it has done what was asked isn't known
        except AliquotError as error:
            self.world.done[error.code] += 1

    def _do(self, asking: Client) -> str:
        """One thing; returns what it was."""
        name = f"c{self.number}-{self.chance.randint(0, 2)}"
        what = self.chance.randrange(8)
        if what < 3:
            return self._create(asking, name)
        if what == 3:
            memory = self.chance.randint(16, 128) * MIB
            assert asking.vgpus.change(name, VgpuChange(memory=memory)).memory == memory
            return "change"
        if what == 4:
            asking.vgpus.move(name, MoveWanted(device=str(self.chance.randint(0, 1))))
            return "move"
        if what == 5:
            assert asking.vgpus.delete(name).wanted is Wanted.DELETED
            return "delete"
        if what == 6:
            asking.leases.begin(name, LeaseWanted(process_id=self._holder().pid))
            return "lease"
        self._end_a_holder()
        return "end a process"

    def _create(self, asking: Client, name: str) -> str:
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
        return "create"

    def _holder(self) -> subprocess.Popen[bytes]:
        self.holders.append(subprocess.Popen(["sleep", "1000"]))
        return self.holders[-1]

    def _end_a_holder(self) -> None:
        if self.holders:
            holder = self.holders.pop(self.chance.randrange(len(self.holders)))
            holder.kill()
            holder.wait()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A daemon that runs, and in the end nothing that does."""
    if len(all_drivers()) < 2:
        absent("vGPUs move between two OpenCL drivers, and they aren't here")
    world = World()
    try:
        monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(world.daemon.folder / "run"))
        world.daemon.start()
        yield world
        print(world.daemon.log[-4000:])
    finally:
        world.daemon.close()


def program_under_lease(world: World, name: str) -> subprocess.Popen[bytes]:
    """A program that is to go on whatever dies. It holds the lease itself, from the shell on."""
    work = world.daemon.work
    code, path = work / "program.py", work / f"{name}.path"
    code.write_text(_PROGRAM)
    wait = f"until [ -e {path} ]; do sleep 0.01; done"
    run = f"ALIQUOT_VGPU_SOCKET=$(cat {path}) exec {sys.executable} {code}"
    with world.daemon.client() as asking:
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
    ended = threading.Event()
    clients = [
        ClientOfDaemon(world, number, seed * 100 + number, ended) for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        for _ in range(2):
            time.sleep(chance.uniform(0, ROUND_SECONDS / 2))
            if chance.random() < 0.4:
                world.kill_a_device_host(chance)
            if chance.random() < 0.5:
                world.kill_the_daemon()
        time.sleep(ROUND_SECONDS / 4)
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert not world.faults
    assert program.wait(120) == 0
    wait_until(lambda: not world.problems(), "all agrees", 30)
    with world.daemon.client() as asking:
        asking.vgpus.delete(f"program-{seed}")


def rounds(world: World, count: int) -> None:
    """So many of them, on one state."""
    for seed in range(count):
        try:
            one_round(world, seed)
        except BaseException:
            print(f"round {seed}: {world.problems()}; {world.deaths}; {world.done}")
            raise
    assert world.deaths["daemon"] > count / 2
    assert world.deaths["device host"]
    assert {"create", "change", "move", "delete", "lease"} <= world.done.keys()
    diagnosed = world.diagnosed()
    assert {finding["level"] for finding in diagnosed} == {"ok"}, diagnosed
    assert {"agreement", "audit"} <= {finding["subject"] for finding in diagnosed}


def test_whatever_dies_all_agrees_afterwards(world: World) -> None:
    rounds(world, 30)


@pytest.mark.timeout(4 * 3600)
@pytest.mark.soak
def test_whatever_dies_however_long(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    count = length.scaled(300, least=3)
    rounds(world, count)
    record_property("rounds", count)
    record_property("deaths", dict(world.deaths))
    record_property("done", dict(world.done))
