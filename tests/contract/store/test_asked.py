"""What was asked for in the past, vGPUs that are gone included."""

from __future__ import annotations

from aliquot.model.lifecycle import VgpuState
from aliquot.store import history, lifecycle
from tests.contract.store.places import START_MS, Clock, Place, ready, spec


def test_those_that_were_there_since(place: Place) -> None:
    clock = Clock()
    with place.opened(clock) as store:
        with store.change("alice") as change:
            early = ready(change, "early", spec(3))
            lasting = ready(change, "lasting", spec(5, 700))
        clock.now += 1000
        with store.change("alice") as change:
            lifecycle.transition(change, early.id, VgpuState.DELETED)
        clock.now += 1000
        with store.change("alice") as change:
            late = ready(change, "late")
        with store.look() as view:
            every = history.asked_since(view, START_MS)
            recent = history.asked_since(view, START_MS + 1001)
    assert [kept.id for kept in every] == [early.id, lasting.id, late.id]
    assert [kept.id for kept in recent] == [lasting.id, late.id]
    assert (every[0].created_ms, every[0].deleted_ms) == (START_MS, START_MS + 1000)
    assert (every[1].spec.memory, every[1].spec.shares.guarantee) == (5, 700)


def test_all_that_was_wanted_of_them_and_when(place: Place) -> None:
    clock = Clock()
    with place.opened(clock) as store:
        with store.change("alice") as change:
            grown = ready(change, "grown", spec(3))
            other = ready(change, "other", spec(1))
        clock.now += 1000
        with store.change("alice") as change:
            lifecycle.want(change, grown.id, spec(5, 700))
            lifecycle.want(change, other.id, spec(2))
        with store.look() as view:
            found = history.specs_of(view, [grown.id])
    assert list(found) == [grown.id]
    assert [(at, one.memory, one.shares.guarantee) for at, one in found[grown.id]] == [
        (START_MS, 3, 0),
        (START_MS + 1000, 5, 700),
    ]
