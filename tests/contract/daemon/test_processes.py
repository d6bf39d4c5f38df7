"""Who uses a vGPU, and its command queues: told to whom the vGPU is there for."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable

import pytest

from aliquot.client.connection import Silent
from aliquot.daemon import vgpu_processes
from aliquot.daemon.at_host import external_id
from aliquot.daemon.caller import Caller
from aliquot.daemon.owners import tenant_of
from aliquot.diagram.scene import Choice
from aliquot.errors import DeviceHostUnreachable, NoSuchVgpu
from aliquot.model.access_token import Role
from aliquot.model.api.picture import Box
from aliquot.model.api.vgpus import LeaseWanted, VgpuWanted
from aliquot.model.details import GuestProcess
from aliquot.model.queues import CommandQueue, QueueClaims, QueuesAnswer
from tests.contract.daemon.house import ADMIN, ALICE, BOB, GIB, ONE, VIEWER, House
from tests.contract.device_host_process import wait_until

SELF = Caller(tenant=tenant_of(os.geteuid()), role=Role.USER)  # the user of the processes here
Start = Callable[[], "subprocess.Popen[bytes]"]
CLAIMS = QueueClaims(
    at_ns=5_000_000_000,
    answer=QueuesAnswer.TOLD,
    queues=[
        CommandQueue(1, 1, True, 3, 40, 3_000_000, 2_000_000),
        CommandQueue(1, 2, False, 0, 7, 1_000_000, 0),
    ],
    left_out=4,
    left_out_of={1: 4},
)


def used(
    home: House, process: int, claims: QueueClaims = CLAIMS, *, of: Caller = ALICE, name: str = "a"
) -> str:
    """A vGPU whose worker tells of queues; its id."""
    made = home.service.vgpus.create(of, VgpuWanted(name=name, memory=GIB, device=ONE))
    host = home.machine.by_uuid[ONE]
    [usage] = [one for one in host.vgpus.values() if one.external_id == external_id(made.id)]
    host.processes[usage.id] = [GuestProcess(process, 1, 2 << 20, 1 << 20)]
    host.claims[usage.id] = claims
    return made.id


def test_what_the_worker_tells(home: House, process: Start) -> None:
    running = process()
    vgpu = used(home, running.pid, of=SELF)
    told = home.service.processes.of(SELF, "a")
    assert (told.vgpu, told.queues_told, told.queues_told_by) == (vgpu, "told", "worker")
    assert told.queues_left_out == 4
    [one] = told.processes
    assert (one.process_id, one.name, one.memory_used) == (running.pid, "sleep", 1 << 20)
    assert [queue.share for queue in one.queues] == [75, 25]
    assert [queue.in_order for queue in one.queues] == [True, False]
    assert (one.share, one.queues_left_out) == (100, 4)
    # Whoever asks in the same moment is told the same, and the worker is not asked again.
    asked = home.machine.by_uuid[ONE].asked.count("queues")
    assert home.service.processes.of(ADMIN, vgpu) == told
    assert home.machine.by_uuid[ONE].asked.count("queues") == asked


def test_others_vgpus_are_not_there(home: House, process: Start) -> None:
    vgpu = used(home, process().pid)
    for reference in (vgpu, "alice:a", "nothing"):
        with pytest.raises(NoSuchVgpu):
            home.service.processes.of(BOB, reference)
        with pytest.raises(NoSuchVgpu):
            home.service.diagram.show(BOB, Choice(vgpu=reference))
    assert home.service.processes.of(VIEWER, "a").processes


def test_another_user_s_process_is_not_named(
    home: House, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's, say, who may use anybody's vGPU; also where the tenant is no user at all."""
    running = process()
    used(home, running.pid)
    for user in (os.geteuid() + 1, None):
        monkeypatch.setattr(vgpu_processes, "user_of", lambda _, user=user: user)
        [one] = home.service.processes.of(ALICE, "a").processes
        assert (one.process_id, one.name, len(one.queues)) == (0, "", 2)
    [one] = home.service.processes.of(ADMIN, "alice:a").processes
    assert (one.process_id, one.name) == (running.pid, "sleep")
    drawn = repr(home.service.diagram.show(ALICE, Choice(vgpu="a")))
    assert str(running.pid) not in drawn


def test_a_worker_that_is_silent(home: House, process: Start) -> None:
    used(home, process().pid, QueueClaims(answer=QueuesAnswer.SILENT))
    told = home.service.processes.of(ALICE, "a")
    assert (told.queues_told, len(told.processes)) == ("silent", 1)
    assert told.processes[0].queues == []


