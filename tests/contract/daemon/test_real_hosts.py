"""The service on real device hosts and workers, with its threads."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot.client.device_host import running_hosts, running_vgpus
from aliquot.daemon import agreement
from aliquot.daemon.caller import Caller
from aliquot.daemon.service import Service
from aliquot.errors import (
    MemoryInUse,
    MemoryUnavailable,
    NotYourProcess,
    SimulatedDevice,
    StoreInUse,
)
from aliquot.leases.opencl_environment import opencl_environment
from aliquot.model.access_token import Role
from aliquot.model.api.devices import PolicyResource
from aliquot.model.api.vgpus import LeaseWanted, MoveWanted, VgpuChange, VgpuWanted
from aliquot.model.lifecycle import VgpuState
from aliquot.store import Location
from tests.absent import absent
from tests.contract.daemon.house import ADMIN, GIB, MIB
from tests.contract.device_host_process import wait_until
from tests.folders import make_short_folder, remove_folder
from tools.programs.drivers import all_drivers

Start = Callable[[], "subprocess.Popen[bytes]"]
NODE = "here"
OTHER_USER = 61234


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a daemon has its state and its sockets; nothing is left running at the end."""
    if not all_drivers():
        absent("no OpenCL driver is installed here")
    found = make_short_folder()
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(found / "run"))
    yield found
    for host in running_hosts():
        with host:
            for usage in host.list_vgpus():
                host.destroy_vgpu(usage.id)
    wait_until(lambda: not list((found / "run").glob("*/control.sock")), "all has ended")
    remove_folder(found)


def opened(folder: Path, inventory: str | None = None) -> Service:
    return Service.open(Location(str(folder / "state")), NODE, inventory=inventory)


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    with opened(folder) as running:
        yield running
        wait_until(lambda: not agreement.problems(running.store, NODE), "all agrees")
        assert running.core.problems == {}


def aliquot(*words: str) -> subprocess.Popen[bytes]:
    """The command line."""
    return subprocess.Popen(
        [sys.executable, "-m", "aliquot.cli", *words], stderr=subprocess.DEVNULL
    )


def test_a_life(service: Service, process: Start) -> None:
    made = service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=64 * MIB, compute=20))
    assert (made.state, made.settled) == (VgpuState.READY, True)
    holder = process()
    granted = service.leases.begin(ADMIN, "a", LeaseWanted(process_id=holder.pid))
    assert Path(granted.socket_path).is_socket()
    assert not granted.enforced  # a software device
    changed = service.vgpus.change(ADMIN, "a", VgpuChange(memory=128 * MIB, compute=40))
    assert (changed.memory, changed.state, changed.settled) == (128 * MIB, VgpuState.LEASED, True)
    [usage] = running_vgpus()
    assert (usage.memory_limit, usage.turns.shares.guarantee) == (128 * MIB, 4000)
    holder.kill()
    holder.wait()
    began = time.monotonic()
    wait_until(lambda: not service.leases.list(ADMIN).items, "the lease is released")
    assert time.monotonic() - began < 0.9, "only the next look found it"
    assert service.vgpus.delete(ADMIN, "a").state is VgpuState.DELETED
    assert running_vgpus() == []


def test_a_program_under_a_lease(service: Service, process: Start) -> None:
    service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=64 * MIB))
    code = (
        "import sys, pyopencl as cl, numpy as np\n"
        "sys.stdin.readline()\n"
        "context = cl.create_some_context(interactive=False)\n"
        "queue = cl.CommandQueue(context)\n"
        "buffer = cl.Buffer(context, cl.mem_flags.READ_WRITE, 16 << 20)\n"
        "cl.enqueue_fill_buffer(queue, buffer, np.int32(7), 0, 16 << 20).wait()\n"
        "out = np.empty(4 << 20, np.int32)\n"
        "cl.enqueue_copy(queue, out, buffer).wait()\n"
        "print((out == 7).all(), flush=True)\n"
        "sys.stdin.readline()\n"
    )
    holder = process()
    granted = service.leases.begin(ADMIN, "a", LeaseWanted(process_id=holder.pid))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=opencl_environment(os.environ, granted.socket_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdin
        assert program.stdout
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "True\n"
        wait_until(
            lambda: service.vgpus.show(ADMIN, "a").memory_used >= 16 * MIB, "its memory is seen"
        )
        with pytest.raises(MemoryInUse):
            service.vgpus.change(ADMIN, "a", VgpuChange(memory=8 * MIB))
        program.stdin.write("\n")
    holder.kill()
    holder.wait()
    wait_until(lambda: not service.leases.list(ADMIN).items, "the lease is released")


def test_a_run_without_the_daemon_is_adopted(folder: Path) -> None:
    with aliquot("run", "--memory", "64MiB", "--", "sleep", "60") as running:
        wait_until(lambda: [u for u in running_vgpus() if u.worker_process_id], "it runs")
        with opened(folder) as service:
            [vgpu] = service.vgpus.list(ADMIN).items
            assert (vgpu.ephemeral, vgpu.memory, vgpu.state) == (True, 64 * MIB, VgpuState.LEASED)
            [lease] = service.leases.list(ADMIN).items
            assert (lease.process_id, lease.holder) == (0, vgpu.name)
            assert agreement.problems(service.store, NODE) == []
            running.terminate()
            running.wait()
            wait_until(lambda: not service.vgpus.list(ADMIN).items, "it has ended")


def test_all_is_there_after_a_restart(folder: Path, process: Start) -> None:
    with opened(folder) as first:
        first.vgpus.create(ADMIN, VgpuWanted(name="a", memory=64 * MIB))
        granted = first.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
        with pytest.raises(StoreInUse):
            opened(folder)
    with opened(folder) as second:
        assert second.vgpus.show(ADMIN, "a").state is VgpuState.LEASED
        assert second.leases.show(ADMIN, granted.id).released_ms is None
        assert agreement.problems(second.store, NODE) == []


def test_a_vgpu_that_nobody_uses_moves_to_another_driver(service: Service) -> None:
    if len(service.devices.list(ADMIN).items) < 2:
        absent("there is one OpenCL device only")
    service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=64 * MIB, device="0"))
    moved = service.vgpus.move(ADMIN, "a", MoveWanted(device="1"))
    assert moved.device == service.devices.show(ADMIN, "1").uuid
    [usage] = running_vgpus()
    assert usage.device_uuid == moved.device


