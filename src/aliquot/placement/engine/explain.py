"""Why a claim goes where it goes, why nowhere, and which one change or move would make it fit.

Each change was tried: with it, a place is found. Changes of size are the smallest. What is told are
facts, no words: who shows them has those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from aliquot.model.shares import PriorityClass
from aliquot.placement.engine.claims import Claim
from aliquot.placement.engine.cluster import Node, Place, Request, Room
from aliquot.placement.engine.defragment import Plan, plan_moves
from aliquot.placement.engine.obstacles import Obstacle
from aliquot.placement.engine.placer import Placer


class Change(msgspec.Struct, frozen=True):
    """One thing about a claim that would make it fit: what it lacked, the claim as it then is, and
    the node where that is the least to change."""

    obstacle: Obstacle
    claim: Claim
    node: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say about a claim.

    `place` is where it would go; `fitting` counts the nodes where it may, `as_good` those that are
    as good as that one. Where it may go nowhere, `lacking` is what keeps it from each node, and
    each of `changes` and `move` would make it fit by itself, if there is any such.
    """

    place: Place | None
    fitting: int = 0
    as_good: int = 0
    lacking: tuple[tuple[Obstacle, ...], ...] = ()
    changes: tuple[Change, ...] = ()
    move: Plan | None = None


def explain(placer: Placer, claim: Claim) -> Explanation:
    """Why a claim would go where it would, or why it may go nowhere. Changes nothing."""
    place = placer.preview(claim)
    if place is not None:
        ranks = placer.ranked(claim)
        as_good = sum(rank.score == place.score for rank in ranks)
        return Explanation(place=place, fitting=len(ranks), as_good=as_good)
    nodes = range(len(placer.engine.nodes))
    return Explanation(
        place=None,
        lacking=tuple(placer.obstacles(claim, node) for node in nodes),
        changes=tuple(changes(placer, claim)),
        move=plan_moves(placer, claim, most_moves=1),
    )


def changes(placer: Placer, claim: Claim) -> Iterator[Change]:
    """A change in each dimension that alone keeps a claim from some node."""
    engine = placer.engine
    request = claim.request
    nodes = range(len(engine.nodes))
    lacking = [placer.obstacles(claim, node) for node in nodes]
    rooms = [engine.room(node) for node in nodes]

    def only(obstacle: Obstacle) -> list[int]:
        return [node for node in nodes if lacking[node] == (obstacle,)]

    for obstacle, field, most, least in _SIZES:
        sizes = {node: most(request, rooms[node]) for node in only(obstacle)}
        node = max(sizes, key=lambda one: (sizes[one], -one), default=None)
        if node is not None and sizes[node] >= least(request):
            smaller = msgspec.structs.replace(request, **{field: sizes[node]})
            yield _changed(claim, obstacle, node, request=smaller)
    counts = {
        node: _most_devices(request, rooms[node])
        for node in nodes
        if lacking[node] and _OF_DEVICES.issuperset(lacking[node])
    }
    node = max(counts, key=lambda one: (counts[one], -one), default=None)
    if node is not None and counts[node]:
        fewer = msgspec.structs.replace(request, devices=counts[node])
        yield _changed(claim, Obstacle.DEVICES, node, request=fewer)
    if near := only(Obstacle.MODEL):
        models = _models(request, [engine.nodes[node] for node in near])
        wider = msgspec.structs.replace(request, models=models)
        yield _changed(claim, Obstacle.MODEL, near[0], request=wider)
    yield from _without_a_rule(placer, claim)
    if only(Obstacle.MIX):
        yield from _of_another_class(placer, claim)
    yield from _within_quotas(placer, claim)


def _changed(claim: Claim, obstacle: Obstacle, node: int, **fields: object) -> Change:
    return Change(obstacle, msgspec.structs.replace(claim, **fields), node)


def _without_a_rule(placer: Placer, claim: Claim) -> Iterator[Change]:
    """Each of its rules without which a claim fits."""
    for rule in claim.rules:
        rest = tuple(one for one in claim.rules if one is not rule)
        freed = msgspec.structs.replace(claim, rules=rest)
        if place := placer.preview(freed):
            yield Change(Obstacle.RULE, freed, place.node)


def _of_another_class(placer: Placer, claim: Claim) -> Iterator[Change]:
    """Each priority class of which a claim fits."""
    for priority in PriorityClass:
        other = msgspec.structs.replace(claim, priority=priority)
        if place := placer.preview(other):
            yield Change(Obstacle.MIX, other, place.node)


def _within_quotas(placer: Placer, claim: Claim) -> Iterator[Change]:
    """The largest request that is within the quotas of who asks, where that alone is lacking."""
    left, request = placer.quotas.left(claim.tenant), claim.request
    lacking = placer.quotas.lacking(claim.tenant, request)
    for obstacle, field, most in (
        (Obstacle.QUOTA_MEMORY, "device_memory", left.device_memory),
        (Obstacle.QUOTA_SHARE, "share", left.share),
    ):
        if lacking != (obstacle,) or most is None:
            continue
        size = most // request.devices
        if size < _least(request, field):
            continue
        smaller = msgspec.structs.replace(claim, request=_with(request, field, size))
        if place := placer.preview(smaller):
            yield Change(obstacle, smaller, place.node)


def _with(request: Request, field: str, size: int) -> Request:
    return msgspec.structs.replace(request, **{field: size})


def _least(request: Request, field: str) -> int:
    """The least that makes sense: of shares and memory one may be nothing, beside the other."""
    return 0 if field == "share" and request.device_memory else 1


def _models(request: Request, nodes: list[Node]) -> frozenset[str]:
    return frozenset([*(request.models or ()), *(node.model for node in nodes)])


def _most_share(request: Request, room: Room) -> int:
    """The share that as many devices have free as are asked for."""
    roomy = [
        share
        for share, memory in zip(room.shares, room.device_memory, strict=True)
        if memory >= request.device_memory
    ]
    return sorted(roomy, reverse=True)[request.devices - 1]


def _most_device_memory(request: Request, room: Room) -> int:
    roomy = [
        memory
        for share, memory in zip(room.shares, room.device_memory, strict=True)
        if share >= request.share
    ]
    return sorted(roomy, reverse=True)[request.devices - 1]


def _most_devices(request: Request, room: Room) -> int:
    return sum(
        share >= request.share and memory >= request.device_memory
        for share, memory in zip(room.shares, room.device_memory, strict=True)
    )


_OF_DEVICES = frozenset({Obstacle.DEVICES, Obstacle.SHARE, Obstacle.DEVICE_MEMORY})
_Most = Callable[[Request, Room], int]
_Least = Callable[[Request], int]
# What is lacking, the field that asks for it, the most of it that fits, the least that makes sense.
_SIZES: tuple[tuple[Obstacle, str, _Most, _Least], ...] = (
    (Obstacle.CPU, "cpu", lambda _, room: room.cpu, lambda _: 0),
    (Obstacle.MEMORY, "memory", lambda _, room: room.memory, lambda _: 0),
    (Obstacle.DEVICE_MEMORY, "device_memory", _most_device_memory, lambda _: 1),
    (Obstacle.SHARE, "share", _most_share, lambda request: _least(request, "share")),
)
