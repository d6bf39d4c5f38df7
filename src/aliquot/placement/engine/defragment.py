"""The fewest moves that make room for a request, and what they cost.

Those that stand in its way on one node go elsewhere, the largest first, each to where the policy
wants it; nobody else moves. One move is tried before two, and of as many those of the fewest bytes:
exact for one move, while several may fail each other by the places they take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec

from aliquot.placement.engine.cluster import Node, Place, Request, Room
from aliquot.placement.engine.engine import Engine
from aliquot.placement.engine.obstacles import obstacles

MOST_MOVES = 3
MOST_TRIALS = 1_000
# What suspending, copying over the host's memory and resuming came to; copies differ by machine.
BYTES_PER_SECOND = 4 << 30


class PlannedMove(msgspec.Struct, frozen=True, kw_only=True):
    """What is placed with this id goes to other devices, and stands still meanwhile."""

    place: int
    source: int
    to: int
    devices: tuple[int, ...]
    bytes: int
    pause_seconds: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Moves, in their order, after which a request fits on `devices` of `node`."""

    moves: tuple[PlannedMove, ...]
    node: int
    devices: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """What is copied in all."""
        return sum(move.bytes for move in self.moves)

    @property
    def pause_seconds(self) -> float:
        """How long they stand still, one after the other."""
        return sum(move.pause_seconds for move in self.moves)


class _Way(NamedTuple):
    """Who would leave a node."""

    bytes: int
    share: int
    node: int
    leaving: tuple[Place, ...]


def plan_moves(
    engine: Engine,
    request: Request,
    *,
    most_moves: int = MOST_MOVES,
    bytes_per_second: float = BYTES_PER_SECOND,
) -> Plan | None:
    """The fewest moves that make room; None where so many don't. Changes nothing.

    A plan without moves says that it fits as it is.
    """
    place = engine.preview(request)
    if place is not None:
        return Plan(moves=(), node=place.node, devices=place.devices)
    trials = 0
    for count in range(1, most_moves + 1):
        for way in sorted(_ways(engine, request, count), key=lambda way: way[:3]):
            trials += 1
            if trials > MOST_TRIALS:
                return None
            plan = _tried(engine.copy(), request, way, bytes_per_second)
            if plan is not None:
                return plan
    return None


def _ways(engine: Engine, request: Request, count: int) -> Iterator[_Way]:
    """All sets of so many whose leaving would do."""
    for at, node in enumerate(engine.nodes):
        room = engine.room(at)
        there = engine.places(at)
        if obstacles(request, node, _emptied(room, there)):
            continue
        for leaving in combinations(there, count):
            if not obstacles(request, node, _emptied(room, leaving)):
                share = sum(place.request.total for place in leaving)
                yield _Way(sum(map(moved_bytes, leaving)), share, at, leaving)


def _tried(engine: Engine, request: Request, way: _Way, bytes_per_second: float) -> Plan | None:
    """The plan, if all who leave find a place; `engine` is there to be changed."""
    for place in way.leaving:
        engine.give_back(place.id)
    devices = tightest(request, engine.nodes[way.node], engine.room(way.node))
    if engine.place_at(request, way.node, devices) is None:
        return None
    moves: list[PlannedMove] = []
    for place in sorted(
        way.leaving, key=lambda one: (one.request.total, one.request.cpu), reverse=True
    ):
        found = _placed_elsewhere(engine, place.request, way.node)
        if found is None:
            return None
        size = moved_bytes(place)
        moves.append(
            PlannedMove(
                place=place.id,
                source=way.node,
                to=found.node,
                devices=found.devices,
                bytes=size,
                pause_seconds=size / bytes_per_second,
            )
        )
    return Plan(moves=tuple(moves), node=way.node, devices=devices)


def _placed_elsewhere(engine: Engine, request: Request, not_there: int) -> Place | None:
    scores = engine.scores(request)
    scores[not_there] = -1
    best = max(scores)
    if best < 0:
        return None
    node = scores.index(best)
    return engine.place_at(request, node, tightest(request, engine.nodes[node], engine.room(node)))


def moved_bytes(place: Place) -> int:
    """What of a place has to be copied when it moves: what it has of devices' memory."""
    return place.request.device_memory * place.request.devices


def tightest(request: Request, node: Node, room: Room) -> tuple[int, ...]:
    """Of the devices with room those with the least share left, the first of equals."""
    roomy = [
        device
        for device in range(node.devices)
        if room.shares[device] >= request.share
        and room.device_memory[device] >= request.device_memory
    ]
    return tuple(sorted(roomy, key=lambda device: room.shares[device])[: request.devices])


def _emptied(room: Room, leaving: Sequence[Place]) -> Room:
    """What is free once these have left."""
    shares, memory = list(room.shares), list(room.device_memory)
    for place in leaving:
        for device in place.devices:
            shares[device] += place.request.share
            memory[device] += place.request.device_memory
    return Room(
        cpu=room.cpu + sum(place.request.cpu for place in leaving),
        memory=room.memory + sum(place.request.memory for place in leaving),
        shares=tuple(shares),
        device_memory=tuple(memory),
    )
