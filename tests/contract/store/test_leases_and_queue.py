"""Leases, and the queue of what doesn't fit now."""

from __future__ import annotations

import pytest

from aliquot import errors
from aliquot.model.lease import Holder, Lease, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.store import Change, Store, View, events, leases, lifecycle, queue, reservations, vgpus
from tests.contract.store.places import DEVICE, GIB, OTHER, Clock, device, ready, spec

HOLDER = Holder(user_id=1000, process_id=4711, process_started=123456, name="train\0\udcff")


def begin(change: Change, vgpu: str) -> Lease:
    return leases.begin(change, vgpu, "alice", LeaseKind.PROCESS, HOLDER, enforced=True)


def test_a_vgpu_is_leased_while_a_lease_is_in_force(store: Store, clock: Clock) -> None:
    with store.change("alice") as change:
        vgpu = ready(change, "one").id
        first, second = begin(change, vgpu), begin(change, vgpu)
        assert vgpus.get(change, vgpu).state is VgpuState.LEASED
        assert (first.word, first.released_ms) == ("enforced", None)
    with store.look() as view:
        kept = leases.get(view, first.id).holder
        assert (kept.process_started, kept.name) == (123456, "train\N{REPLACEMENT CHARACTER}?")
        kinds = [event.kind for event in events.since(view, 0)]
        assert kinds[-3:] == ["lease.begun", "vgpu.leased", "lease.begun"]
    clock.now += 5
    with store.change("alice") as change:
        leases.release(change, first.id, "exit 0")
        assert vgpus.get(change, vgpu).state is VgpuState.LEASED
        leases.release(change, second.id, "exit 1")
        assert vgpus.get(change, vgpu).state is VgpuState.READY
        again = leases.release(change, first.id, "seen twice")
        assert (again.ending, again.released_ms) == ("exit 0", clock.now)
        assert leases.listed(change, vgpu=vgpu) == []
        assert len(leases.listed(change, tenant="alice", ended=True)) == 2


def test_what_is_not_ready_can_not_be_leased(store: Store) -> None:
    with store.change("alice") as change:
        waiting = vgpus.create(change, "waits", "alice", spec()).id
        failed = ready(change, "failed").id
        lifecycle.transition(change, failed, VgpuState.FAILED, "it fell")
    for vgpu, why in ((waiting, "pending"), (failed, "it fell")):
        with pytest.raises(errors.IllegalTransition, match=why), store.change("a") as change:
            begin(change, vgpu)
    with pytest.raises(errors.NoSuchEntry), store.change("alice") as change:
        leases.release(change, "none")


def test_leases_end_with_their_vgpu_and_outlive_its_suspension(store: Store) -> None:
    with store.change("alice") as change:
        vgpu = ready(change, "one").id
        lease = begin(change, vgpu)
        lifecycle.transition(change, vgpu, VgpuState.SUSPENDED)
        # Whether ready or leased: its leases say.
        assert lifecycle.transition(change, vgpu, VgpuState.READY).state is VgpuState.LEASED
        lifecycle.transition(change, vgpu, VgpuState.DELETED)
        assert leases.get(change, lease.id).ending == "the vGPU was deleted"


def order(view: View) -> list[str]:
    return [vgpus.get(view, entry.vgpu).name for entry in queue.waiting(view)]


def wait(change: Change, name: str, tenant: str, until_ms: int | None = None) -> str:
    made = vgpus.create(change, name, tenant, spec(4 * GIB))
    queue.enter(change, made.id, until_ms)
    return made.id


def test_who_asks_for_much_is_served_in_turn_with_who_asks_for_little(store: Store) -> None:
    with store.change("alice") as change:
        ids = {f"a{n}": wait(change, f"a{n}", "alice") for n in range(4)}
        ids |= {f"b{n}": wait(change, f"b{n}", "bob") for n in range(2)}
        assert order(change) == ["a0", "b0", "a1", "b1", "a2", "a3"]
        assert queue.get(change, ids["b1"]).position == 4
        queue.serve(change, {ids["a0"]: DEVICE})
        # Who comes after being served waits for those who came before.
        ids["a4"] = wait(change, "a4", "alice")
        ids["c0"] = wait(change, "c0", "carol")
        assert order(change) == ["b0", "a1", "b1", "c0", "a2", "a3", "a4"]
        assert queue.enter(change, ids["a4"]) == queue.get(change, ids["a4"])
        queue.leave(change, ids["a1"], "it was withdrawn")
        assert [entry.vgpu for entry in queue.waiting(change, "alice")] == [
            ids[name] for name in ("a2", "a3", "a4")
        ]


def test_a_tenant_that_always_asks_can_not_keep_another_waiting(store: Store) -> None:
    with store.change("alice") as change:
        greedy = [wait(change, f"a{n}", "alice") for n in range(3)]
        modest = wait(change, "b", "bob")
        served: list[str] = []
        for number in range(3):
            first = queue.waiting(change)[0].vgpu
            served.append(first)
            queue.serve(change, {first: DEVICE})
            lifecycle.transition(change, first, VgpuState.DELETED)
            wait(change, f"again{number}", "alice")
        assert modest in served[:2]
        assert greedy[0] == served[0]


def test_places_are_given_to_all_of_a_group_or_to_none(store: Store) -> None:
    with store.change("alice") as change:
        ready(change, "there", spec(13 * GIB))
        first, second = wait(change, "one", "alice"), wait(change, "two", "alice")
    with pytest.raises(errors.MemoryUnavailable), store.change("system") as change:
        queue.serve(change, {first: OTHER, second: DEVICE})
    with store.look() as view:
        assert order(view) == ["one", "two"]
        assert device(view, OTHER).reserved_memory == 0
    with store.change("system") as change:
        queue.serve(change, {first: OTHER, second: OTHER})
        assert order(change) == []
        assert device(change, OTHER).reserved_memory == 8 * GIB


def test_only_who_has_no_place_waits(store: Store, clock: Clock) -> None:
    with store.change("alice") as change:
        placed = ready(change, "placed").id
    with pytest.raises(errors.IllegalTransition), store.change("alice") as change:
        queue.enter(change, placed)
    with store.change("alice") as change:
        lifecycle.transition(change, placed, VgpuState.SUSPENDED)
        reservations.release(change, placed)
        queue.enter(change, placed, clock.now + 10)
        assert queue.overdue(change) == []
    clock.now += 10
    with store.change("alice") as change:
        assert [entry.vgpu for entry in queue.overdue(change)] == [placed]
        lifecycle.transition(change, placed, VgpuState.DELETED)
        assert queue.find(change, placed) is None
