"""Streams of instances by chance, and what policies get allocated of them."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from typing import NamedTuple

from aliquot.modes.mig.geometry import Geometry
from aliquot.placement.mig.layout import allocated
from aliquot.placement.mig.policies import MigPlacer, MigPolicy

WARM_UP = 2  # as many instances as the GPUs can hold, so often, before it is measured


class Stream(NamedTuple):
    """What came of one: percent of the memory slices, and how many instances fitted nowhere."""

    allocated: float
    refused: int


def filled(
    geometry: Geometry,
    gpus: int,
    policy: MigPolicy,
    seed: int,
    *,
    mix: Mapping[str, float] | None = None,
    load: float = 1.0,
) -> Stream:
    """Instances come until as many memory slices are asked for as there are, by a factor."""
    placer = MigPlacer(geometry, gpus, policy, mix)
    rng = random.Random(f"mig {seed}")  # noqa: S311
    capacity = geometry.memory_slices * gpus
    asked = got = refused = 0
    while asked < load * capacity:
        which = drawn(rng, geometry, mix)
        size = geometry.profiles[which].size
        asked += size
        if placer.place(which) is None:
            refused += 1
        else:
            got += size
    return Stream(100 * got / capacity, refused)


def flowing(
    geometry: Geometry,
    gpus: int,
    policy: MigPolicy,
    seed: int,
    *,
    mix: Mapping[str, float] | None = None,
    load: float = 1.0,
    measured: int = 2_000,
) -> Stream:
    """Instances come (Poisson) and go (exponential lifetimes): the mean over so many arrivals."""
    placer = MigPlacer(geometry, gpus, policy, mix)
    rng = random.Random(f"mig flow {seed}")  # noqa: S311
    capacity = geometry.memory_slices * gpus
    weights = _weights(geometry, mix)
    mean = sum(w * p.size for w, p in zip(weights, geometry.profiles, strict=True)) / sum(weights)
    at_once = load * capacity / mean
    now = total = 0.0
    got = refused = 0
    leaving: list[tuple[float, int, int, int]] = []
    for number in range(-round(WARM_UP * at_once), measured):
        now += rng.expovariate(at_once)
        while leaving and leaving[0][0] <= now:
            _, gpu, which, start = heapq.heappop(leaving)
            placer.remove(gpu, which, start)
            got -= geometry.profiles[which].size
        which = drawn(rng, geometry, mix)
        ends = now + rng.expovariate(1.0)
        spot = placer.place(which)
        if spot is not None:
            heapq.heappush(leaving, (ends, spot[0], which, spot[1]))
            got += geometry.profiles[which].size
        if number >= 0:
            refused += spot is None
            total += got
    assert got == sum(allocated(geometry, layout) for layout in placer.layouts)
    return Stream(100 * total / measured / capacity, refused)


def drawn(rng: random.Random, geometry: Geometry, mix: Mapping[str, float] | None) -> int:
    """Which profile comes next."""
    (which,) = rng.choices(range(len(geometry.profiles)), _weights(geometry, mix))
    return which


def _weights(geometry: Geometry, mix: Mapping[str, float] | None) -> list[float]:
    """All profiles alike where nothing else is said."""
    return [1.0 if mix is None else mix.get(one.name, 0.0) for one in geometry.profiles]
