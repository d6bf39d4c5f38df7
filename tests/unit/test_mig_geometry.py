"""MIG's geometry, exactly: every state that can be reached, and every order to get there."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from aliquot.devices import nvml_mig as nvml_mig_source
from aliquot.devices.nvml_calls import NvmlCalls
from aliquot.modes.mig.geometry import (
    EMPTY,
    Geometry,
    Placed,
    State,
    additions,
    best_start,
    legal,
    more,
    reachable,
    starts,
)
from aliquot.modes.mig.instances import Gpu
from aliquot.modes.mig.known_geometries import KNOWN, of_name
from tests.fakes import nvml_mig
from tests.fakes.nvml_mig import GPUS, MigNvml

gpus = pytest.mark.parametrize("name", GPUS)
_STATES = {"NVIDIA A30": (25, 5)}  # all others: 722 and 78


def told(name: str, folder: Path) -> tuple[MigNvml, Geometry]:
    """The stand-in, and the geometry as NVML tells it."""
    library = MigNvml(name, folder / "gpu.json")
    with Gpu(library.address, lambda: library) as gpu:
        return library, gpu.geometry()


def without_media(geometry: Geometry) -> Geometry:
    plain = tuple(one for one in geometry.profiles if not one.media)
    return Geometry(
        memory_slices=geometry.memory_slices,
        compute_slices=geometry.compute_slices,
        profiles=plain,
    )


def as_instances(state: State) -> dict[str, object]:
    """A state as the stand-in keeps it."""
    return {
        str(number): {
            "profile": one.profile,
            "start": one.start,
            "compute": [0],
            "uuid": str(number),
        }
        for number, one in enumerate(sorted(state), 1)
    }


@gpus
def test_every_state_is_found_and_no_other(name: str, tmp_path: Path) -> None:
    geometry = without_media(told(name, tmp_path)[1])
    states = reachable(geometry)
    maximal = [state for state in states if not additions(geometry, state)]
    assert (len(states) - 1, len(maximal)) == _STATES.get(name, (722, 78))
    assert all(legal(geometry, state) for state in states)


@gpus
def test_every_creation_and_every_ending_agrees_with_the_stand_in(
    name: str, tmp_path: Path
) -> None:
    """From every state, each place of each profile: the two rules say the same."""
    library, geometry = told(name, tmp_path)
    states = reachable(geometry)
    for state in states:
        there = {"instances": as_instances(state)}
        for profile in geometry.profiles:
            fitting = {
                n for n in range(geometry.memory_slices) if library.fits(there, profile.id, n)
            }
            assert set(starts(geometry, state, profile)) == fitting, (state, profile.name)
        # Whichever ends first, what is left is a state that was there: so every order ends well.
        assert all(state - {one} in states for one in state)


@gpus
def test_how_many_more_is_how_many_can_be_made(name: str, tmp_path: Path) -> None:
    _, geometry = told(name, tmp_path)
    for state in sorted(reachable(without_media(geometry)), key=sorted)[::7]:
        for profile_id, count in more(geometry, state).items():
            longest = 0
            waiting = [(state, 0)]
            while waiting:
                here, made = waiting.pop()
                longest = max(longest, made)
                profile = geometry.profile(profile_id)
                assert profile is not None
                for start in starts(geometry, here, profile)[: 2 if made else None]:
                    waiting.append((here | {Placed(profile_id, start)}, made + 1))
            assert count >= longest
            assert (count == 0) == (longest == 0)


@gpus
def test_the_known_geometry_is_what_nvml_tells(name: str, tmp_path: Path) -> None:
    library, geometry = told(name, tmp_path)
    known = of_name(name, library.nvmlDeviceGetMemoryInfo("gpu").total)
    assert known is not None
    assert known.inferred == (name == "NVIDIA H200")
    assert (known.memory_slices, known.compute_slices) == (
        geometry.memory_slices,
        geometry.compute_slices,
    )
    shape = {(p.id, p.name, p.size, p.compute, p.starts, p.most) for p in geometry.profiles}
    assert {(p.id, p.name, p.size, p.compute, p.starts, p.most) for p in known.profiles} == shape


def test_the_inventory_tells_where_instances_lie(tmp_path: Path) -> None:
    library, geometry = told("NVIDIA A100-SXM4-40GB", tmp_path)
    with Gpu(library.address, lambda: library) as gpu:
        for profile_id, start in ((9, 4), (19, 0)):
            profile = geometry.profile(profile_id)
            assert profile is not None
            gpu.furnish(profile, gpu.create(profile, start))
    _, _, partitions = nvml_mig_source.read(NvmlCalls(library), "gpu")
    assert [(one.start, one.slices) for one in partitions] == [(4, 4), (0, 1)]


def test_a_place_is_chosen_that_leaves_the_most() -> None:
    geometry = KNOWN["A100-40GB"]
    one = geometry.profile(19)
    assert one is not None
    # A 1g at slice 6 keeps 4g and both 3g apart as little as can be: 4g, 2g and 3g still fit.
    start = best_start(geometry, EMPTY, one)
    assert start == 6
    left = more(geometry, frozenset({Placed(19, 6)}))
    assert {geometry.profile(n).name: c for n, c in left.items()} == {  # type: ignore[union-attr]
        "1g.5gb": 6,
        "1g.5gb+me": 1,
        "1g.10gb": 3,
        "2g.10gb": 3,
        "3g.20gb": 1,
        "4g.20gb": 1,
        "7g.40gb": 0,
    }
    full = frozenset({Placed(0, 0)})
    assert best_start(geometry, full, one) is None


def test_no_choice_of_place_costs_a_profile_that_another_place_keeps() -> None:
    """From every state of every GPU: no other place would leave more of each and every profile."""
    for geometry in (KNOWN["A30-24GB"], KNOWN["H100-80GB"]):
        for state in reachable(without_media(geometry)):
            for profile in geometry.profiles:
                chosen = best_start(geometry, state, profile)
                if chosen is None:
                    continue
                left = more(geometry, state | {Placed(profile.id, chosen)})
                for start in starts(geometry, state, profile):
                    other = more(geometry, state | {Placed(profile.id, start)})
                    better = all(other[n] >= left[n] for n in left) and other != left
                    assert not better, (state, profile.name, chosen, start)


def test_a_profile_that_nobody_told_of_stops_planning() -> None:
    geometry = KNOWN["A100-40GB"]
    assert additions(geometry, frozenset({Placed(77, 0)})) == ()
    assert not legal(geometry, {Placed(77, 0)})
    assert not legal(geometry, {Placed(9, 0), Placed(19, 2)})
    assert of_name("NVIDIA GeForce RTX 4090") is None


def test_the_stand_in_is_like_the_real_library() -> None:
    pynvml = pytest.importorskip("pynvml")
    for name, function in inspect.getmembers(MigNvml, inspect.isfunction):
        if name.startswith("nvml"):
            real = inspect.signature(inspect.unwrap(getattr(pynvml, name)))
            fake = list(inspect.signature(function).parameters.values())[1:]
            assert [p.name for p in fake] == list(real.parameters), name
    for name in vars(nvml_mig):
        if name.startswith("NVML_"):
            assert getattr(pynvml, name) == getattr(nvml_mig, name), name
    assert pynvml.c_nvmlGpuInstancePlacement_t(4, 2).start == 4
