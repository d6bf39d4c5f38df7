"""Places for a gang: requests that are of use together alone, so all get one or none does."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.placement.engine.cluster import Place, Request
from aliquot.placement.engine.engine import Engine


def place_gang(
    engine: Engine,
    requests: Sequence[Request],
    *,
    own_nodes: bool = False,
    one_domain: bool = False,
) -> list[Place] | None:
    """Places in the order of the requests; None, and nothing is changed, where not all find one.

    The hardest are placed first, each where the policy wants it: there may be a way that isn't
    found. `own_nodes`: no two on one node. `one_domain`: all in one domain, the one whose places
    the policy likes best.
    """
    if not one_domain:
        return _placed(engine, requests, bytearray(b"\x01") * len(engine.nodes), own_nodes)
    best: tuple[int, bytearray] | None = None
    for domain in dict.fromkeys(node.domain for node in engine.nodes):
        allowed = bytearray(node.domain == domain for node in engine.nodes)
        found = _placed(engine.copy(), requests, allowed, own_nodes)
        if found is not None:
            score = sum(place.score for place in found)
            if best is None or score > best[0]:
                best = (score, allowed)
    return None if best is None else _placed(engine, requests, best[1], own_nodes)


def _placed(
    engine: Engine, requests: Sequence[Request], allowed: bytearray, own_nodes: bool
) -> list[Place] | None:
    left = bytearray(allowed)
    found: dict[int, Place] = {}
    for at in sorted(range(len(requests)), key=lambda one: _hardness(requests[one]), reverse=True):
        place = engine.place(requests[at], bytes(left))
        if place is None:
            for one in found.values():
                engine.give_back(one.id)
            return None
        found[at] = place
        if own_nodes:
            left[place.node] = 0
    return [found[at] for at in range(len(requests))]


def _hardness(request: Request) -> tuple[int, int, int, int]:
    return (request.devices, request.total, request.cpu, request.memory)
