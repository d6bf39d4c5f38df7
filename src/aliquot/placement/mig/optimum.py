"""The most memory slices that a set of instances can get, known beforehand and put anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from aliquot.modes.mig.geometry import Geometry
from aliquot.placement.mig.layout import layouts

Counts = tuple[int, ...]  # by profile


def optimum(geometry: Geometry, gpus: int, wanted: Sequence[int]) -> int:
    """The exact optimum for so many instances of each profile: for small cases, it tries all."""
    patterns = sorted(_patterns(geometry), key=sum)
    sizes = [profile.size for profile in geometry.profiles]

    @cache
    def best(left: Counts, unused: int) -> int:
        if not unused or not any(left):
            return 0
        found = 0
        for pattern in patterns:
            if all(one <= there for one, there in zip(pattern, left, strict=True)):
                gained = sum(n * size for n, size in zip(pattern, sizes, strict=True))
                rest = tuple(there - one for one, there in zip(pattern, left, strict=True))
                found = max(found, gained + best(rest, unused - 1))
        return found

    return best(tuple(wanted), gpus)


def _patterns(geometry: Geometry) -> set[Counts]:
    """All that one GPU can hold."""
    return {
        tuple(sum(one == which for one, _ in layout) for which in range(len(geometry.profiles)))
        for layout in layouts(geometry)
    }
