"""Why a request goes where it goes, why nowhere, and which one change or move would make it fit.

Each change was tried: with it, a place is found. Changes of size are the smallest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from aliquot.placement.engine.cluster import Move, Node, Request, Room
from aliquot.placement.engine.engine import Engine
from aliquot.placement.engine.obstacles import Obstacle, hindrances, obstacles


class Change(msgspec.Struct, frozen=True):
    """One thing about a request that would make it fit: in words, and as the request then is."""

    words: str
    request: Request


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say about a request.

    `why` is a sentence. `fitting` counts the nodes where it fits. Where it fits nowhere, `changes`
    and `move` each would make it fit by itself, if there is any such.
    """

    fits: bool
    why: str
    fitting: int
    changes: tuple[Change, ...] = ()
    move: Move | None = None


def explain(engine: Engine, request: Request) -> Explanation:
    """Why a request would go where it would, or why it fits nowhere. Changes nothing."""
    place = engine.preview(request)
    if place is not None:
        scores = engine.scores(request)
        fitting = sum(score >= 0 for score in scores)
        as_good = scores.count(place.score) - 1
        why = f"{engine.nodes[place.node].name} is the best of {fitting} that fit"
        if fitting == 1:
            why = f"{engine.nodes[place.node].name} is the only node that fits"
        elif as_good:
            why += f", the first of {as_good + 1} that are as good"
        return Explanation(fits=True, why=why, fitting=fitting)
    rooms = [engine.room(at) for at in range(len(engine.nodes))]
    lacking = [obstacles(request, *pair) for pair in zip(engine.nodes, rooms, strict=True)]
    return Explanation(
        fits=False,
        why=f"of {len(rooms)} nodes, {hindrances(Counter(lacking))}",
        fitting=0,
        changes=tuple(_changes(engine, request, rooms, lacking)),
        move=engine.find_move(request),
    )


def _changes(
    engine: Engine, request: Request, rooms: list[Room], lacking: list[tuple[Obstacle, ...]]
) -> Iterator[Change]:
    """A change in each dimension that alone keeps it from some node."""

    def only(obstacle: Obstacle) -> list[tuple[Node, Room]]:
        return [
            pair
            for pair, found in zip(zip(engine.nodes, rooms, strict=True), lacking, strict=True)
            if found == (obstacle,)
        ]

    for obstacle, field, most, least, words in _SIZES:
        size = max((most(request, room) for _, room in only(obstacle)), default=-1)
        if size >= least:
            yield Change(
                f"with {words} of {size} instead of {getattr(request, field)}",
                msgspec.structs.replace(request, **{field: size}),
            )
    count = max(
        (
            _most_devices(request, room)
            for room, found in zip(rooms, lacking, strict=True)
            if _OF_DEVICES.issuperset(found)
        ),
        default=0,
    )
    if count:
        yield Change(
            f"with {count} devices instead of {request.devices}",
            msgspec.structs.replace(request, devices=count),
        )
    if near := only(Obstacle.MODEL):
        models = sorted({node.model for node, _ in near})
        yield Change(
            "with " + " or ".join(models) + " as models that will do, too",
            msgspec.structs.replace(request, models=frozenset([*(request.models or ()), *models])),
        )


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
    return sorted(roomy, reverse=True)[request.devices - 1] if len(roomy) >= request.devices else -1


def _most_devices(request: Request, room: Room) -> int:
    return sum(
        share >= request.share and memory >= request.device_memory
        for share, memory in zip(room.shares, room.device_memory, strict=True)
    )


_OF_DEVICES = frozenset({Obstacle.DEVICES, Obstacle.SHARE, Obstacle.DEVICE_MEMORY})
_Most = Callable[[Request, Room], int]
# What is lacking, the field that asks for it, the most of it that fits, the least that makes sense.
_SIZES: tuple[tuple[Obstacle, str, _Most, int, str], ...] = (
    (Obstacle.CPU, "cpu", lambda _, room: room.cpu, 0, "a CPU"),
    (Obstacle.MEMORY, "memory", lambda _, room: room.memory, 0, "a memory"),
    (Obstacle.SHARE, "share", _most_share, 1, "a share"),
    (Obstacle.DEVICE_MEMORY, "device_memory", _most_device_memory, 0, "a memory of each device"),
)
