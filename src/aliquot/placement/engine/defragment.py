"""The fewest moves that make room for a request, and what they cost.

Those that stand in its way on one node go elsewhere, the largest first, each to where the policy
wants it; nobody else moves. One move is tried before two, and of as many those of the fewest bytes:
exact for one move, while several may fail each other by the places they take. Those that are alike
are looked at once, and of several moves so many sets at most: whoever asks waits for the answer.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from aliquot.placement.engine.claims import Claim
from aliquot.placement.engine.cluster import Place, Request, Room
from aliquot.placement.engine.obstacles import obstacles
from aliquot.placement.engine.placer import Placer

MOST_MOVES = 3
MOST_SETS = 20_000  # of those who would leave together, for each number of them
MOST_TRIALS = 300
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
    placer: Placer,
    claim: Claim,
    *,
    most_moves: int = MOST_MOVES,
    bytes_per_second: float = BYTES_PER_SECOND,
) -> Plan | None:
    """The fewest moves that make room; None where so many don't. Changes nothing.

    A plan without moves says that it fits as it is. No move mends a quota.
    """
    place = placer.preview(claim)
    if place is not None:
        return Plan(moves=(), node=place.node, devices=place.devices)
    if placer.quotas.lacking(claim.tenant, claim.request):
        return None
    leavers = _Leavers(placer)
    trials = 0
    for count in range(1, most_moves + 1):
        for way in sorted(_ways(leavers, claim, count), key=lambda way: way[:3]):
            trials += 1
            if trials > MOST_TRIALS:
                return None
            plan = _tried(placer.copy(), claim, way, bytes_per_second)
            if plan is not None:
                return plan
    return None


class _Leavers:
    """Who of a node could leave it at all, as things are."""

    def __init__(self, placer: Placer) -> None:
        self.placer = placer
        self._homes: dict[Request, list[int]] = {}

    def on(self, node: int) -> list[Place]:
        """The largest first, those that are alike beside each other."""
        able = [place for place in self.placer.engine.places(node) if self._could(place)]
        first: dict[Hashable, int] = {}
        for place in able:
            first.setdefault(self.kind(place), place.id)
        return sorted(
            able,
            key=lambda one: (-moved_bytes(one), -one.request.total, first[self.kind(one)], one.id),
        )

    def kind(self, place: Place) -> Hashable:
        """What tells it from others of its node: as good as one of the same kind is the other."""
        return self.placer.claim_of(place.id), place.devices

    def _could(self, place: Place) -> bool:
        nodes = self.placer.claim_of(place.id).nodes
        return any(
            node != place.node and (nodes is None or node in nodes)
            for node in self._homes_of(place.request)
        )

    def _homes_of(self, request: Request) -> list[int]:
        """Where there is room for what is placed."""
        if request not in self._homes:
            scores = self.placer.engine.scores(request)
            self._homes[request] = [node for node, score in enumerate(scores) if score >= 0]
        return self._homes[request]


def _ways(leavers: _Leavers, claim: Claim, count: int) -> Iterator[_Way]:
    """Sets of so many whose leaving gives room: all of one, and of more as many as are looked at,
    the same number on each node."""
    engine, request = leavers.placer.engine, claim.request
    nodes: list[tuple[int, list[Place]]] = []
    for at, node in enumerate(engine.nodes):
        if claim.nodes is not None and at not in claim.nodes:
            continue
        there = leavers.on(at)
        if len(there) >= count and not obstacles(request, node, _emptied(engine.room(at), there)):
            nodes.append((at, there))
    most = None if count == 1 else MOST_SETS // max(1, len(nodes))
    for at, there in nodes:
        room = engine.room(at)
        kinds = [leavers.kind(place) for place in there]
        for leaving in islice(_sets(there, kinds, count), most):
            if not obstacles(request, engine.nodes[at], _emptied(room, leaving)):
                share = sum(place.request.total for place in leaving)
                yield _Way(sum(map(moved_bytes, leaving)), share, at, leaving)


def _sets(
    places: Sequence[Place], kinds: Sequence[Hashable], count: int, start: int = 0
) -> Iterator[tuple[Place, ...]]:
    """Sets of so many from a place on, of sets of the same kinds one."""
    if not count:
        yield ()
        return
    for at in range(start, len(places) - count + 1):
        if at == start or kinds[at] != kinds[at - 1]:
            for rest in _sets(places, kinds, count - 1, at + 1):
                yield (places[at], *rest)


def _tried(placer: Placer, claim: Claim, way: _Way, bytes_per_second: float) -> Plan | None:
    """The plan, if all who leave find a place; `placer` is there to be changed."""
    leaving = [(place, placer.give_back(place.id)) for place in way.leaving]
    placed = placer.place_on(claim, way.node)
    if placed is None:
        return None
    moves: list[PlannedMove] = []
    leaving.sort(key=lambda one: (one[0].request.total, one[0].request.cpu), reverse=True)
    for place, its_claim in leaving:
        found = _placed_elsewhere(placer, its_claim, way.node)
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
    return Plan(moves=tuple(moves), node=way.node, devices=placed.devices)


def _placed_elsewhere(placer: Placer, claim: Claim, not_there: int) -> Place | None:
    others = (rank.node for rank in placer.ranked(claim) if rank.node != not_there)
    node = next(others, None)
    return None if node is None else placer.place_on(claim, node)


def moved_bytes(place: Place) -> int:
    """What of a place has to be copied when it moves: what it has of devices' memory."""
    return place.request.device_memory * place.request.devices


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
