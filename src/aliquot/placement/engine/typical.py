"""The classes of requests that make up most of a workload: what FGD reckons fragmentation with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from aliquot.placement.engine.cluster import Request

COVERAGE = 0.95  # of all requests


class Typical(msgspec.Struct, frozen=True):
    """A class of requests, and which part of all it makes up. Memory doesn't tell classes apart,
    nor does a policy."""

    request: Request
    weight: float


def typical_requests(requests: Iterable[Request], coverage: float = COVERAGE) -> list[Typical]:
    """The most frequent classes that together cover a part of all; their weights add up to 1.

    Requests without devices count too (Weng et al., USENIX ATC 2023, section 5.1: 95 %).
    """
    counts = Counter(_class(one) for one in requests)
    ordered = sorted(counts.items(), key=lambda item: (item[1], _order(item[0])), reverse=True)
    enough = coverage * counts.total()
    chosen: list[tuple[Request, int]] = []
    covered = 0
    for request, count in ordered:
        if covered >= enough:
            break
        chosen.append((request, count))
        covered += count
    return [Typical(request, count / covered) for request, count in chosen]


def _class(request: Request) -> Request:
    return msgspec.structs.replace(request, memory=0, device_memory=0, policy=None)


def _order(request: Request) -> tuple[int, int, int, list[str]]:
    """Where two classes are as frequent, the same comes first each time."""
    return (request.cpu, request.share, request.devices, sorted(request.models or ()))
