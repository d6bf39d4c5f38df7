"""What was published with "openb" comes out here, too, and ours is better.

Figures: Weng et al., "Beware of Fragmentation", USENIX ATC 2023, and the results kept with the
simulator that was published with it: means of ten seeds of percent allocated when 100 % and 130 %
of the devices have been asked for.
"""

from __future__ import annotations

from functools import cache

import pytest

from aliquot.placement.engine import Node, Policy
from aliquot.placement.simulation.arrivals import arrivals
from aliquot.placement.simulation.replay import workload
from aliquot.placement.simulation.report import (
    Outcome,
    paired,
    simulate,
    simulate_departures,
)
from tests.traces import openb

SEEDS = range(42, 52)
POLICIES = (
    Policy.RANDOM,
    Policy.DOT_PRODUCT,
    Policy.GPU_CLUSTERING,
    Policy.GPU_PACKING,
    Policy.BEST_FIT,
    Policy.FGD,
)
PUBLISHED = {
    "default": "86.30/87.47 90.62/90.85 91.65/91.88 91.78/92.00 92.86/93.08 95.23/95.39",
    "cpu100": "87.44/89.11 91.73/91.95 92.42/92.64 92.50/92.72 93.26/93.44 95.21/95.35",
    "gpushare60": "82.81/83.65 86.82/87.11 86.90/87.20 87.15/87.45 89.06/89.36 91.25/91.40",
    "gpuspec25": "85.42/86.94 85.44/89.63 86.41/92.08 86.77/92.98 85.67/93.23 93.91/94.74",
    "multigpu20": "86.92/88.69 91.85/92.06 93.34/93.56 93.50/93.71 93.73/93.93 95.53/95.65",
}
TOLERANCE = 0.3  # points
OURS_AT_LEAST = {
    "default": 95.7,
    "cpu100": 95.7,
    "gpushare60": 91.5,
    "gpuspec25": 95.1,
    "multigpu20": 95.9,
}

pytestmark = pytest.mark.timeout(300)


@cache
def outcome(trace: str, policy: Policy) -> Outcome:
    return simulate(openb(trace), policy, SEEDS)[0]


@pytest.mark.parametrize("trace", PUBLISHED)
@pytest.mark.parametrize(("number", "policy"), list(enumerate(POLICIES)))
def test_a_published_policy(trace: str, number: int, policy: Policy) -> None:
    wanted = [float(one) for one in PUBLISHED[trace].split()[number].split("/")]
    found = outcome(trace, policy).allocated
    assert [found["100"], found["130"]] == pytest.approx(wanted, abs=TOLERANCE)


def test_ours_with_a_move_a_hundred_pods() -> None:
    found = simulate(openb("default"), Policy.ALIQUOT, SEEDS, moves_per_hundred=1)[0]
    assert found.allocated["100"] >= 95.85
    work = openb("default")
    arrived = [len(arrivals(work.nodes, work.pods, seed).pods) for seed in SEEDS]
    assert found.moves <= max(arrived) / 100


def test_ours_on_a_small_cluster() -> None:
    large = openb("default")
    node = next(one for one in large.nodes if one.model == "G2")  # most are like it
    nodes = [
        Node(name=f"n{at}", cpu=node.cpu, memory=node.memory, devices=8, model=node.model)
        for at in range(6)
    ]
    work = workload(nodes, large.pods)
    ours, fgd = (simulate(work, one, range(42, 82))[0] for one in (Policy.ALIQUOT, Policy.FGD))
    assert paired(ours.seeds, fgd.seeds)[0] >= 1.0


@pytest.mark.parametrize(("trace", "least"), [("default", 0.1), ("gpuspec25", 1.0)])
def test_ours_when_pods_depart(trace: str, least: float) -> None:
    ours, fgd = (
        simulate_departures(openb(trace), one, SEEDS) for one in (Policy.ALIQUOT, Policy.FGD)
    )
    assert ours.allocated["mean"] >= fgd.allocated["mean"] + least


@pytest.mark.parametrize("trace", PUBLISHED)
def test_ours(trace: str) -> None:
    ours = outcome(trace, Policy.ALIQUOT)
    assert ours.allocated["100"] >= OURS_AT_LEAST[trace]
    mean, half_width = paired(ours.seeds, outcome(trace, Policy.FGD).seeds)
    assert mean - half_width >= -0.1
