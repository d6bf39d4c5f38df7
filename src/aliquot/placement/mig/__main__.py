"""`python -m aliquot.placement.mig` measures the policies: what docs/placement-engine.md tells."""

from __future__ import annotations

import random
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from aliquot.modes.mig.geometry import Geometry
from aliquot.modes.mig.known_geometries import KNOWN
from aliquot.placement.mig.layout import allocated
from aliquot.placement.mig.optimum import optimum
from aliquot.placement.mig.policies import MigPlacer, MigPolicy
from aliquot.placement.mig.streams import Stream, drawn, filled, flowing
from aliquot.placement.simulation.report import paired

Mix = Mapping[str, float]
_ONES = ("1g", "1g+me", "1g double", "2g", "3g", "4g", "7g")
MIXES: dict[str, dict[str, float]] = {
    "all alike": dict.fromkeys(_ONES, 1.0),
    "small": {"1g": 4, "1g double": 2, "2g": 2, "3g": 1, "4g": 1, "7g": 0.5},
    "large": {"1g": 1, "2g": 1, "3g": 2, "4g": 2, "7g": 2},
    "without 7g": dict.fromkeys(_ONES[:-1], 1.0),
}
_SMALL_GPUS, _SMALL_INSTANCES = 3, 9


def main(arguments: Sequence[str]) -> int:
    """Print a table for a kind of streams."""
    parser = ArgumentParser(prog="python -m aliquot.placement.mig", description=__doc__)
    parser.add_argument(
        "streams", choices=("filling", "departing", "small"), help="small: beside the optimum"
    )
    parser.add_argument("--gpu", choices=sorted(KNOWN), default="A100-40GB")
    parser.add_argument("--gpus", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument(
        "--drawn", type=int, metavar="N", help="so many mixes by chance instead of the named ones"
    )
    given = parser.parse_args(arguments)
    geometry = KNOWN[given.gpu]
    seeds = range(given.first, given.first + given.seeds)
    if given.streams == "small":
        _beside_the_optimum(geometry, seeds)
        return 0
    stream = filled if given.streams == "filling" else flowing
    print("| mix | first-fit | best-fit | aliquot | to first-fit | to best-fit |")
    print("|---|---|---|---|---|---|")
    for name, mix in _drawn_mixes(geometry, given.drawn) if given.drawn else _named(geometry):
        print(_row(name, mix, stream, geometry, given.gpus, seeds), flush=True)
    return 0


def _row(
    name: str,
    mix: Mix,
    stream: Callable[..., Stream],
    geometry: Geometry,
    gpus: int,
    seeds: Sequence[int],
) -> str:
    reached = {
        policy: {
            str(seed): stream(geometry, gpus, policy, seed, mix=mix).allocated for seed in seeds
        }
        for policy in MigPolicy
    }
    cells = [name, *(f"{fmean(reached[policy].values()):.2f}" for policy in MigPolicy)]
    for other in (MigPolicy.FIRST_FIT, MigPolicy.BEST_FIT):
        mean, half_width = paired(reached[MigPolicy.ALIQUOT], reached[other])
        cells.append(f"{mean:+.2f} ± {half_width:.2f}")
    return f"| {' | '.join(cells)} |"


def _beside_the_optimum(geometry: Geometry, seeds: Sequence[int]) -> None:
    """Percent of what who knows all beforehand gets allocated, and how often as much."""
    found: dict[MigPolicy, list[float]] = {policy: [] for policy in MigPolicy}
    for seed in seeds:
        rng = random.Random(f"mig small {seed}")  # noqa: S311
        order = [drawn(rng, geometry, None) for _ in range(_SMALL_INSTANCES)]
        counts = [order.count(which) for which in range(len(geometry.profiles))]
        best = optimum(geometry, _SMALL_GPUS, counts)
        for policy, parts in found.items():
            placer = MigPlacer(geometry, _SMALL_GPUS, policy)
            for which in order:
                placer.place(which)
            parts.append(sum(allocated(geometry, one) for one in placer.layouts) / best)
    for policy, parts in found.items():
        reached = sum(part == 1 for part in parts)
        print(f"{policy}: {100 * fmean(parts):.1f} % of the optimum, itself in {reached}")


def _named(geometry: Geometry) -> list[tuple[str, Mix]]:
    """The mixes, by the names that this GPU's profiles have."""
    kinds: dict[str, str] = {}
    for profile in geometry.profiles:
        kind = profile.name.partition(".")[0] + ("+me" if profile.media else "")
        kinds[kind + " double" if kind in kinds else kind] = profile.name
    return [
        (name, {kinds[kind]: weight for kind, weight in mix.items() if kind in kinds})
        for name, mix in MIXES.items()
    ]


def _drawn_mixes(geometry: Geometry, count: int) -> list[tuple[str, Mix]]:
    """Weights by chance, about a third of them 0."""
    found: list[tuple[str, Mix]] = []
    for number in range(count):
        rng = random.Random(f"mig mix {number}")  # noqa: S311
        mix = {one.name: max(0.0, rng.random() - 1 / 3) for one in geometry.profiles}
        told = ", ".join(f"{name} {weight:.2f}" for name, weight in mix.items() if weight)
        found.append((told, mix))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
