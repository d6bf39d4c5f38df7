"""vGPUs as the service makes, changes and ends them, on made-up device hosts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from sqlalchemy import update

from aliquot.errors import (
    ChangedMeanwhile,
    DeviceHostUnreachable,
    IdempotencyKeyReused,
    IllegalTransition,
    MemoryInUse,
    MemoryUnavailable,
    NameTaken,
    NoSuchVgpu,
    NotPermitted,
    NotStopped,
    ShareUnavailable,
    WorkerStart,
)
from aliquot.model.api.vgpus import (
    LeaseWanted,
    MoveWanted,
    ResumeWanted,
    SuspendWanted,
    VgpuChange,
    VgpuWanted,
)
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.store import clock, tables
from tests.contract.daemon.house import ADMIN, ALICE, BOB, GIB, MIB, ONE, TWO, VIEWER, House

Start = Callable[[], "subprocess.Popen[bytes]"]


def wanted(name: str = "a", memory: int = GIB, **more: object) -> VgpuWanted:
    return VgpuWanted(name=name, memory=memory, **more)  # type: ignore[arg-type]


def test_a_new_vgpu_is_ready_at_its_device_host(home: House) -> None:
    made = home.service.vgpus.create(ALICE, wanted(compute=25, labels={"team": "x"}))
    assert (made.state, made.settled, made.device) == (VgpuState.READY, True, ONE)
    [usage] = home.machine.usages()
    assert (usage.external_id, usage.memory_limit) == (int(made.id, 16), GIB)
    assert usage.turns.shares.guarantee == 2500


def test_what_the_device_host_refuses_is_not_made(home: House) -> None:
    home.machine.by_uuid[ONE].fail["create_vgpu"] = MemoryUnavailable("none is left")
    with pytest.raises(MemoryUnavailable):
        home.service.vgpus.create(ALICE, wanted(), idempotency_key="k")
    assert home.service.vgpus.list(ALICE).items == []
    home.machine.by_uuid[ONE].fail.clear()
    assert home.service.vgpus.create(ALICE, wanted(), idempotency_key="k").settled


def test_one_whose_device_host_cannot_be_reached_waits_with_the_reason(home: House) -> None:
    home.machine.by_uuid[ONE].fail["start"] = DeviceHostUnreachable("it did not start")
    made = home.service.vgpus.create(ALICE, wanted())
    assert (made.state, made.reason, made.reason_code) == (
        VgpuState.PENDING, "it did not start", "ALQ-E120",
    )  # fmt: skip
    home.machine.by_uuid[ONE].fail.clear()
    home.settle()
    now = home.service.vgpus.show(ALICE, "a")
    assert (now.state, now.reason) == (VgpuState.READY, "")


def test_a_request_that_is_sent_again_is_done_once(home: House) -> None:
    first = home.service.vgpus.create(ALICE, wanted(), idempotency_key="k")
    assert home.service.vgpus.create(ALICE, wanted(), idempotency_key="k").id == first.id
    with pytest.raises(IdempotencyKeyReused):
        home.service.vgpus.create(ALICE, wanted(memory=2 * GIB), idempotency_key="k")
    assert home.service.vgpus.create(BOB, wanted(), idempotency_key="k").id != first.id


def test_others_are_not_there_to_who_is_no_admin(home: House) -> None:
    made = home.service.vgpus.create(ALICE, wanted())
    for reference in (made.id, "a", "alice:a"):
        with pytest.raises(NoSuchVgpu):
            home.service.vgpus.show(BOB, reference)
    assert home.service.vgpus.list(BOB).items == []
    assert home.service.vgpus.list(BOB, tenant="alice").items == []
    assert home.service.vgpus.show(ADMIN, "alice:a").id == made.id
    with pytest.raises(NotPermitted):
        home.service.vgpus.delete(VIEWER, "a")
    with pytest.raises(NotPermitted):
        home.service.vgpus.create(ALICE, wanted("b", tenant="bob"))
    assert home.service.vgpus.create(ADMIN, wanted("b", tenant="bob")).tenant == "bob"


def test_two_tenants_have_vgpus_of_one_name_on_one_device(home: House) -> None:
    one = home.service.vgpus.create(ALICE, wanted())
    other = home.service.vgpus.create(BOB, wanted())
    assert one.device == other.device
    with pytest.raises(NameTaken):
        home.service.vgpus.create(ALICE, wanted())
    home.service.vgpus.change(BOB, "a", VgpuChange(memory=2 * GIB))
    assert sorted(usage.memory_limit for usage in home.machine.usages()) == [GIB, 2 * GIB]


def test_pages_are_in_order_and_do_not_overlap(home: House) -> None:
    made = [home.service.vgpus.create(ALICE, wanted(f"v{i}", 64 * MIB)).id for i in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = home.service.vgpus.list(ALICE, limit=2, cursor=cursor)
        seen += [vgpu.id for vgpu in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == made


def test_a_change_reaches_the_device_host(home: House) -> None:
    home.service.vgpus.create(ALICE, wanted())
    grown = home.service.vgpus.change(ALICE, "a", VgpuChange(memory=2 * GIB, weight=3))
    assert (grown.memory, grown.weight, grown.settled, grown.generation) == (2 * GIB, 3, True, 2)
    [usage] = home.machine.usages()
    assert (usage.memory_limit, usage.turns.shares.weight) == (2 * GIB, 3)
    home.service.vgpus.change(ALICE, "a", VgpuChange(memory=GIB))
    assert home.service.devices.show(ALICE, ONE).reserved_memory == GIB
    with pytest.raises(ChangedMeanwhile):
        home.service.vgpus.change(ALICE, "a", VgpuChange(weight=1), generation=1)
    with pytest.raises(MemoryUnavailable):
        home.service.vgpus.change(ALICE, "a", VgpuChange(memory=9 * GIB))
    assert home.service.vgpus.show(ALICE, "a").settled


def test_less_memory_than_is_in_use_is_refused_and_nothing_has_changed(home: House) -> None:
    made = home.service.vgpus.create(ALICE, wanted(memory=2 * GIB))
    home.machine.by_uuid[ONE].use(int(made.id, 16), GIB + 1)
    with pytest.raises(MemoryInUse, match=str(GIB + 1)):
        home.service.vgpus.change(ALICE, "a", VgpuChange(memory=GIB), idempotency_key="k")
    now = home.service.vgpus.show(ALICE, "a")
    assert (now.memory, now.settled, now.reason) == (2 * GIB, True, "")
    home.machine.by_uuid[ONE].use(int(made.id, 16), GIB)
    again = home.service.vgpus.change(ALICE, "a", VgpuChange(memory=GIB), idempotency_key="k")
    assert (again.memory, again.settled) == (GIB, True)


def test_with_evict_it_is_suspended_instead(home: House) -> None:
    made = home.service.vgpus.create(ALICE, wanted(memory=2 * GIB))
    home.machine.by_uuid[ONE].use(int(made.id, 16), GIB + 1)
    now = home.service.vgpus.change(ALICE, "a", VgpuChange(memory=GIB, evict=True))
    assert (now.state, now.memory, now.settled) == (VgpuState.SUSPENDED, GIB, True)
    assert home.service.devices.show(ALICE, ONE).reserved_memory == GIB


def test_suspending_keeps_the_place_and_with_release_gives_it_up(home: House) -> None:
    home.service.vgpus.create(ALICE, wanted(memory=6 * GIB, compute=80, device=ONE))
    vgpus, devices = home.service.vgpus, home.service.devices
    assert vgpus.suspend(ALICE, "a", SuspendWanted()).state is VgpuState.SUSPENDED
    assert devices.show(ALICE, ONE).reserved_memory == 6 * GIB
    assert vgpus.resume(ALICE, "a", ResumeWanted()).state is VgpuState.READY
    suspended = vgpus.suspend(ALICE, "a", SuspendWanted(release=True))
    assert (suspended.state, suspended.device) == (VgpuState.SUSPENDED, None)
    assert devices.show(ALICE, ONE).reserved_memory == 0
    # Another has its place now, at the device host as well.
    vgpus.create(BOB, wanted("b", 7 * GIB, compute=50, device=ONE))
    with pytest.raises((MemoryUnavailable, ShareUnavailable)):
        vgpus.resume(ALICE, "a", ResumeWanted())
    waiting = vgpus.show(ALICE, "a")
    assert (waiting.state, waiting.wanted) == (VgpuState.SUSPENDED, Wanted.SUSPENDED)
    vgpus.delete(BOB, "b")
    back = vgpus.resume(ALICE, "a", ResumeWanted())
    assert (back.state, back.device, back.settled) == (VgpuState.READY, ONE, True)


def test_one_that_gave_up_its_place_may_go_on_elsewhere(home: House) -> None:
    home.service.vgpus.create(ALICE, wanted(memory=6 * GIB))
    home.service.vgpus.suspend(ALICE, "a", SuspendWanted(release=True))
    home.service.vgpus.create(BOB, wanted("b", 7 * GIB, device=ONE))
    back = home.service.vgpus.resume(ALICE, "a", ResumeWanted())
    assert (back.state, back.device) == (VgpuState.READY, TWO)
    assert [usage.name for usage in home.machine.by_uuid[TWO].vgpus.values()] == ["a"]


def test_what_cannot_be_stopped_goes_on(home: House) -> None:
    home.service.vgpus.create(ALICE, wanted())
    home.machine.by_uuid[ONE].fail["suspend_vgpu"] = NotStopped("a kernel runs")
    with pytest.raises(NotStopped):
        home.service.vgpus.suspend(ALICE, "a", SuspendWanted())
    now = home.service.vgpus.show(ALICE, "a")
    assert (now.state, now.wanted, now.reason) == (VgpuState.READY, Wanted.RUNNING, "")


@pytest.mark.parametrize("leased", [False, True])
def test_a_move_brings_all_along(home: House, process: Start, leased: bool) -> None:
    home.service.vgpus.create(ALICE, wanted(device=ONE))
    if leased:
        home.service.leases.begin(ADMIN, "alice:a", LeaseWanted(process_id=process().pid))
    moved = home.service.vgpus.move(ALICE, "a", MoveWanted(device=TWO))
    assert (moved.device, moved.settled, moved.leases) == (TWO, True, int(leased))
    assert not home.machine.by_uuid[ONE].vgpus
    assert home.service.devices.show(ALICE, ONE).reserved_memory == 0
    assert home.service.devices.show(ALICE, TWO).reserved_memory == GIB
    with pytest.raises(IllegalTransition):
        home.service.vgpus.move(ALICE, "a", MoveWanted(device=TWO))


def test_a_move_that_fails_leaves_it_where_it_was(home: House, process: Start) -> None:
    home.service.vgpus.create(ALICE, wanted(device=ONE))
    home.service.leases.begin(ADMIN, "alice:a", LeaseWanted(process_id=process().pid))
    home.machine.by_uuid[ONE].fail["move_vgpu"] = NotStopped("a kernel runs")
    with pytest.raises(NotStopped):
        home.service.vgpus.move(ALICE, "a", MoveWanted(device=TWO))
    now = home.service.vgpus.show(ALICE, "a")
    assert (now.device, now.state, now.leases) == (ONE, VgpuState.LEASED, 1)
    assert home.service.devices.show(ALICE, TWO).reserved_memory == 0
    home.service.vgpus.create(BOB, wanted("b", 8 * GIB, device=TWO))
    with pytest.raises(MemoryUnavailable):
        home.service.vgpus.move(ALICE, "a", MoveWanted(device=TWO))


def test_a_move_that_the_daemon_did_not_live_to_end_is_ended(home: House) -> None:
    made = home.service.vgpus.create(ALICE, wanted(device=ONE))
    from aliquot.daemon.moving import start_move

    with home.store.change("alice") as change:
        start_move(change, made.id, TWO, None)
    home.service.reconciler.resync()
    assert home.service.reconciler.due() == [made.id]
    home.settle()
    now = home.service.vgpus.show(ALICE, "a")
    assert (now.device, now.settled) == (TWO, True)
    assert home.service.devices.show(ALICE, ONE).reserved_memory == 0


def test_deleting_gives_back_everything(home: House, process: Start) -> None:
    home.service.vgpus.create(ALICE, wanted())
    home.service.leases.begin(ADMIN, "alice:a", LeaseWanted(process_id=process().pid))
    gone = home.service.vgpus.delete(ALICE, "a")
    assert (gone.state, gone.leases, gone.device) == (VgpuState.DELETED, 0, None)
    assert home.machine.usages() == []
    with pytest.raises(NoSuchVgpu):
        home.service.vgpus.show(ALICE, "a")
    assert home.service.vgpus.show(ALICE, gone.id).state is VgpuState.DELETED
    home.service.vgpus.create(ALICE, wanted())  # the name can be given again


def test_deleting_waits_for_a_device_host_that_is_silent(home: House) -> None:
    home.service.vgpus.create(ALICE, wanted())
    host = home.machine.by_uuid[ONE]
    host.fail["destroy_lasting_vgpu"] = DeviceHostUnreachable("it did not answer")
    told = home.service.vgpus.delete(ALICE, "a")
    assert (told.state, told.wanted) == (VgpuState.READY, Wanted.DELETED)
    assert home.service.devices.show(ALICE, ONE).reserved_memory == GIB
    host.fail.clear()
    home.settle()
    assert home.service.vgpus.list(ALICE).items == []


def test_made_and_leased_at_once_or_not_at_all(home: House, process: Start) -> None:
    lease = LeaseWanted(process_id=process().pid)
    made = home.service.vgpus.create(
        ADMIN, wanted(ephemeral=True, lease=lease), idempotency_key="k"
    )
    assert made.lease is not None
    assert (made.state, made.leases) == (VgpuState.LEASED, 1)
    again = home.service.vgpus.create(
        ADMIN, wanted(ephemeral=True, lease=lease), idempotency_key="k"
    )
    assert again.lease is not None
    assert again.lease.id == made.lease.id
    home.machine.by_uuid[ONE].fail["take_lease"] = WorkerStart("it can't start")
    with pytest.raises(WorkerStart):
        home.service.vgpus.create(ADMIN, wanted("b", ephemeral=True, lease=lease))
    assert [vgpu.name for vgpu in home.service.vgpus.list(ADMIN).items] == ["a"]
    assert len(home.machine.usages()) == 1


def test_an_ephemeral_one_ends_with_its_last_lease(home: House, process: Start) -> None:
    home.service.vgpus.create(ADMIN, wanted(ephemeral=True))
    one, other = (
        home.service.leases.begin(ADMIN, "a", LeaseWanted(process_id=process().pid))
        for _ in range(2)
    )
    home.service.leases.end(ADMIN, one.id)
    assert home.service.vgpus.show(ADMIN, "a").leases == 1
    home.service.leases.end(ADMIN, other.id)
    assert home.service.vgpus.list(ADMIN).items == []
    assert home.machine.usages() == []


def test_an_ephemeral_one_waits_no_longer_than_who_asked_for_it(
    home: House, process: Start
) -> None:
    """Say `aliquot run --wait` that was killed: others behind it would wait for nobody."""
    home.service.vgpus.create(ALICE, wanted("there", 8 * GIB, device=ONE))
    asker = process()
    lease = LeaseWanted(process_id=asker.pid)
    more = {"device": ONE, "wait_ms": 10**9, "ephemeral": True, "lease": lease}
    waiting = home.service.vgpus.create(ADMIN, wanted("waits", 8 * GIB, **more))
    assert waiting.queue_position == 1
    home.look()
    assert home.service.vgpus.show(ADMIN, waiting.id).state is VgpuState.PENDING
    asker.kill()
    asker.wait()
    home.service.reconciler.resync()
    assert waiting.id in home.service.reconciler.due()
    home.settle()
    assert home.service.vgpus.show(ADMIN, waiting.id).state is VgpuState.DELETED
    assert home.service.queue.list(ADMIN).items == []


def test_an_ephemeral_one_that_nobody_leases_ends_after_a_while(home: House) -> None:
    home.service.vgpus.create(ALICE, wanted(ephemeral=True))
    home.settle()
    assert len(home.service.vgpus.list(ALICE).items) == 1
    home.clock.now += 61_000
    home.settle()
    assert home.service.vgpus.list(ALICE).items == []


def test_its_time_ends_it_only_while_the_clock_is_believed(home: House) -> None:
    home.service.housekeeping.sweep()
    home.service.vgpus.create(ALICE, wanted(ttl_ms=5000))
    home.clock.now += 10_000
    home.service.reconciler.resync()  # the clock has not gone on for an hour yet
    home.settle()
    assert len(home.service.vgpus.list(ALICE).items) == 1
    for _ in range(14):
        home.clock.now += 5 * 60_000
        home.service.housekeeping.sweep()
    home.service.reconciler.resync()
    home.settle()
    assert home.service.vgpus.list(ALICE).items == []


def test_who_was_given_more_time_at_the_last_moment_goes_on(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.service.vgpus.create(ALICE, wanted(ttl_ms=5000))
    home.clock.now += 10_000
    more = [VgpuChange(ttl_ms=60_000)]

    def believed(_: object) -> bool:
        if more:
            home.service.vgpus.change(ALICE, "a", more.pop())
        return True

    monkeypatch.setattr(clock, "believed", believed)
    home.service.reconciler.resync()
    home.settle()
    assert len(home.service.vgpus.list(ALICE).items) == 1


def test_all_that_is_unreserved_without_a_size(home: House) -> None:
    home.service.vgpus.create(ALICE, wanted("b", 3 * GIB, device=ONE))
    made = home.service.vgpus.create(ALICE, VgpuWanted(name="a", device=ONE))
    assert made.memory == 5 * GIB


def test_leases_of_a_process_are_taken_once(home: House, process: Start) -> None:
    home.service.vgpus.create(ADMIN, wanted())
    asked = LeaseWanted(process_id=process().pid)
    first = home.service.leases.begin(ADMIN, "a", asked)
    assert home.service.leases.begin(ADMIN, "a", asked).id == first.id
    assert first.socket_path == "/run/v1.sock"


def test_what_is_wanted_of_another_nodes_vgpu_is_left_to_its_daemon(home: House) -> None:
    made = home.service.vgpus.create(ALICE, wanted())

    def belongs_to(node: str) -> None:
        with home.store.change("root") as change:
            of_it = update(tables.vgpus).where(tables.vgpus.c.id == made.id)
            change.connection.execute(of_it.values(node=node))

    belongs_to("another")
    told = home.service.vgpus.delete(ALICE, made.id)
    assert (told.state, told.wanted) == (VgpuState.READY, Wanted.DELETED)
    assert len(home.machine.usages()) == 1
    belongs_to(home.core.node)
    home.settle()
    assert home.machine.usages() == []
