"""What several policies reach with several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import msgspec

from aliquot.errors import BadSeeds
from aliquot.placement.engine import Policy
from aliquot.placement.simulation.departures import LOADS, with_departures
from aliquot.placement.simulation.replay import Replay, Workload, at_percent, replay

PERCENTS = (80, 90, 100, 110, 130)
_MOST_SEEDS = 1_000


class Outcome(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Means over the seeds. Percent of the devices, by the percent that was asked for so far.

    With departures instead by the load, and over all that was measured (`mean`). `seeds`: what each
    seed reached at 100 %, or in the mean. `refused` and `moves`: how many, up to the end.
    """

    allocated: dict[str, float]
    fragmented: dict[str, float] = {}
    seeds: dict[str, float] = {}
    refused: float = 0.0
    moves: float = 0.0


class Curves(msgspec.Struct):
    """Means over the seeds at every percent, for a picture."""

    allocated: dict[int, float]
    fragmented: dict[int, float]


def parse_seeds(text: str) -> list[int]:
    """Seeds as `42-51` or `1,2,7-9`; raises BadSeeds."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (_is_number(first) and (not dash or _is_number(last))):
            raise BadSeeds(f"{part!r} is neither a seed nor a range of seeds")
        ends = int(last) if dash else int(first)
        if ends < int(first) or ends - int(first) + len(seeds) >= _MOST_SEEDS:
            raise BadSeeds(f"{part!r} has no seeds or more than {_MOST_SEEDS}")
        seeds += range(int(first), ends + 1)
    return seeds


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def simulate(
    work: Workload, policy: Policy, seeds: Sequence[int], *, moves_per_hundred: float = 0
) -> tuple[Outcome, Curves]:
    """Replay all seeds by the published protocol."""
    replays = {
        seed: replay(work, policy, seed, moves_per_hundred=moves_per_hundred) for seed in seeds
    }
    every = list(replays.values())
    return (
        Outcome(
            allocated={str(one): _mean_at(every, one, "allocated") for one in PERCENTS},
            fragmented={str(one): _mean_at(every, one, "fragmented") for one in PERCENTS},
            seeds={str(seed): at_percent(one.allocated, 100) for seed, one in replays.items()},
            refused=fmean(one.refused for one in every),
            moves=fmean(one.moves for one in every),
        ),
        Curves(
            {one: _mean_at(every, one, "allocated") for one in range(131)},
            {one: _mean_at(every, one, "fragmented") for one in range(131)},
        ),
    )


def simulate_departures(
    work: Workload, policy: Policy, seeds: Sequence[int], *, moves_per_hundred: float = 0
) -> Outcome:
    """The same with pods that leave again."""
    runs = {
        seed: with_departures(work, policy, seed, moves_per_hundred=moves_per_hundred)
        for seed in seeds
    }
    every = list(runs.values())
    return Outcome(
        allocated={
            "mean": fmean(one.allocated for one in every),
            **{
                str(load): fmean(one.by_load[load] for one in every)
                for load in range(round(100 * LOADS[0]), round(100 * LOADS[1]) + 1, 5)
            },
        },
        seeds={str(seed): one.allocated for seed, one in runs.items()},
        refused=fmean(one.refused for one in every),
        moves=fmean(one.moves for one in every),
    )


def paired(one: Mapping[str, float], other: Mapping[str, float]) -> tuple[float, float]:
    """The mean difference seed by seed, and the half width of its 95 % interval (Student's t)."""
    differences = [one[seed] - other[seed] for seed in one]
    mean = fmean(differences)
    count = len(differences)
    if count < 2:
        return mean, float("inf")
    variance = sum((each - mean) ** 2 for each in differences) / (count - 1)
    return mean, _student(count - 1) * (variance / count) ** 0.5


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, to 0.5 %: Hill's series around the normal's."""
    z = 1.959964
    first = (z**3 + z) / (4 * freedom)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return z + first + second + third


def _mean_at(replays: Sequence[Replay], percent: int, curve: str) -> float:
    return fmean(at_percent(getattr(one, curve), percent) for one in replays)
