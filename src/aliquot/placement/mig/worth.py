"""What a GPU's layout is worth: how much it will have allocated from now on.

Instances come to the GPU by chance (Poisson, profiles as likely as they are expected), each goes to
its best start, and those that fit no more pass by; each leaves after a time by chance
(exponential). That is a Markov decision process of one GPU. Its discounted value obeys Bellman's
equation, solved by value iteration (of Gauss and Seidel, a contraction; Puterman, Markov Decision
Processes, 1994, section 6.3). What departs leaves holes that are filled again: so the fullest end
is not all that matters, as it would be if nothing ever left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from aliquot.modes.mig.geometry import Geometry
from aliquot.placement.mig.layout import Layout, allocated, layouts, spots

# The fullest GPU is asked first, so it is offered much more than its part of all that comes: so
# many times what it holds, each lifetime. docs/placement-engine.md tells what else was tried.
OFFERED = 6.0
# What is allocated a lifetime later counts so much less.
DISCOUNT = 0.2
_TOLERANCE = 1e-4  # of a memory slice for a lifetime: differences are what is used
_MOST_SWEEPS = 2_000


class _Step(NamedTuple):
    """A layout: what it has allocated, to which layouts arrivals of a profile may bring it and how
    often they come, to which ones departures do, and the sum of all rates with the discount."""

    at: int
    allocated: int
    arrivals: list[tuple[float, list[int]]]
    departures: list[int]
    rate: float


@lru_cache(maxsize=32)
def worth(geometry: Geometry, weights: tuple[float, ...]) -> Mapping[Layout, float]:
    """By layout, in memory slices for a lifetime; only differences mean anything.

    `weights`: how likely which profile comes; where none does, all alike.
    """
    if not any(weights):
        weights = (1.0,) * len(geometry.profiles)
    number = {layout: at for at, layout in enumerate(layouts(geometry))}
    # From the fullest layouts back: what departures lead to is then of this sweep.
    steps = [
        _step(geometry, weights, number, layout) for layout in sorted(number, key=len, reverse=True)
    ]
    values = [0.0] * len(number)
    for _ in range(_MOST_SWEEPS):
        if _sweep(steps, values) < _TOLERANCE:
            break
    return {layout: values[at] for layout, at in number.items()}


def _step(
    geometry: Geometry, weights: Sequence[float], number: Mapping[Layout, int], layout: Layout
) -> _Step:
    sizes = [profile.size for profile in geometry.profiles]
    asked = sum(weight * size for weight, size in zip(weights, sizes, strict=True))
    rate = OFFERED * geometry.memory_slices / asked
    arrivals: list[tuple[float, list[int]]] = []
    for which, weight in enumerate(weights):
        options = [number[spot.layout] for spot in spots(geometry, layout, which)]
        if weight > 0 and options:
            arrivals.append((rate * weight, options))
    departures = [number[(*layout[:one], *layout[one + 1 :])] for one in range(len(layout))]
    return _Step(
        number[layout],
        allocated(geometry, layout),
        arrivals,
        departures,
        DISCOUNT + sum(often for often, _ in arrivals) + len(departures),
    )


def _sweep(steps: Sequence[_Step], values: list[float]) -> float:
    """Bellman's equation once for each layout; returns by how much their changes differ."""
    changes: list[float] = []
    for at, gained, arrivals, departures, rate in steps:
        value: float = gained
        for often, options in arrivals:
            value += often * max([values[one] for one in options])
        for one in departures:
            value += values[one]
        value /= rate
        changes.append(value - values[at])
        values[at] = value
    return max(changes) - min(changes)
