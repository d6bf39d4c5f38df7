"""Pods come one by one, have one attempt each and never leave: what is allocated in the end?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aliquot.placement.engine import (
    Engine,
    Node,
    Place,
    Policy,
    Request,
    Typical,
    typical_requests,
)
from aliquot.placement.simulation.arrivals import arrivals
from aliquot.placement.simulation.openb import Pod


class Replay(NamedTuple):
    """What came of one seed. By the percent of the cluster's devices that were asked for so far:
    the percent that is allocated, and that is fragmented."""

    allocated: dict[int, float]
    fragmented: dict[int, float]
    refused: int
    moves: int


class Workload(NamedTuple):
    """Nodes, and the pods that may come; `typical` are their classes."""

    nodes: Sequence[Node]
    pods: Sequence[Pod]
    typical: Sequence[Typical]

    @property
    def capacity(self) -> int:
        """Hundredths of a percent of devices, in all."""
        return sum(node.capacity for node in self.nodes)


def workload(nodes: Sequence[Node], pods: Sequence[Pod]) -> Workload:
    """A workload with its typical classes."""
    return Workload(nodes, pods, typical_requests(pod.request for pod in pods))


def replay(work: Workload, policy: Policy, seed: int, *, moves_per_hundred: float = 0) -> Replay:
    """Let all pods of a seed come. Room is made by moves for those that fit nowhere, up to so many
    a hundred pods that came."""
    pods, nodes = arrivals(work.nodes, work.pods, seed)
    engine = Engine(nodes, policy, work.typical, seed=seed)
    curve = _Curve(work.capacity)
    asked = allocated = refused = moves = 0
    for number, pod in enumerate(pods, start=1):
        request = pod.request
        asked += request.total
        place = engine.place(request)
        if place is None:
            place, moved = make_room(engine, request, moves_per_hundred * number / 100 - moves)
            moves += moved
        if place is None:
            refused += 1
        else:
            allocated += request.total
        curve.add(asked, allocated, engine)
    return Replay(curve.allocated(), curve.fragmented, refused, moves)


def make_room(engine: Engine, request: Request, allowed: float) -> tuple[Place | None, int]:
    """A place for what fits nowhere, by one move or else by an exchange, and how many moved."""
    if allowed >= 1 and (move := engine.find_move(request)) is not None:
        return engine.place_by_move(request, move), 1
    if allowed >= 2 and (exchange := engine.find_exchange(request)) is not None:
        return engine.place_by_exchange(request, exchange), 2
    return None, 0


class _Curve:
    """Means over all arrivals with as many percent asked for, rounded."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._sums: dict[int, tuple[int, float]] = {}
        self.fragmented: dict[int, float] = {}

    def add(self, asked: int, allocated: int, engine: Engine) -> None:
        percent = round(100 * asked / self._capacity)
        count, total = self._sums.get(percent, (0, 0.0))
        self._sums[percent] = (count + 1, total + 100 * allocated / self._capacity)
        if not count:
            self.fragmented[percent] = 100 * engine.fragmented() / self._capacity

    def allocated(self) -> dict[int, float]:
        return {percent: total / count for percent, (count, total) in self._sums.items()}


def at_percent(curve: dict[int, float], percent: int) -> float:
    """What a curve says at a percent; where no arrival came that close, at the last one before."""
    if percent in curve:
        return curve[percent]
    return curve[max((one for one in curve if one < percent), default=min(curve))]
