"""The service with its threads, on made-up device hosts: they hear, and outlive what goes wrong."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from aliquot.daemon import holders, reconciler
from aliquot.errors import DeviceHostUnreachable, StoreFull
from aliquot.model.api.vgpus import LeaseWanted, VgpuWanted
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.store import lifecycle, vgpus
from tests.contract.daemon.house import ADMIN, GIB, ONE, House
from tests.contract.device_host_process import wait_until
from tests.fakes.device_hosts import FakeMachine, device

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A daemon whose threads run; retries are soon."""
    monkeypatch.setattr(reconciler, "RESYNC_SECONDS", 0.5)
    monkeypatch.setattr(reconciler, "_LAST_RETRY", 0.5)
    home = House(tmp_path, FakeMachine(device(ONE)))
    home.service._start()
    before = threading.active_count()
    assert before > 4
    yield home
    home.service.close()
    assert not [t for t in threading.enumerate() if t.name in ("observer", "holders", "finder")]


def troubles(home: House) -> dict[str, str]:
    """What is wrong with the daemon itself, and not with the made-up machine."""
    found = home.core.problems.copy()
    return {what: why for what, why in found.items() if not what.startswith("discovery by")}


def test_a_change_past_the_service_is_heard(busy: House) -> None:
    made = busy.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB))
    with busy.store.change("root") as change:
        kept = vgpus.get(change, made.id)
        lifecycle.want(change, made.id, lifecycle.with_wanted(kept.spec, wanted=Wanted.DELETED))
    wait_until(lambda: not busy.service.vgpus.list(ADMIN).items, "it is deleted")
    assert busy.machine.usages() == []


def test_the_end_of_a_holder_is_heard(busy: House, process: Start) -> None:
    child = process()
    lease = LeaseWanted(process_id=child.pid)
    wanted = VgpuWanted(name="a", memory=GIB, ephemeral=True, lease=lease)
    busy.service.vgpus.create(ADMIN, wanted)
    child.kill()
    wait_until(lambda: not busy.service.vgpus.list(ADMIN).items, "it ended with its last lease")
    assert busy.machine.usages() == []


def test_what_failed_is_tried_again(busy: House) -> None:
    host = busy.machine.by_uuid[ONE]
    host.fail["start"] = DeviceHostUnreachable("it did not start")
    busy.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB))
    host.fail.clear()
    wait_until(
        lambda: busy.service.vgpus.show(ADMIN, "a").state is VgpuState.READY, "it is tried again"
    )


def test_the_threads_go_on_when_the_disk_has_room_again(busy: House, process: Start) -> None:
    child = process()
    busy.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB))
    busy.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=child.pid))

    def full(*_: object) -> None:
        raise StoreFull("the disk is full")

    event.listen(busy.store.engine, "commit", full)
    child.kill()
    child.wait()
    with pytest.raises(StoreFull):
        busy.service.vgpus.create(ADMIN, VgpuWanted(name="b", memory=GIB))
    busy.machine.by_uuid[ONE].die()
    threading.Event().wait(1.5)  # while all threads try
    event.remove(busy.store.engine, "commit", full)
    wait_until(lambda: not busy.service.leases.list(ADMIN).items, "the lease is released")
    wait_until(lambda: len(busy.machine.usages()) == 1, "what was lost is made again")
    wait_until(lambda: not busy.problems(), "all agrees")
    wait_until(lambda: not troubles(busy), "nothing is wrong any more")


def test_a_fault_of_ours_ends_no_thread(busy: House, monkeypatch: pytest.MonkeyPatch) -> None:
    met = threading.Event()

    def faulty(*_: object, **__: object) -> None:
        met.set()
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(busy.service.reconciler, "resync", faulty)
        patch.setattr(busy.service.observer, "look", faulty)
        patch.setattr(busy.service.finder, "look", faulty)
        assert met.wait(60)
        wait_until(lambda: len(troubles(busy)) >= 2, "it is told")
    wait_until(lambda: not troubles(busy), "they go on")
    names = {thread.name for thread in threading.enumerate()}
    assert {"reconciler", "observer", "finder"} <= names
    assert holders.Holders


def test_what_is_taken_as_the_daemon_ends_is_left_to_the_next(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = home.service.reconciler
    work.schedule(home.service.vgpus.create(ADMIN, VgpuWanted(name="a", memory=GIB)).id)

    def ends(*_: object) -> list[object]:
        home.core.stop.set()
        work.stop()
        return []

    monkeypatch.setattr(reconciler.reservations, "of_vgpu", ends)
    work._hand_out()
    left = [t for t in threading.enumerate() if t.name.startswith("reconciler")]
    assert not left, "nobody would wait for these hands"
