"""What lies on one GPU, and where another instance can go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aliquot.modes.mig.geometry import Geometry, GpuProfile

Layout = tuple[tuple[int, int], ...]  # (which profile, its start), ascending: equal where alike


class Spot(NamedTuple):
    """Where on a GPU an instance can go, and what lies on the GPU then."""

    start: int
    layout: Layout


def spots(geometry: Geometry, layout: Layout, which: int) -> Iterator[Spot]:
    """Where an instance of a profile can go, the lowest start first."""
    profile = geometry.profiles[which]
    if sum(geometry.profiles[one].compute for one, _ in layout) + profile.compute > (
        geometry.compute_slices
    ):
        return
    if sum(one == which for one, _ in layout) >= profile.most:
        return
    taken = occupied(geometry, layout)
    for start in profile.starts:
        if not taken & _slices(profile, start):
            yield Spot(start, tuple(sorted((*layout, (which, start)))))


def layouts(geometry: Geometry) -> list[Layout]:
    """All that can lie on one GPU, the empty one first."""
    found: dict[Layout, None] = {}
    waiting: list[Layout] = [()]
    while waiting:
        layout = waiting.pop()
        if layout not in found:
            found[layout] = None
            for which in range(len(geometry.profiles)):
                waiting.extend(spot.layout for spot in spots(geometry, layout, which))
    return list(found)


def occupied(geometry: Geometry, layout: Layout) -> int:
    """The memory slices that are taken, a bit each."""
    taken = 0
    for which, start in layout:
        taken |= _slices(geometry.profiles[which], start)
    return taken


def allocated(geometry: Geometry, layout: Layout) -> int:
    """The memory slices of all instances."""
    return sum(geometry.profiles[which].size for which, _ in layout)


def _slices(profile: GpuProfile, start: int) -> int:
    return ((1 << profile.size) - 1) << start
