"""What a way to serve a queue comes to: who is served, who isn't and what they lack."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

import msgspec

from aliquot.placement.engine import WHOLE, Engine, Policy, Request, typical_requests
from aliquot.placement.engine.obstacles import WORDS, Obstacle, obstacles
from aliquot.placement.planning.scenarios import Scenario

_LOOKED_AT = 40  # of those who are refused, in each order


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Means over several orders in which the queue may come.

    `served` and `devices_used` in percent, of the requests and of the devices; `refused` counts
    requests, `refused_devices` the devices that they asked for. `lacking`: of those refused, the
    percent to whom the nodes that came closest mostly lacked just that.
    """

    key: str
    words: str
    requests: int
    devices: int
    served: float
    refused: float
    refused_devices: float
    devices_used: float
    lacking: dict[str, float]


def answer(scenario: Scenario, queue: Sequence[Request], seeds: Sequence[int]) -> Answer:
    """Let a queue come in the order of each seed."""
    asked = [scenario.changed(request) for request in queue]
    typical = typical_requests(asked)
    devices = sum(node.devices for node in scenario.nodes)
    refused: list[list[Request]] = []
    lacking: Counter[Obstacle] = Counter()
    for seed in seeds:
        order = list(range(len(asked)))
        random.Random(f"queue {seed}").shuffle(order)  # noqa: S311
        engine = Engine(scenario.nodes, Policy.ALIQUOT, typical, seed=seed)
        left: list[Request] = []
        for at in order:
            if engine.place(asked[at]) is None:
                left.append(queue[at])
        refused.append(left)
        lacking.update(closest(engine, scenario.changed(request)) for request in left[:_LOOKED_AT])
    # What was asked for, not what it was rounded up to.
    wanted = sum(request.total for request in queue)
    missed = fmean(sum(request.total for request in left) for left in refused)
    count = fmean(len(left) for left in refused)
    return Answer(
        key=scenario.key,
        words=scenario.words,
        requests=len(queue),
        devices=devices,
        served=100 * (1 - count / len(queue)),
        refused=count,
        refused_devices=missed / WHOLE,
        devices_used=100 * (wanted - missed) / WHOLE / devices,
        lacking=shown(lacking),
    )


def shown(lacking: Counter[Obstacle]) -> dict[str, float]:
    """What was lacking in words, in percent of those who lacked something."""
    return {
        WORDS[obstacle]: 100 * often / lacking.total() for obstacle, often in lacking.most_common()
    }


def closest(engine: Engine, request: Request, nodes: Sequence[int] | None = None) -> Obstacle:
    """What is lacking on the nodes that lack the fewest things, mostly; of some nodes, or all."""
    fewest: Counter[tuple[Obstacle, ...]] = Counter(
        obstacles(request, engine.nodes[at], engine.room(at))
        for at in (range(len(engine.nodes)) if nodes is None else nodes)
    )
    least = min(len(found) for found in fewest)
    best = max((one for one in fewest if len(one) == least), key=lambda one: fewest[one])
    return best[0]
