"""Who waits for a place, who gets one, and who has to make way."""

from __future__ import annotations

import threading
import time

import pytest

from aliquot import errors
from aliquot.daemon import queue as daemon_queue
from aliquot.daemon.caller import Caller
from aliquot.daemon.moving import place_again
from aliquot.daemon.serving import MOST_AT_ONCE
from aliquot.daemon.views import ALL_MEMORY
from aliquot.model.access_token import Role
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.vgpu_record import VgpuSpec
from aliquot.placement.waiting import PATIENCE_MS
from aliquot.store import devices, lifecycle, reservations, retention, vgpus
from aliquot.store.change import SYSTEM
from tests.contract.placement.house import ADMIN, ALICE, BOB, FACTS, LONG_MS, House, wanted
from tests.contract.store.places import DEVICE, GIB, OTHER, put_device

S = VgpuState


def fill(house: House) -> tuple[str, str]:
    """Both devices are full but for 4 GiB each."""
    return (
        house.create("a", wanted(12, device=DEVICE)),
        house.create("b", wanted(12, device=OTHER)),
    )


def test_who_waits_is_served_when_there_is_room_and_once(house: House) -> None:
    first, _ = fill(house)
    waits = house.create("waits", wanted(8))
    assert house.state(waits) is S.PENDING
    assert house.serve().placed == []
    house.delete(first)
    assert house.serve().placed == [waits]
    assert (house.where(waits), house.state(waits)) == (DEVICE, S.READY)
    assert house.serve().placed == []
    house.check()


def test_the_list_tells_why_and_only_of_ones_own(house: House) -> None:
    fill(house)
    house.create("mine", wanted(8), ALICE)
    house.create("other", wanted(9), BOB)
    (mine,) = house.queue.list(ALICE).items
    assert (mine.name, mine.tenant, mine.position) == ("mine", "alice", 1)
    assert mine.until_ms == house.clock.now + LONG_MS
    assert mine.why == f"GPU ({DEVICE}): 4 GiB is free of 16 GiB, 8 GiB are asked for"
    (other,) = house.queue.list(BOB).items
    assert other.position == 2
    assert [item.name for item in house.queue.list(ADMIN).items] == ["mine", "other"]


def test_leaving_ends_the_wait(house: House) -> None:
    first, _ = fill(house)
    waits = house.create("waits", wanted(8))
    with pytest.raises(errors.NoSuchVgpu):
        house.queue.leave(BOB, waits)
    with pytest.raises(errors.NotPermitted):
        house.queue.leave(Caller(tenant="alice", role=Role.VIEWER), "waits")
    with pytest.raises(errors.NoSuchEntry):
        house.queue.leave(ALICE, "a")
    left = house.queue.leave(ALICE, "waits")
    assert (left.state, left.reason) == (S.DELETED, "it was taken out of the queue")
    house.delete(first)
    assert house.serve().placed == []
    # One that had a place is kept as it is.
    stopped = house.create("stopped", wanted(12))
    house.want(stopped, wanted=Wanted.SUSPENDED, release=True)
    house.create("instead", wanted(12))
    with house.store.change("alice") as change:
        daemon_queue.enter(change, house.get(stopped), LONG_MS)
    assert house.queue.leave(ALICE, "stopped").state is S.SUSPENDED


def test_small_ones_overtake_a_large_one_but_not_for_long(house: House) -> None:
    first, second = fill(house)
    large = house.create("large", wanted(10))
    house.create("small", wanted(2, device=DEVICE), BOB)
    assert house.waiting() == ["large"]  # whoever comes takes what is free
    house.clock.now += PATIENCE_MS
    # Now what it needs is kept for it, on the device where it lacks the least.
    with pytest.raises(errors.MemoryUnavailable, match="kept for those who wait longer"):
        house.create("late", wanted(1, device=OTHER), BOB, wait_ms=None)
    house.create("elsewhere", wanted(1, device=DEVICE), BOB, wait_ms=None)
    queued = house.create("queued", wanted(3, device=OTHER), BOB)
    house.delete(second)
    assert house.serve().placed == [large, queued]
    assert house.where(large) == OTHER
    house.delete(first)
    house.check()


