"""Pods that leave again: arrivals by chance, at a rising load, on a cluster that is in use.

Arrivals are a Poisson process and lifetimes exponential. Before it is measured, as many pods as a
load of 1.0 has at any time are placed, and then as many come again.
"""

from __future__ import annotations

import heapq
import random
from typing import NamedTuple

from aliquot.placement.engine import Engine, Policy
from aliquot.placement.simulation.arrivals import shuffled_nodes
from aliquot.placement.simulation.replay import Workload, make_room

MEASURED = 16_200  # arrivals
LOADS = (1.0, 1.2)  # of the cluster's devices, at the first and at the last measured arrival


class Departures(NamedTuple):
    """What came of one seed: percent of the devices, in the mean over the measured arrivals; and by
    the load in percent, to the nearest."""

    allocated: float
    by_load: dict[int, float]
    refused: int
    moves: int


def with_departures(
    work: Workload,
    policy: Policy,
    seed: int,
    *,
    measured: int = MEASURED,
    moves_per_hundred: float = 0,
) -> Departures:
    """Let pods come and go. A unit of time is a mean lifetime."""
    rng = random.Random(seed)  # noqa: S311
    engine = Engine(shuffled_nodes(work.nodes, rng), policy, work.typical, seed=seed)
    asked = sum(pod.request.total for pod in work.pods)
    at_once = work.capacity * len(work.pods) / asked  # pods, at a load of 1.0
    warm_up = round(at_once)
    leaving: list[tuple[float, int, int]] = []  # when, which place, how much
    sums: dict[int, tuple[int, float]] = {}
    load = LOADS[0]
    now = 0.0
    allocated = refused = moves = 0
    for number in range(-2 * warm_up, measured):
        if number >= -warm_up:
            load = LOADS[0] + (LOADS[1] - LOADS[0]) * max(0, number) / measured
            now += rng.expovariate(load * at_once)
        while leaving and leaving[0][0] <= now:
            _, place_id, total = heapq.heappop(leaving)
            engine.give_back(place_id)
            allocated -= total
        request = rng.choice(work.pods).request
        ends = now + rng.expovariate(1.0)
        place = engine.place(request)
        if place is None and number >= 0:
            allowed = moves_per_hundred * (number + 1) / 100 - moves
            place, moved = make_room(engine, request, allowed)
            moves += moved
        if place is not None:
            heapq.heappush(leaving, (ends, place.id, request.total))
            allocated += request.total
        if number >= 0:
            refused += place is None
            count, total = sums.get(round(100 * load), (0, 0.0))
            sums[round(100 * load)] = (count + 1, total + 100 * allocated / work.capacity)
    mean = sum(total for _, total in sums.values()) / measured
    by_load = {load: total / count for load, (count, total) in sums.items()}
    return Departures(mean, by_load, refused, moves)
