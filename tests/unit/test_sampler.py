"""The sampler: what it measures each second, writes in batches, and keeps where it can't write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.daemon import series
from aliquot.daemon.live import KEPT_BEATS
from aliquot.errors import BadRequest, StoreFull
from aliquot.model.lease import Holder, LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.model.telemetry import Telemetry
from aliquot.store import events, leases, lifecycle
from tests.fakes.looks import DEVICE, MIB, device, usage
from tests.fakes.sampling import Bench

GPU = "22222222-0000-0000-0000-000000000002"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "state")
    yield made
    made.store.close()


def test_a_leased_vgpu_is_measured_by_what_its_page_grew(bench: Bench) -> None:
    made = bench.create()
    bench.beat(**{made.id: usage(at=1)})
    assert bench.points("vgpu", made.id) == []  # one look tells no rate
    later = usage(at=2, held=0.25, waited=0.5, copied_bytes=3 * MIB)
    owing = later.turns._replace(balance_ns=-7_500_000)
    bench.beat(**{made.id: later._replace(turns=owing)})
    (point,) = bench.points("vgpu", made.id)
    assert point == {
        "granted": 25.0,
        "consumed": 25.0,
        "waiting": 50.0,
        "memory_used": 256.0 * MIB,
        "copied": 3.0 * MIB,
        "errors": 0.0,
        "debt": 7.5,
    }
    (device_point,) = bench.points("device", DEVICE)[-1:]
    assert device_point == {"busy": 25.0, "memory_used": 256.0 * MIB}
    live = bench.live.vgpus[made.id]
    assert (live.name, live.tenant, live.consumed_ns) == ("one", "alice", 250_000_000)


def test_an_idle_vgpu_is_known_and_nothing_is_written_of_it(bench: Bench) -> None:
    made = bench.create()
    for second in range(3):
        bench.beat(**{made.id: usage(at=second, leased=False)})
    bench.sampler.write()
    assert bench.points("vgpu", made.id) == []
    assert made.id in bench.live.vgpus


def test_sums_never_go_back(bench: Bench) -> None:
    made = bench.create()
    for second, held in enumerate((0.0, 0.9, 0.8, 1.0)):
        bench.beat(**{made.id: usage(at=second, held=held)})
    assert [point["consumed"] for point in bench.points("vgpu", made.id)] == [
        pytest.approx(90),
        0,
        pytest.approx(10),
    ]


def test_what_the_state_does_not_know_yet_is_nobodys(bench: Bench) -> None:
    made = bench.create()
    bench.beat(**{made.id: usage(1), "f" * 32: usage(2)})
    assert set(bench.live.vgpus) == {made.id}


def test_what_was_told_once_is_counted_once(bench: Bench) -> None:
    """The observer may be late, and then the sampler sees the same again."""
    made = bench.create()
    for at, held in ((1, 0.0), (2, 0.5), (2, 0.5), (4, 1.5)):
        bench.beat(**{made.id: usage(at=at, held=held)})
    assert [point["consumed"] for point in bench.points("vgpu", made.id)] == [50, 50]


def test_of_a_device_only_what_a_source_tells_is_kept(bench: Bench) -> None:
    bench.devices = [device(GPU, "gpu"), device("33333333", "gpu")]
    for second in (1.0, 2.0):
        bench.readings[GPU] = Telemetry(
            time=second, sources=("nvml",), use=40.0, power_watts=75.5, corrected_errors=int(second)
        )
        bench.beat()
    assert bench.points("device", GPU) == [
        {"busy": 40.0, "power": 75.5},
        {"busy": 40.0, "power": 75.5, "errors": 1.0},
    ]
    assert bench.points("device", "33333333") == []


def test_samples_are_written_in_batches_and_only_once(bench: Bench) -> None:
    for _ in range(10):
        bench.beat()
    before = bench.points("device", DEVICE)
    bench.sampler.write()
    bench.sampler.write()
    assert len(bench.written) == 1
    assert bench.points("device", DEVICE) == before
    assert len(before) == 10
    assert len(bench.points("device", DEVICE, step=10)) in (1, 2)


def test_nothing_is_written_where_nothing_was_measured(bench: Bench) -> None:
    bench.devices = []
    with bench.store.look() as view:
        before = view.event_sequence()
    bench.beat()
    bench.sampler.write()
    assert bench.written == []
    with bench.store.look() as view:
        assert events.since(view, before) == []


def test_what_can_not_be_written_is_kept_and_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreFull

    bench.beat()
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "change", full)
        with pytest.raises(StoreFull):
            bench.sampler.write()
        for _ in range(KEPT_BEATS + 4):
            bench.beat()
    assert len(bench.live.unwritten) == KEPT_BEATS
    assert bench.live.dropped_samples == 5
    bench.sampler.write()
    assert len(bench.points("device", DEVICE)) == KEPT_BEATS


def test_failures_are_counted_from_the_events(bench: Bench) -> None:
    made = bench.create()
    bench.beat(**{made.id: usage(at=1)})
    with bench.store.change("test") as change:
        lifecycle.transition(change, made.id, VgpuState.FAILED, "its worker died")
        lifecycle.recover(change, made.id)
    bench.beat(**{made.id: usage(at=2)})
    assert bench.live.vgpus[made.id].errors == 1
    bench.beat(**{made.id: usage(at=3)})
    assert [point["errors"] for point in bench.points("vgpu", made.id)] == [1.0, 0.0]
    assert bench.live.vgpus[made.id].errors == 1


def test_news_of_the_store_are_read(bench: Bench) -> None:
    bench.beat()
    made = bench.create()
    with bench.store.change("test") as change:
        leases.begin(
            change, made.id, "alice", LeaseKind.PROCESS, Holder(process_id=1), enforced=False
        )
    bench.beat()
    assert [lease.vgpu for lease in bench.live.leases] == [made.id]
    assert bench.live.vgpu_states == {"leased": 1}


def test_it_runs_in_a_thread_and_writes_at_its_end(bench: Bench) -> None:
    bench.sampler.start()
    deadline = time.monotonic() + 60
    while not bench.live.beats:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    bench.sampler.stop()
    assert len(bench.written) == 1


def test_a_step_that_is_not_kept_is_refused(bench: Bench) -> None:
    with pytest.raises(BadRequest):
        series.of_subject(bench.store, bench.live, "device", DEVICE, step_seconds=60)
