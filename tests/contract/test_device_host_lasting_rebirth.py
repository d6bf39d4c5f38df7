"""vGPUs that last, and their leases, beyond the death of the device host at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

from tests.contract.device_host_process import (
    DEVICE_MEMORY,
    DONE,
    MEMORY_IN_USE,
    MEMORY_UNAVAILABLE,
    MIB,
    NO_SUCH_LEASE,
    READY,
    RESERVED,
    Control,
    DeviceHostProcess,
    Record,
    child_process,
    running_device_host,
    wait_until,
)
from tests.contract.test_device_host_lasting import (
    ID,
    gone,
    guest_of,
    quick_to_rest,
)
from tests.contract.test_device_host_rebirth import kill_device_host


def test_all_of_it_goes_on(host: DeviceHostProcess) -> None:
    control, holder = host.control(), host.control()
    vgpu = control.create_lasting(ID, 64 * MIB, "team-a")
    control.create_lasting(ID + 1, 32 * MIB, "team-b")
    with child_process() as process:
        by_connection, by_process = holder.lease(ID), control.lease(ID, process.pid)
        guest = guest_of(host, by_connection)
        assert control.resize(vgpu.number, memory=96 * MIB).kind == DONE
        before = control.list()
        kill_device_host(control)
        after = control.list()
        told = [(one.vgpu, one.name, one.external_id, one.state, one.leases) for one in before]
        assert [
            (one.vgpu, one.name, one.external_id, one.state, one.leases) for one in after
        ] == told
        assert [one.memory_limit for one in after] == [96 * MIB, 32 * MIB]
        assert after[0].worker == by_process.worker
        assert guest.borrow(90 * MIB) >= 90 * MIB
        assert control.create_lasting(ID, 96 * MIB, "team-a").number == vgpu.number
        # A number is nobody else's.
        assert control.lease(ID).number > max(by_connection.number, by_process.number)
        # Leases end with their holders as before.
        holder.close()
        process.kill()
        process.wait()
        wait_until(lambda: len(control.list()[0].leases) == 1, "their leases have ended")


def test_a_holder_that_ends_while_no_device_host_is_there(host: DeviceHostProcess) -> None:
    control, holder = host.control(), host.control()
    control.create_lasting(ID)
    with child_process() as process:
        kept = control.lease(ID)
        holder.lease(ID)
        control.lease(ID, process.pid)
        old = control.device_host()
        os.kill(old, signal.SIGSTOP)
        process.kill()
        process.wait()
        holder.close()
        os.kill(old, signal.SIGKILL)
        wait_until(
            lambda: [one.number for one in control.list()[0].leases] == [kept.number],
            "both leases have ended",
        )


def test_a_lease_is_answered_by_whoever_is_there(host: DeviceHostProcess) -> None:
    host.orders.write_text("sleep 400 ready serve")
    control, watcher = host.control(), host.control()
    control.create_lasting(ID)
    threading.Timer(0.1, os.kill, (control.device_host(), signal.SIGKILL)).start()
    lease = control.lease(ID)
    [status] = watcher.list()
    assert (status.worker, status.state) == (lease.worker, READY)
    assert [one.number for one in status.leases] == [lease.number]


def test_a_worker_rests_though_the_device_host_died() -> None:
    with quick_to_rest() as host:
        control = host.control()
        control.create_lasting(ID)
        lease = control.lease(ID)
        assert control.end_lease(lease.vgpu, lease.number).kind == DONE
        kill_device_host(control)
        wait_until(lambda: gone(lease.worker), "the worker has ended")
        wait_until(lambda: control.list()[0].state == RESERVED, "that is known")
        assert control.lease(ID).worker != lease.worker


def test_a_resize_that_waits_is_done_or_refused_by_the_next() -> None:
    with running_device_host(orders=f"used {40 * MIB} ready serve") as host:
        control = host.control()
        vgpu = control.create_lasting(ID, 64 * MIB)
        guest = guest_of(host, control.lease(ID))
        threading.Timer(0.1, os.kill, (control.device_host(), signal.SIGKILL)).start()
        assert control.resize(vgpu.number, memory=MIB).error()[0] == MEMORY_IN_USE
        assert control.list()[0].memory_limit == 64 * MIB
        assert guest.borrow(64 * MIB) == 64 * MIB


class Model:
    """What was acknowledged."""

    def __init__(self, control: Control, seed: int) -> None:
        self.control = control
        self.random = random.Random(seed)
        self.numbers: dict[int, int] = {}
        self.memory: dict[int, int] = {}
        self.leases: dict[int, dict[int, subprocess.Popen[bytes] | None]] = {}
        self.done = 0

    def step(self) -> None:
        external_id = self.random.randrange(1, 6)
        if external_id not in self.numbers:
            return self.create(external_id)
        action = self.random.choice(
            [self.create, self.lease, self.lease, self.end_lease, self.resize, self.destroy]
        )
        return action(external_id)

    def accept(self, answer: Record, *refusals: int) -> bool:
        self.done += 1
        if answer.kind != 1:
            return True
        code, told = answer.error()
        assert code in refusals, told
        return False

    def fits(self, external_id: int, size: int) -> bool:
        others = sum(memory for one, memory in self.memory.items() if one != external_id)
        return others + size <= DEVICE_MEMORY

    def create(self, external_id: int) -> None:
        size = self.memory.get(external_id) or self.random.randrange(1, 64 * MIB)
        if not self.fits(external_id, size):
            answer = self.control.try_create_lasting(external_id, size)
            assert not self.accept(answer, MEMORY_UNAVAILABLE)
            return
        vgpu = self.control.create_lasting(external_id, size)
        assert self.numbers.setdefault(external_id, vgpu.number) == vgpu.number
        self.memory[external_id] = vgpu.memory
        self.leases.setdefault(external_id, {})

    def lease(self, external_id: int) -> None:
        process = None
        if self.random.random() < 0.5:
            process = subprocess.Popen(["sleep", "1000"])
        lease = self.control.lease(external_id, process.pid if process else 0)
        self.done += 1
        self.leases[external_id][lease.number] = process

    def end_lease(self, external_id: int) -> None:
        if not self.leases[external_id]:
            return
        number = self.random.choice(list(self.leases[external_id]))
        process = self.leases[external_id].pop(number)
        if process is not None:
            process.kill()
            process.wait()
        if process is None or self.random.random() < 0.5:
            answer = self.control.end_lease(self.numbers[external_id], number)
            # With its process it may have ended already.
            self.accept(answer, *([] if process is None else [NO_SUCH_LEASE]))

    def resize(self, external_id: int) -> None:
        size = self.random.randrange(1, 300 * MIB)
        answer = self.control.resize(self.numbers[external_id], memory=size)
        refusals = [] if self.fits(external_id, size) else [MEMORY_UNAVAILABLE]
        if self.accept(answer, *refusals):
            assert not refusals
            self.memory[external_id] = size

    def destroy(self, external_id: int) -> None:
        self.accept(self.control.destroy_lasting(external_id))
        del self.numbers[external_id], self.memory[external_id]
        self.close(external_id)

    def close(self, external_id: int) -> None:
        for process in self.leases.pop(external_id).values():
            if process is not None:
                process.kill()
                process.wait()

    def agrees(self) -> bool:
        told = {one.external_id: one for one in self.control.list()}
        return {
            external_id: (one.vgpu, one.memory_limit, {lease.number for lease in one.leases})
            for external_id, one in told.items()
        } == {
            external_id: (number, self.memory[external_id], set(self.leases[external_id]))
            for external_id, number in self.numbers.items()
        }


def test_what_was_acknowledged_is_so_whenever_it_dies(host: DeviceHostProcess) -> None:
    """Deaths at random moments while vGPUs are created, leased, resized and destroyed."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    model = Model(host.control(), seed)
    watcher = host.control()
    stop = threading.Event()

    def kill() -> None:
        for _ in range(9):  # more within 10 s would be too many
            time.sleep(moments.uniform(0, 0.4))
            os.kill(watcher.device_host(), signal.SIGKILL)
        stop.set()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        while not stop.is_set():
            model.step()
        wait_until(model.agrees, "what is listed is what was acknowledged", 20)
        print(f"{model.done} requests")
        for external_id in list(model.numbers):
            model.destroy(external_id)
        wait_until(model.agrees, "all are gone", 20)
        assert not list(host.device_folder.glob("v*.sock"))
        wait_until(lambda: not workers_of(host), "all workers have ended")
    finally:
        killer.join()
        for external_id in list(model.leases):
            model.close(external_id)


def workers_of(host: DeviceHostProcess) -> list[str]:
    assert host.process is not None
    supervisor = host.process.pid
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return children[1:]  # without the device host
