"""Series and retention, with clocks that jump."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aliquot.model.lifecycle import VgpuState
from aliquot.model.receipt_record import ReceiptRecord
from aliquot.model.series import RESOLUTIONS, Resolution, Sample, Spread
from aliquot.store import (
    Store,
    events,
    lifecycle,
    receipts,
    retention,
    series,
    vgpus,
)
from aliquot.store import (
    clock as trust,
)
from tests.contract.store.places import START_MS, Clock, Place, ready, spec

SECOND, TEN, FIVE_MINUTES = RESOLUTIONS
HOUR = 3_600_000
DAY = 24 * HOUR


def sample(at_ms: int, value: float, subject: str = "v") -> Sample:
    return Sample("vgpu", subject, at_ms, {"consumed": value})


Point = tuple[int, int, Spread]


def read(store: Store, resolution: Resolution, until_ms: int, since_ms: int = 0) -> list[Point]:
    with store.look() as view:
        return [
            (point.at_ms, point.samples, point.values["consumed"])
            for point in series.points(
                view,
                "vgpu",
                "v",
                resolution,
                since_ms=since_ms,
                until_ms=until_ms,
            )
        ]


def test_the_three_resolutions_reach_as_far_as_is_promised() -> None:
    assert [(r.seconds, r.span_seconds) for r in RESOLUTIONS] == [
        (1, 3600),
        (10, 86_400),
        (300, 30 * 86_400),
    ]


def test_a_sample_is_in_each_resolution_once(store: Store) -> None:
    base = START_MS // 300_000 * 300_000
    with store.change("system") as change:
        series.add(change, [sample(base + 1000 * n + 500, n) for n in range(15)])
    end = base + DAY
    assert len(read(store, SECOND, end, base - 1)) == 0  # a day on, an hour has gone
    assert read(store, SECOND, base + 3_000) == [
        (base + 1000 * n, 1, Spread(n, n, n)) for n in range(3)
    ]
    assert read(store, TEN, base + 60_000) == [
        (base, 10, Spread(4.5, 0, 9)),
        (base + 10_000, 5, Spread(12, 10, 14)),
    ]
    assert read(store, FIVE_MINUTES, base + 60_000) == [(base, 15, Spread(7, 0, 14))]


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(-50, 50)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_order_and_batches_make_no_difference(
    sqlite_place: Place, found: list[tuple[int, int]], chance: random.Random
) -> None:
    """A clock that goes back and forth gives the samples in another order, and nothing else."""
    samples = [sample(START_MS + at * 1000, value) for at, value in found]
    mixed = samples.copy()
    chance.shuffle(mixed)
    answers: list[object] = []
    for batches in ([samples], [[one] for one in mixed]):
        with sqlite_place.opened() as store:
            for batch in batches:
                with store.change("system") as change:
                    series.add(change, batch)
            answers.append([read(store, r, START_MS + HOUR) for r in RESOLUTIONS])
            total = sum(count for _, count, _ in read(store, FIVE_MINUTES, START_MS + HOUR))
            assert total == len(samples)
    assert answers[0] == answers[1]


def test_a_jump_of_the_clock_loses_only_what_was_written_into_its_cells(store: Store) -> None:
    with store.change("system") as change:
        series.add(change, [sample(START_MS + 1000 * n, n) for n in range(100)])
    kept = read(store, SECOND, START_MS + 100_000)
    for jump in (-5 * DAY, 400 * DAY, -1000 * DAY):  # not whole rings
        with store.change("system") as change:
            series.add(
                change, [sample(START_MS + jump + 1_800_000 + n * 1000, 7) for n in range(9)]
            )
    assert read(store, SECOND, START_MS + 100_000) == kept
    assert len(read(store, TEN, START_MS + 100_000)) == 10


def test_a_ring_does_not_grow(store: Store) -> None:
    from sqlalchemy import text

    with store.change("system") as change:
        series.add(change, [sample(START_MS + 1000 * n, 1) for n in range(0, 30_000, 2)])
        sizes = change.connection.execute(
            text("SELECT resolution, count(*) FROM series GROUP BY resolution ORDER BY resolution")
        ).all()
    assert [tuple(row) for row in sizes] == [(0, 1800), (1, 3000), (2, 100)]


def test_what_a_source_has_not_got_is_left_out(store: Store) -> None:
    with store.change("system") as change:
        series.add(change, [Sample("device", "d", START_MS, {"power": 5, "busy": float("nan")})])
        series.add(change, [Sample("device", "d", START_MS, {"busy": 7})])
        (point,) = series.points(change, "device", "d", SECOND, until_ms=START_MS + 1000)
    assert (point.values, point.samples) == ({"power": Spread(5, 5, 5), "busy": Spread(7, 7, 7)}, 1)


def receipt(number: int, ended_ms: int) -> ReceiptRecord:
    return ReceiptRecord(
        id=str(number), vgpu="v", vgpu_name="v", tenant="a", lease="l", began_ms=0,
        ended_ms=ended_ms, promise={}, spending={},
    )  # fmt: skip


def sweep_for(store: Store, clock: Clock, hours: float) -> retention.Swept:
    """Sweep every five minutes, as the daemon does."""
    swept = retention.Swept(False, 0)
    for _ in range(int(hours * 12)):
        clock.now += 300_000
        with store.change("system") as change:
            swept = retention.sweep(change)
    return swept


def test_receipts_go_after_thirty_days(store: Store, clock: Clock) -> None:
    with store.change("system") as change:
        receipts.keep(change, receipt(1, clock.now - 30 * DAY - 1))
        receipts.keep(change, receipt(2, clock.now - 29 * DAY))
    assert not sweep_for(store, clock, 0.5).believed
    assert sweep_for(store, clock, 1).believed
    with store.look() as view:
        assert [kept.id for kept in receipts.listed(view)] == ["2"]


@pytest.mark.parametrize("jump", [400 * DAY, -400 * DAY, 2 * HOUR])
def test_a_clock_that_jumps_for_less_than_an_hour_forgets_nothing(
    store: Store, clock: Clock, jump: int
) -> None:
    with store.change("alice") as change:
        receipts.keep(change, receipt(1, clock.now))
        vgpu = vgpus.create(change, "one", "alice", spec(expires_ms=clock.now + HOUR)).id
        gone = ready(change, "gone").id
        lifecycle.transition(change, gone, VgpuState.DELETED)
    sweep_for(store, clock, 2)
    with store.look() as view:
        assert trust.believed(view)
        newest = view.event_sequence()
    clock.now += jump
    sweep_for(store, clock, 0.9)
    with store.look() as view:
        assert not trust.believed(view)
    clock.now -= jump
    sweep_for(store, clock, 0.9)
    with store.look() as view:
        assert not trust.believed(view)
        assert [kept.id for kept in receipts.listed(view)] == ["1"]
        assert vgpus.get(view, gone).state is VgpuState.DELETED
        assert len(events.since(view, 0)) == newest
    assert sweep_for(store, clock, 2).believed
    with store.look() as view:
        assert [kept.id for kept in vgpus.expired(view)] == [vgpu]


def test_deleted_vgpus_go_with_all_that_was_theirs(store: Store, clock: Clock) -> None:
    with store.change("alice") as change:
        vgpu = ready(change, "one", spec(labels={"a": "b"})).id
        series.add(change, [Sample("vgpu", vgpu, clock.now, {"consumed": 1})])
        lifecycle.transition(change, vgpu, VgpuState.DELETED)
    sweep_for(store, clock, 2)
    with store.look() as view:
        assert vgpus.get(view, vgpu).name == "one"
    clock.now += 31 * DAY
    assert sweep_for(store, clock, 2).believed
    with store.look() as view:
        assert vgpus.listed(view, vgpus.Filter(states=frozenset(VgpuState))) == []
        assert series.points(view, "vgpu", vgpu, FIVE_MINUTES, until_ms=START_MS + DAY) == []
        assert events.since(view, view.event_sequence()) == []