def test_a_policy_holds_at_once_and_for_later_device_hosts(service: Service) -> None:
    service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=64 * MIB))
    device = service.vgpus.show(ADMIN, "a").device or ""
    wanted = PolicyResource(policy="equal-share", turn_ms=4, averaging=2)
    assert service.devices.set_policy(ADMIN, device, wanted).policy == wanted
    [host] = running_hosts()
    with host:
        assert host.policy().as_dict() == {
            "policy": "equal-share",
            "turn_ms": 4.0,
            "averaging": 2,
        }


@pytest.mark.needs_root
def test_roots_daemon_serves_other_users(service: Service) -> None:
    user = Caller(tenant=f"uid-{OTHER_USER}", role=Role.USER, user_id=OTHER_USER)
    service.vgpus.create(user, VgpuWanted(name="a", memory=64 * MIB))
    [usage] = running_vgpus()
    assert usage.owner_uid == OTHER_USER
    with subprocess.Popen(["sleep", "1000"]) as roots:
        try:
            with pytest.raises(NotYourProcess):
                service.leases.begin(user, "a", LeaseWanted(process_id=roots.pid))
        finally:
            roots.kill()
    with subprocess.Popen(["sleep", "1000"], user=OTHER_USER, cwd="/") as own:
        try:
            granted = service.leases.begin(user, "a", LeaseWanted(process_id=own.pid))
            assert Path(granted.socket_path).stat().st_uid in (0, OTHER_USER)
            [lease] = service.leases.list(user).items
            assert (lease.user_id, lease.tenant) == (OTHER_USER, user.tenant)
        finally:
            own.kill()
    wait_until(lambda: not service.leases.list(user).items, "the lease is released")


def test_simulated_devices_hold_vgpus_in_the_state_alone(folder: Path) -> None:
    inventory = folder / "inventory.yaml"
    inventory.write_text(
        "version: 1\n"
        "nodes:\n"
        "  - name: lab\n"
        "    devices:\n"
        "      - id: gpu\n"
        "        count: 2\n"
        "        name: Big GPU\n"
        "        memory: 80GiB\n"
        "        load: {use: 60}\n"
        "        vgpus:\n"
        "          - {name: there, memory: 20GiB, compute: 25, tenant: alice}\n"
    )
    with opened(folder, str(inventory)) as service:
        simulated = [d for d in service.devices.list(ADMIN).items if d.simulated]
        assert [(d.node, d.memory, d.remotable) for d in simulated] == [("lab", 80 * GIB, True)] * 2
        assert simulated[0].telemetry["use"] == 60.0
        assert sorted(v.tenant for v in service.vgpus.list(ADMIN).items) == ["alice", "alice"]
        uuid = simulated[0].uuid
        made = service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB, device=uuid))
        assert (made.state, made.device) == (VgpuState.READY, uuid)
        with pytest.raises(SimulatedDevice):
            service.leases.begin(ADMIN, "a", LeaseWanted(process_id=os.getpid()))
        here = service.vgpus.create(ADMIN, VgpuWanted(name="b", memory=64 * MIB))
        assert here.device not in {d.uuid for d in simulated}
        assert agreement.problems(service.store, NODE) == []
    with opened(folder, str(inventory)) as service:
        assert len(service.vgpus.list(ADMIN).items) == 4
    with opened(folder) as service:  # without the inventory they are gone, as a lost device's
        assert service.vgpus.show(ADMIN, "a").state is VgpuState.FAILED


def test_who_comes_next_waits_for_what_is_about_to_end(service: Service, process: Start) -> None:
    """`aliquot run` twice in a row, each with all that there is."""
    whole = service.devices.show(ADMIN, "0").free_memory
    holder = process()
    first = VgpuWanted(
        name="first",
        memory=whole,
        device="0",
        ephemeral=True,
        lease=LeaseWanted(process_id=holder.pid),
    )
    service.vgpus.create(ADMIN, first)
    second = VgpuWanted(name="second", memory=whole, device="0")
    with pytest.raises(MemoryUnavailable):
        service.vgpus.create(ADMIN, second)
    holder.kill()
    holder.wait()
    assert service.vgpus.create(ADMIN, second).memory == whole
