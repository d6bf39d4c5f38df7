"""MIG instances never overlap and go where they may; the optimum is one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aliquot.modes.mig.geometry import Geometry
from aliquot.modes.mig.known_geometries import KNOWN
from aliquot.placement.mig import MigPlacer, MigPolicy
from aliquot.placement.mig.layout import allocated, spots
from aliquot.placement.mig.optimum import optimum
from aliquot.placement.mig.streams import Stream, filled, flowing
from aliquot.placement.mig.worth import DISCOUNT, OFFERED, worth
from aliquot.placement.simulation.report import paired

A100 = KNOWN["A100-40GB"]


@st.composite
def histories(draw: st.DrawFn) -> tuple[Geometry, int, MigPolicy, list[tuple[int, int | None]]]:
    """A geometry, a few GPUs, a policy; profiles that come, and who leaves before."""
    geometry = KNOWN[draw(st.sampled_from(sorted(KNOWN)))]
    which = st.integers(0, len(geometry.profiles) - 1)
    steps = draw(st.lists(st.tuples(which, st.none() | st.integers(0, 9)), max_size=30))
    return geometry, draw(st.integers(1, 3)), draw(st.sampled_from(list(MigPolicy))), steps


@given(histories())
def test_instances_never_overlap_and_nothing_is_refused_that_fits(
    history: tuple[Geometry, int, MigPolicy, list[tuple[int, int | None]]],
) -> None:
    geometry, gpus, policy, steps = history
    placer = MigPlacer(geometry, gpus, policy)
    there: list[tuple[int, int, int]] = []  # GPU, profile, start
    for which, leaves in steps:
        if leaves is not None and there:
            placer.remove(*there.pop(leaves % len(there)))
        could = [gpu for gpu in range(gpus) if _starts(geometry, there, gpu, which)]
        spot = placer.place(which)
        assert (spot is None) == (not could)
        if spot is not None:
            gpu, start = spot
            assert start in _starts(geometry, there, gpu, which)
            there.append((gpu, which, start))
        sizes = sum(geometry.profiles[one].size for _, one, _ in there)
        assert sum(allocated(geometry, layout) for layout in placer.layouts) == sizes


def _starts(
    geometry: Geometry, there: list[tuple[int, int, int]], gpu: int, which: int
) -> list[int]:
    """Where an instance may lie, in other words than the code's: slice by slice."""
    profile = geometry.profiles[which]
    mine = [(geometry.profiles[one], start) for at, one, start in there if at == gpu]
    taken = {slice_ for one, start in mine for slice_ in range(start, start + one.size)}
    if sum(one.compute for one, _ in mine) + profile.compute > geometry.compute_slices:
        return []
    if sum(one == profile for one, _ in mine) >= profile.most:
        return []
    return [
        start
        for start in profile.starts
        if taken.isdisjoint(range(start, start + profile.size))
        and start + profile.size <= geometry.memory_slices
    ]


@settings(max_examples=40)
@given(st.lists(st.integers(0, len(A100.profiles) - 1), max_size=5))
def test_the_optimum_is_what_the_best_order_of_first_fit_reaches(wanted: list[int]) -> None:
    counts = [wanted.count(which) for which in range(len(A100.profiles))]
    reached = 0
    for order in permutations(wanted):
        placer = MigPlacer(A100, 2, MigPolicy.FIRST_FIT)
        for which in order:
            placer.place(which)
        reached = max(reached, sum(allocated(A100, layout) for layout in placer.layouts))
    best = optimum(A100, 2, counts)
    assert reached <= best <= sum(A100.profiles[which].size for which in wanted)
    assert best <= 2 * A100.memory_slices


def test_the_optimum_of_known_cases() -> None:
    def of(gpus: int, **wanted: int) -> int:
        named = {name.replace("_", "."): count for name, count in wanted.items()}
        return optimum(A100, gpus, [named.get(f"p{p.name}", 0) for p in A100.profiles])

    assert of(1, p7g_40gb=2) == 8
    assert of(1, p1g_5gb=9) == 7  # seven compute slices
    assert of(1, p4g_20gb=2) == 4  # starts at 0 alone
    assert of(1, p4g_20gb=1, p3g_20gb=1) == 8
    assert of(2, p4g_20gb=2, p3g_20gb=2) == 16


SMALL = {"1g.5gb": 4, "2g.10gb": 2, "3g.20gb": 1, "4g.20gb": 1}


@pytest.mark.parametrize("mix", [None, SMALL])
@pytest.mark.parametrize(("stream", "count"), [(filled, 100), (flowing, 12)])
def test_ours_is_not_below_first_fit_and_best_fit(
    stream: Callable[..., Stream], count: int, mix: dict[str, float] | None
) -> None:
    reached = {
        policy: {
            str(seed): stream(A100, 100, policy, seed, mix=mix).allocated for seed in range(count)
        }
        for policy in MigPolicy
    }
    for other in (MigPolicy.FIRST_FIT, MigPolicy.BEST_FIT):
        mean, half_width = paired(reached[MigPolicy.ALIQUOT], reached[other])
        assert mean - half_width >= 0


@pytest.mark.parametrize("geometry", [KNOWN["A30-24GB"], A100])
def test_what_a_layout_is_worth_obeys_bellman_s_equation(geometry: Geometry) -> None:
    weights = [1.0 + which for which in range(len(geometry.profiles))]
    value = worth(geometry, tuple(weights))
    asked = sum(w * p.size for w, p in zip(weights, geometry.profiles, strict=True))
    errors: list[float] = []
    for layout, here in value.items():
        flow = allocated(geometry, layout) - DISCOUNT * here
        for which, weight in enumerate(weights):
            starts = [value[spot.layout] - here for spot in spots(geometry, layout, which)]
            if starts:
                flow += OFFERED * geometry.memory_slices * weight / asked * max(starts)
        for gone in layout:
            rest = list(layout)
            rest.remove(gone)
            flow += value[tuple(rest)] - here
        errors.append(flow)
    # A constant is left: what matters are differences.
    assert max(errors) - min(errors) < 0.05
    assert value[()] < max(value.values())


def test_of_profiles_that_are_not_expected_all_are_as_likely() -> None:
    weights = (0.0,) * len(A100.profiles)
    assert worth(A100, weights) == worth(A100, (1.0,) * len(A100.profiles))


def test_a_stream_is_the_same_with_the_same_seed() -> None:
    for policy in MigPolicy:
        assert filled(A100, 5, policy, 3) == filled(A100, 5, policy, 3)
    assert flowing(A100, 5, MigPolicy.ALIQUOT, 3, measured=50) == flowing(
        A100, 5, MigPolicy.ALIQUOT, 3, measured=50
    )


def test_what_is_not_there_can_not_be_removed() -> None:
    placer = MigPlacer(A100, 1, MigPolicy.BEST_FIT)
    with pytest.raises(ValueError, match="not in"):
        placer.remove(0, 0, 0)
