"""Many at once: threads of one daemon, processes, and daemons of several nodes on one server."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from aliquot import errors
from aliquot.model.lifecycle import VgpuState
from aliquot.store import Location, Store, audit, lifecycle, vgpus
from tests.contract.store.agreement import assert_agree
from tests.contract.store.dying import ended_by, forked
from tests.contract.store.places import DEVICE, GIB, NODE, Place, device, put_device, spec

THREADS = 8


def at_once(work: Callable[[int], None], count: int = THREADS) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []


def create_many(store: Store, number: int) -> int:
    """Ask for more than there is; returns how many were made."""
    made = 0
    for turn in range(8):
        try:
            with store.change(f"t{number}") as change:
                wanted = spec(GIB, 900)
                vgpus.create(change, f"v{number}-{turn}", f"t{number}", wanted, device=DEVICE)
            made += 1
        except (errors.MemoryUnavailable, errors.ShareUnavailable):
            pass
    return made


def test_threads_reserve_exactly_what_there_is(store: Store) -> None:
    made = [0] * THREADS

    def work(number: int) -> None:
        made[number] = create_many(store, number)

    at_once(work)
    assert sum(made) == 11  # guarantees of 9 % into 100 %
    with store.look() as view:
        assert device(view).reserved_guarantee == 9900
        assert_agree(view)


def test_nodes_of_one_server_reserve_exactly_what_there_is(server_place: Place) -> None:
    """Each node is a process of its own, with its own chain of audit."""
    where = server_place.made()
    with Store.open(where, NODE) as store, store.change("root") as change:
        put_device(change, DEVICE)

    def node(number: int) -> Callable[[], None]:
        def work() -> None:
            with Store.open(where, f"node-{number}") as store:
                create_many(store, number)

        return work

    assert [ended_by(child) for child in [forked(node(n)) for n in range(6)]] == [0] * 6
    with Store.open(where, NODE) as store, store.look() as view:
        assert device(view).reserved_guarantee == 9900
        assert len(vgpus.listed(view)) == 11
        assert len([head for head in audit.heads(view) if head.sequence > 1]) >= 2
        assert_agree(view)


def test_of_all_who_change_the_same_generation_one_does(store: Store) -> None:
    with store.change("alice") as change:
        vgpu = vgpus.create(change, "one", "alice", spec(), device=DEVICE).id
    won: list[int] = []

    def work(number: int) -> None:
        try:
            with store.change("alice") as change:
                lifecycle.want(change, vgpu, spec((number + 2) * GIB), generation=1)
            won.append(number)
        except errors.ChangedMeanwhile:
            pass

    at_once(work)
    with store.look() as view:
        kept = vgpus.get(view, vgpu)
        assert (len(won), kept.generation) == (1, 2)
        assert kept.spec.memory == (won[0] + 2) * GIB


def test_readers_see_whole_changes_and_wait_for_none(store: Store) -> None:
    """A change moves a vGPU's state twice; a reader never sees it between."""
    with store.change("alice") as change:
        vgpu = vgpus.create(change, "one", "alice", spec(), device=DEVICE).id
    ended = threading.Event()

    def read(_: int) -> None:
        while not ended.is_set():
            with store.look() as view:
                kept, newest = vgpus.get(view, vgpu), view.event_sequence()
                assert kept.state in (VgpuState.PENDING, VgpuState.READY)
                assert vgpus.get(view, vgpu) == kept
                assert view.event_sequence() == newest

    def write() -> None:
        for _ in range(40):
            with store.change("alice") as change:
                lifecycle.transition(change, vgpu, VgpuState.FAILED, "why")
                lifecycle.transition(change, vgpu, VgpuState.READY)
        ended.set()

    at_once(lambda number: read(number) if number else write(), 4)


def other_process_opens(where: Location, node: str) -> int:
    def work() -> None:
        with pytest.raises(errors.StoreInUse) as refused:
            Store.open(where, node)
        assert "process" in str(refused.value)

    return ended_by(forked(work))


def test_a_second_daemon_is_refused_and_told_who_is_the_first(place: Place) -> None:
    where = place.made()
    with Store.open(where, NODE) as store:
        with pytest.raises(errors.StoreInUse, match=r"process \d+ \(") as refused:
            Store.open(where, NODE)
        assert refused.value.code == "ALQ-E301"
        assert other_process_opens(where, NODE) == 0
        with store.change("alice") as change:
            put_device(change, DEVICE)
    Store.open(where, NODE).close()


def test_who_lost_its_hold_writes_nothing_any_more(place: Place) -> None:
    where = place.made()
    first = Store.open(where, NODE)
    with first.change("root") as change:
        put_device(change, DEVICE)
    for lock in first._locks:
        lock.release()
    with Store.open(where, NODE) as second:
        with pytest.raises(errors.StoreTaken), first.change("alice") as change:
            vgpus.create(change, "one", "alice", spec())
        with second.look() as view:
            assert vgpus.listed(view) == []
    first._locks.clear()
    first.close()
