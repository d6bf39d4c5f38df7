"""What no policy can exceed: a linear program over the patterns that cut up a device.

The cutting-stock program of Gilmore and Gomory (1961), with columns generated as they pay: devices
of a type of node are cut into shares by patterns; CPU and memory are added up over all nodes of a
type. Both make the optimum an upper bound of what any placement allocates, moves included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from math import gcd
from typing import Any, NamedTuple

from aliquot.errors import MissingPlanningLibrary
from aliquot.placement.engine import WHOLE, Node, Request

_TOLERANCE = 1e-7  # of a device: a pattern that promises less is not worth a column

Pattern = tuple[tuple[int, int], ...]  # (share, how often)


class _Type(NamedTuple):
    """Nodes that are alike."""

    cpu: int
    memory: int
    devices: int
    model: str
    nodes: int


def upper_bound(nodes: Sequence[Node], demand: Mapping[Request, float]) -> float:
    """The most of devices, as shares are told, that these requests can be given at once, at best.

    `demand` tells how many there are of each, fractions included. Raises MissingPlanningLibrary.
    """
    wanted = {request: count for request, count in demand.items() if request.devices}
    types = [
        _Type(*kind, count)
        for kind, count in Counter(
            (node.cpu, node.memory, node.devices, node.model) for node in nodes if node.devices
        ).items()
    ]
    return _Program(types, wanted).solve() if wanted else 0.0


class _Program:
    """The master program. A variable for each request on each type that can serve it, and one for
    each pattern on each type."""

    def __init__(self, types: Sequence[_Type], wanted: Mapping[Request, float]) -> None:
        self._types = types
        self._requests = list(wanted)
        self._counts = list(wanted.values())
        self._shares = sorted({one.share for one in self._requests})
        self._pairs = [
            (shape, kind)
            for shape, request in enumerate(self._requests)
            for kind, node in enumerate(types)
            if _could(request, node)
        ]
        self._step = gcd(WHOLE, *self._shares)  # sizes of the knapsack are multiples of it
        self._patterns: list[Pattern] = [((share, WHOLE // share),) for share in self._shares]

    def solve(self) -> float:
        """The optimum, once no pattern is left that would improve it."""
        while True:
            value, prices = self._optimum()
            better = {
                pattern
                for kind in range(len(self._types))
                if (pattern := self._best_pattern(prices, kind)) is not None
            }
            better.difference_update(self._patterns)
            if not better:
                return value
            self._patterns.extend(sorted(better))

    # The rows: one a request, then for each type CPU, memory, devices, and one a share.

    def _row(self, kind: int, at: int) -> int:
        return len(self._requests) + kind * (3 + len(self._shares)) + at

    def _optimum(self) -> tuple[float, Sequence[float]]:
        sparse, optimize = _solver()
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        column_of_share = {share: 3 + at for at, share in enumerate(self._shares)}

        def entry(row: int, column: int, value: float) -> None:
            rows.append(row)
            columns.append(column)
            values.append(value)

        gains = [-float(self._requests[shape].total) for shape, _ in self._pairs]
        for column, (shape, kind) in enumerate(self._pairs):
            request = self._requests[shape]
            entry(shape, column, 1)
            entry(self._row(kind, 0), column, request.cpu)
            entry(self._row(kind, 1), column, request.memory)
            entry(self._row(kind, column_of_share[request.share]), column, request.devices)
        column = len(self._pairs)
        for pattern in self._patterns:
            for kind in range(len(self._types)):
                gains.append(0.0)
                entry(self._row(kind, 2), column, 1)
                for share, often in pattern:
                    entry(self._row(kind, column_of_share[share]), column, -often)
                column += 1
        limits = list(self._counts)
        for node in self._types:
            limits += [node.cpu * node.nodes, node.memory * node.nodes, node.devices * node.nodes]
            limits += [0.0] * len(self._shares)
        matrix = sparse.csr_matrix((values, (rows, columns)), shape=(len(limits), column))
        found = optimize.linprog(gains, A_ub=matrix, b_ub=limits, method="highs")
        return -found.fun, found.ineqlin.marginals

    def _best_pattern(self, prices: Sequence[float], kind: int) -> Pattern | None:
        """The pattern whose shares are worth more than a device of this type: a knapsack."""
        worth = [-prices[self._row(kind, 3 + at)] for at in range(len(self._shares))]
        size = WHOLE // self._step
        shares = [share // self._step for share in self._shares]
        best = [0.0] * (size + 1)
        taken: list[int | None] = [None] * (size + 1)
        for room in range(1, size + 1):
            best[room] = best[room - 1]
            for at, share in enumerate(shares):
                if share <= room and best[room - share] + worth[at] > best[room] + _TOLERANCE:
                    best[room] = best[room - share] + worth[at]
                    taken[room] = at
        if best[size] <= -prices[self._row(kind, 2)] + _TOLERANCE * WHOLE:
            return None
        pattern: Counter[int] = Counter()
        room = size
        while room:
            at = taken[room]
            if at is not None:
                pattern[self._shares[at]] += 1
            room -= shares[at] if at is not None else 1
        return tuple(sorted(pattern.items()))


def _could(request: Request, node: _Type) -> bool:
    return (
        request.devices <= node.devices
        and request.cpu <= node.cpu
        and request.memory <= node.memory
        and (request.models is None or node.model in request.models)
    )


def _solver() -> tuple[Any, Any]:
    """scipy's sparse matrices and its programs, which are optional."""
    try:
        return import_module("scipy.sparse"), import_module("scipy.optimize")
    except ImportError as error:
        raise MissingPlanningLibrary("scipy is not installed here") from error
