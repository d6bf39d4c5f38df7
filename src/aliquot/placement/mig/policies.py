"""Which GPU an instance goes to, and where on it.

`first-fit`: the first GPU and the lowest start. `best-fit`: the GPU with the fewest free memory
slices that has room, and the lowest start. `aliquot`: that GPU, and the start after which the most
can still come. For each layout it is known how much a GPU gets allocated in the end if instances by
chance go on coming to it, each at its best start: a Markov decision process of one GPU, solved by
Bellman's equation from the fullest layouts back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cache

from aliquot.modes.mig.geometry import Geometry
from aliquot.placement.mig.layout import Layout, Spot, allocated, spots


class MigPolicy(StrEnum):
    """What tells a good spot from a bad one."""

    FIRST_FIT = "first-fit"
    BEST_FIT = "best-fit"
    ALIQUOT = "aliquot"


Cost = Callable[[Layout, Spot], tuple[float, float]]


class MigPlacer:
    """GPUs of one geometry, and a policy. Among equals the first GPU and the lowest start."""

    def __init__(
        self,
        geometry: Geometry,
        gpus: int,
        policy: MigPolicy,
        expected: Mapping[str, float] | None = None,
    ) -> None:
        """Empty GPUs. `expected`: how likely which profile comes, by name; else all alike."""
        self.geometry = geometry
        self.layouts: list[Layout] = [()] * gpus
        self._cost = _cost(geometry, policy, expected)
        self._best: dict[tuple[Layout, int], tuple[tuple[float, float], Spot] | None] = {}

    def place(self, which: int) -> tuple[int, int] | None:
        """Place an instance of a profile: its GPU and start, None where it fits nowhere."""
        best: tuple[tuple[float, float], int, Spot] | None = None
        for gpu, layout in enumerate(self.layouts):
            found = self._best_spot(layout, which)
            if found is not None and (best is None or found[0] < best[0]):
                best = (found[0], gpu, found[1])
        if best is None:
            return None
        _, gpu, spot = best
        self.layouts[gpu] = spot.layout
        return gpu, spot.start

    def remove(self, gpu: int, which: int, start: int) -> None:
        """Free an instance; nothing else moves. Raises ValueError where there is none."""
        layout = list(self.layouts[gpu])
        layout.remove((which, start))
        self.layouts[gpu] = tuple(layout)

    def _best_spot(self, layout: Layout, which: int) -> tuple[tuple[float, float], Spot] | None:
        """Remembered: GPUs that are cut up alike are alike."""
        if (layout, which) not in self._best:
            options = [
                (self._cost(layout, one), one) for one in spots(self.geometry, layout, which)
            ]
            self._best[layout, which] = min(options, key=lambda one: one[0], default=None)
        return self._best[layout, which]


def _cost(geometry: Geometry, policy: MigPolicy, expected: Mapping[str, float] | None) -> Cost:
    """What a spot costs: first by its GPU, then by its start."""
    if policy is MigPolicy.FIRST_FIT:
        return lambda _layout, _spot: (0.0, 0.0)
    if policy is MigPolicy.BEST_FIT:
        return lambda layout, _spot: (-allocated(geometry, layout), 0.0)
    weights = [1.0 if expected is None else expected.get(p.name, 0.0) for p in geometry.profiles]
    still_to_come = fill_value(geometry, weights)
    return lambda layout, spot: (-allocated(geometry, layout), -still_to_come(spot.layout))


def fill_value(geometry: Geometry, weights: Sequence[float]) -> Callable[[Layout], float]:
    """Of a layout, how many memory slices more will be allocated on its GPU, in the mean.

    Instances come by chance, as likely as their weights say, those that fit no more pass by, and
    each goes to its best start.
    """

    @cache
    def value(layout: Layout) -> float:
        total = fitting = 0.0
        for which, weight in enumerate(weights):
            options = [
                geometry.profiles[which].size + value(spot.layout)
                for spot in spots(geometry, layout, which)
            ]
            if options and weight > 0:
                total += weight * max(options)
                fitting += weight
        return total / fitting if fitting else 0.0

    return value
