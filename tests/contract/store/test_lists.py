"""What the daemon asks of many vGPUs at once, and what it writes of one at once."""

from __future__ import annotations

import pytest

from aliquot.errors import IllegalTransition
from aliquot.model.lease import Holder, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vgpu_record import VgpuStatus
from aliquot.store import Store, events, idempotency, leases, lifecycle, lists, queue, vgpus
from tests.contract.store.agreement import assert_agree
from tests.contract.store.places import DEVICE, GIB, OTHER, Clock, device, ready, spec


def test_what_a_list_tells_besides_the_rows(store: Store) -> None:
    with store.change("alice") as change:
        one, two = ready(change, "one"), ready(change, "two")
        waits = vgpus.create(change, "waits", "alice", spec())
        queue.enter(change, waits.id)
        for _ in range(2):
            leases.begin(change, two.id, "alice", LeaseKind.PROCESS, Holder(), enforced=False)
        ended = leases.begin(change, one.id, "alice", LeaseKind.PROCESS, Holder(), enforced=False)
        leases.release(change, ended.id)
    with store.look() as view:
        told = lists.more(view, one.id, waits.id)
        assert told.devices == {one.id: [DEVICE], two.id: [DEVICE]}
        assert told.leases == {two.id: 2}
        assert told.positions == {waits.id: 1}
        assert lists.more(view, two.id, two.id).devices == {two.id: [DEVICE]}
        assert lists.vgpus_by_device(view) == {DEVICE: 2}
        assert vgpus.names(view, {one.id, waits.id, "0"}) == {one.id: "one", waits.id: "waits"}
        assert vgpus.names(view, ()) == {}
        [found] = vgpus.listed(view, vgpus.Filter(name="two"))
        assert found.id == two.id


def test_settling_observes_and_brings_to_a_state_by_one_write(store: Store) -> None:
    with store.change("alice") as change:
        kept = vgpus.create(change, "a", "alice", spec(2 * GIB, 1000), device=DEVICE)
        lifecycle.explain(change, kept.id, "its device host is away", "ALQ-E120")
    with store.look() as view:
        assert vgpus.get(view, kept.id).reason == "its device host is away"
        before = view.event_sequence()
    with store.change("system") as change:
        status = VgpuStatus(observed_generation=1, device=DEVICE, number=3)
        settled = lifecycle.settle(change, kept.id, status, VgpuState.LEASED)
    assert (settled.state, settled.reason, settled.settled) == (VgpuState.READY, "", True)
    with store.look() as view:
        told = [event.kind for event in events.since(view, before)]
        assert told == ["vgpu.observed", "vgpu.ready"]
    with store.change("system") as change:
        lifecycle.want(change, kept.id, spec(GIB))
        lifecycle.settle(
            change, kept.id, VgpuStatus(observed_generation=2, device=DEVICE), VgpuState.READY
        )
        assert device(change).reserved_memory == GIB
        with pytest.raises(ValueError):
            lifecycle.settle(change, kept.id, status, VgpuState.DELETED)
    with store.change("system") as change:
        lifecycle.transition(change, kept.id, VgpuState.DELETED)
        with pytest.raises(IllegalTransition):
            lifecycle.settle(change, kept.id, status, VgpuState.READY)
    with store.look() as view:
        assert_agree(view)


def test_one_that_the_state_had_forgotten_keeps_its_id(store: Store) -> None:
    with store.change("system") as change:
        kept = vgpus.create(change, "a", "alice", spec(), device=OTHER, key="0abc" * 8)
        assert kept.id == "0abc" * 8
    with store.look() as view:
        assert_agree(view)


def test_a_request_that_was_undone_is_made_anew(store: Store, clock: Clock) -> None:
    with store.change("alice") as change:
        idempotency.remember(change, "alice", "k", {"a": 1}, {"vgpu": "1"})
        idempotency.forget(change, "bob", "k")
        assert idempotency.answer(change, "alice", "k", {"a": 1}) == {"vgpu": "1"}
        idempotency.forget(change, "alice", "k")
        assert idempotency.answer(change, "alice", "k", {"a": 2}) is None
