"""Which GPU an instance goes to, and where on it.

`first-fit`: the first GPU and the lowest start. `best-fit`: the GPU with the fewest free memory
slices that has room, and the lowest start. `aliquot`: a GPU with as few free memory slices, and
there the start, by which the least is lost of what such a GPU will have allocated (worth.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from aliquot.modes.mig.geometry import Geometry
from aliquot.placement.mig.layout import Layout, Spot, allocated, spots
from aliquot.placement.mig.worth import worth


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
    value = worth(geometry, tuple(weights))
    return lambda layout, spot: (-allocated(geometry, layout), value[layout] - value[spot.layout])