def test_a_device_host_that_is_gone_or_silent(
    home: House, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vgpu_processes, "_FRESH_SECONDS", 0)
    vgpu = used(home, process().pid)
    home.service.leases.begin(ADMIN, vgpu, LeaseWanted(process_id=process().pid))
    host = home.machine.by_uuid[ONE]
    for error in (DeviceHostUnreachable("it hung up"), Silent("it is stopped")):
        host.fail["queues"] = error
        told = home.service.processes.of(ALICE, "a")
        assert (told.queues_told, told.processes) == ("silent", [])
        picture = home.service.diagram.show(ALICE, Choice(vgpu="a"))
        titles = {box.title.key for box in picture.boxes}
        assert picture.vgpu == vgpu
        assert "users-unknown" in titles
        assert "unused" not in titles
    # One that is silent is left alone until it answers somebody.
    asked = host.asked.count("queues")
    assert home.service.processes.of(ALICE, "a").queues_told == "silent"
    assert host.asked.count("queues") == asked
    host.fail.clear()
    home.core.hosts.ask(ONE, lambda found: found.list_vgpus())
    assert home.service.processes.of(ALICE, "a").queues_told == "told"
    host.die()
    assert home.service.processes.of(ALICE, "a").queues_told == "no-worker"


def test_a_vgpu_that_leaves_while_it_is_asked_for(home: House, process: Start) -> None:
    used(home, process().pid)
    host = home.machine.by_uuid[ONE]
    host.fail["queues"] = NoSuchVgpu("it has moved")
    told = home.service.processes.of(ALICE, "a")
    assert (told.queues_told, told.processes) == ("no-worker", [])


def test_all_who_ask_at_once_wait_for_one_answer(home: House, process: Start) -> None:
    used(home, process().pid)
    host = home.machine.by_uuid[ONE]
    told: list[object] = []
    threads = [
        threading.Thread(target=lambda: told.append(home.service.processes.of(ALICE, "a")))
        for _ in range(8)
    ]
    before = len(host.asked)
    host.answers.clear()
    try:
        for thread in threads:
            thread.start()
        wait_until(lambda: len(host.asked) > before, "one asks")
    finally:
        host.answers.set()
        for thread in threads:
            thread.join()
    assert len(told) == 8
    assert all(one == told[0] for one in told)
    assert host.asked.count("queues") == 1


def test_nothing_is_kept_of_what_is_gone(
    home: House, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = home.service.processes._known
    gone = used(home, process().pid)
    home.service.processes.of(ALICE, gone)
    assert known.keys() == {gone}
    home.service.vgpus.delete(ALICE, gone)
    home.settle()
    assert home.service.processes.of(ALICE, gone).processes == []
    assert known == {}
    kept = [used(home, process().pid, name=name) for name in ("b", "c", "d")]
    monkeypatch.setattr(vgpu_processes, "_MOST_KEPT", 2)
    for vgpu in kept:
        home.service.processes.of(ALICE, vgpu)
    assert list(known) == kept[1:]
    monkeypatch.setattr(vgpu_processes, "_KEPT_SECONDS", 0)
    home.service.processes.of(ALICE, kept[0])
    assert list(known) == kept[:1]


def test_the_picture_of_one_vgpu(home: House, process: Start) -> None:
    vgpu = used(home, process().pid)
    home.service.leases.begin(ADMIN, vgpu, LeaseWanted(process_id=process().pid))
    home.look()
    picture = home.service.diagram.show(ADMIN, Choice(vgpu="alice:a"))
    assert picture.vgpu == vgpu
    boxes: dict[str, Box] = {box.id: box for box in picture.boxes}
    queues = [box for box in boxes.values() if box.kind == "command-queue"]
    assert [box.bars[0].parts[0].used for box in queues] == [75, 25]
    assert boxes[f"queues:1:{vgpu}"].count == 4
    assert {f"process:1:{vgpu}", f"vgpu:{vgpu}", f"device:{ONE}"} <= boxes.keys()
    # A token that doesn't cover leases isn't told who.
    untold = home.service.diagram.show(ADMIN, Choice(vgpu=vgpu), with_leases=False)
    assert not [box for box in untold.boxes if box.kind in ("process", "command-queue")]
    zooms = {box.id: box.zooms for box in home.service.diagram.show(ADMIN, Choice()).boxes}
    assert zooms[f"vgpu:{vgpu}"] == zooms[f"consumers:{vgpu}"] == vgpu