def test_what_is_about_to_be_free_is_kept_at_once(house: House) -> None:
    first, _ = fill(house)
    large = house.create("large", wanted(10))
    with house.store.change("root") as change:
        spec = house.get(first).spec
        lifecycle.want(change, first, lifecycle.with_wanted(spec, wanted=Wanted.DELETED))
    with pytest.raises(errors.MemoryUnavailable):
        house.create("quick", wanted(4, device=DEVICE), BOB, wait_ms=None)
    house.settle()
    assert house.serve().placed == [large]


def test_waits_end_in_time_once_the_clock_is_believed(house: House) -> None:
    first, _ = fill(house)
    waits = house.create("waits", wanted(8), wait_ms=60_000)
    passing = house.create("passing", wanted(8, ephemeral=True), wait_ms=60_000)
    house.clock.now += 120_000
    assert house.serve().ended == []  # nobody has looked at the clock yet
    for _ in range(25):
        with house.store.change(SYSTEM) as change:
            retention.sweep(change)
        house.clock.now += 300_000
    assert sorted(house.serve().ended) == [waits, passing]
    kept = house.get(waits)
    assert (kept.state, kept.reason_code) == (S.FAILED, "ALQ-E482")
    assert "8 GiB are asked for" in kept.reason
    assert house.state(passing) is S.DELETED
    house.delete(first)
    assert house.serve().placed == []


def test_waits_end_in_time_by_a_clock_that_does_not_jump(house: House) -> None:
    fill(house)
    waits = house.create("waits", wanted(8), wait_ms=60_000)
    house.clock.now += 10 * LONG_MS  # somebody set the machine's clock
    assert house.serve().ended == []
    house.monotonic += 59
    assert house.serve().ended == []
    house.monotonic += 1
    assert house.serve().ended == [waits]
    assert house.state(waits) is S.FAILED


def test_batch_makes_way_where_its_owner_allows_and_comes_back(house: House) -> None:
    held = house.create("held", wanted(16, priority="batch", device=OTHER))
    batch = [
        house.create(f"batch{n}", wanted(5, priority="batch", preemptible=True), BOB)
        for n in range(3)
    ]
    same = house.create("same", wanted(6, priority="batch"))
    assert house.serve() == ([], [], [], False)  # no batch for batch
    house.queue.leave(ALICE, same)
    asks = house.create("asks", wanted(6, guarantee=50))
    done = house.serve()
    assert (done.placed, done.suspended) == ([], [batch[2]])  # the newest; 1 GiB was free
    assert house.state(batch[2]) is S.SUSPENDED
    assert house.get(batch[2]).spec.preempted
    assert house.serve().placed == [asks]
    assert house.waiting() == ["batch2"]
    assert house.state(held) is S.READY
    assert house.serve() == ([], [], [], False)
    house.delete(asks)
    assert house.serve().placed == [batch[2]]
    assert house.state(batch[2]) is S.READY
    assert not house.get(batch[2]).spec.preempted
    house.check()


def test_one_that_can_not_be_suspended_goes_on_and_another_makes_way(house: House) -> None:
    house.create("held", wanted(16, device=OTHER))
    batch = [
        house.create(f"batch{n}", wanted(8, priority="batch", preemptible=True), BOB)
        for n in range(2)
    ]
    asks = house.create("asks", wanted(6))
    (done,) = house.queue.serve()
    assert done.suspended == [batch[1]]
    with house.store.change(SYSTEM) as change:
        lifecycle.explain(change, batch[1], "there is no way to", errors.NotStopped.code)
    (done,) = house.queue.serve()
    assert done.suspended == [batch[0]]
    house.settle()
    assert house.serve().placed == [asks]
    assert [house.state(vgpu) for vgpu in batch] == [S.SUSPENDED, S.READY]
    kept = house.get(batch[1])
    assert (kept.spec.wanted, kept.spec.preempted, kept.reason) == (Wanted.RUNNING, False, "")


def test_one_that_its_owner_suspended_gives_up_its_place_and_waits_for_its_owner(
    house: House,
) -> None:
    house.create("held", wanted(16, device=OTHER))
    batch = house.create("batch", wanted(16, priority="batch", preemptible=True), BOB)
    house.want(batch, wanted=Wanted.SUSPENDED)
    assert house.where(batch) == DEVICE
    asks = house.create("asks", wanted(6))
    assert house.serve().suspended == [batch]
    assert house.serve().placed == [asks]
    house.delete(asks)
    assert house.serve().placed == []
    assert (house.state(batch), house.waiting()) == (S.SUSPENDED, [])


def test_a_tenant_can_not_fill_the_queue(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_queue, "MOST_WAITING", 3)
    fill(house)
    for number in range(3):
        house.create(f"w{number}", wanted(8))
    with pytest.raises(errors.QueueFull, match="3 vGPUs of 'alice' wait already"):
        house.create("more", wanted(8))
    house.create("other", wanted(8), BOB)
    assert house.waiting() == ["w0", "other", "w1", "w2"]


def test_nobody_waits_for_all_that_is_free(house: House) -> None:
    house.create("a", wanted(16, device=DEVICE))
    house.create("b", wanted(16, device=OTHER))
    with pytest.raises(errors.SizeNeeded):
        house.create("all", VgpuSpec(memory=ALL_MEMORY))


def test_users_are_served_in_turn(house: House) -> None:
    first, second = fill(house)
    many = [house.create(f"a{n}", wanted(8), ALICE) for n in range(4)]
    few = [house.create(f"b{n}", wanted(8), BOB) for n in range(2)]
    house.delete(first)
    assert house.serve().placed == [many[0], few[0]]
    house.delete(second)
    assert house.serve().placed == [many[1], few[1]]
    assert house.waiting() == ["a2", "a3"]


def test_many_are_served_by_several_changes(house: House) -> None:
    first, _ = fill(house)
    count = MOST_AT_ONCE + 5
    with house.store.change("alice") as change:
        for number in range(count):
            spec = VgpuSpec(memory=GIB // 8, device=DEVICE)
            made = vgpus.create(change, f"v{number}", "alice", spec)
            daemon_queue.enter(change, made, LONG_MS)
    house.delete(first)
    passes = house.queue.serve()
    assert [len(one.placed) for one in passes] == [MOST_AT_ONCE, 5]
    assert len({vgpu for one in passes for vgpu in one.placed}) == count


def test_a_device_that_returns_is_room(house: House) -> None:
    house.create("b", wanted(12, device=OTHER))
    with house.store.change(SYSTEM) as change:
        devices.lose(change, DEVICE)
    waits = house.create("waits", wanted(8))
    assert house.serve().placed == []
    with house.store.change(SYSTEM) as change:
        put_device(change, DEVICE, simulated=True, facts=FACTS)
    assert house.serve().placed == [waits]


def test_the_thread_serves_when_something_is_freed(house: House) -> None:
    first, _ = fill(house)
    waits = house.create("waits", wanted(8))
    threads = house.queue.threads()
    for thread in threads:
        thread.start()
    try:
        house.delete(first)
        deadline = time.monotonic() + 60
        while house.where(waits) is None and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        assert house.where(waits) == DEVICE
    finally:
        house.core.stop.set()
        house.queue.stop()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()


def test_one_that_gave_up_its_place_gets_one_again_or_waits(house: House) -> None:
    first, _ = fill(house)
    house.want(first, wanted=Wanted.SUSPENDED, release=True)
    instead = house.create("instead", wanted(12, device=DEVICE))
    assert house.where(instead) == DEVICE
    with pytest.raises(errors.MemoryUnavailable), house.store.change("alice") as change:
        place_again(change, house.get(first), None)
    with house.store.change("alice") as change:
        place_again(change, vgpus.get(change, first), LONG_MS)
    assert house.waiting() == ["a"]
    house.delete(instead)
    # It may also ask again by itself: its own wait is not in its way.
    with house.store.change("alice") as change:
        place_again(change, vgpus.get(change, first), None)
        assert [held.device for held in reservations.of_vgpu(change, first)] == [DEVICE]
    assert house.waiting() == []
