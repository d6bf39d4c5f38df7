"""The engine with those rules that aren't of size: neighbours, classes, quotas, who stands in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from aliquot.model.shares import PriorityClass, PriorityMix
from aliquot.placement.engine.claims import Claim
from aliquot.placement.engine.cluster import Place
from aliquot.placement.engine.engine import Engine
from aliquot.placement.engine.mix import Breach, Classes
from aliquot.placement.engine.neighbours import Label, Neighbours
from aliquot.placement.engine.obstacles import Obstacle, obstacles
from aliquot.placement.engine.quotas import Quotas


class Rank(NamedTuple):
    """A node where a claim may go, and how good it is there."""

    node: int
    score: int


class Placer:
    """A cluster whose places are those of claims. `engine` tells what is free."""

    def __init__(
        self,
        engine: Engine,
        *,
        quotas: Quotas | None = None,
        mixes: Sequence[PriorityMix] | None = None,
    ) -> None:
        """Take charge of an engine on which nothing is placed yet. `mixes`: one for each node."""
        self.engine = engine
        self.quotas = quotas or Quotas()
        self._neighbours = Neighbours(engine.nodes)
        any_mix: PriorityMix = {}
        self._classes = Classes(mixes if mixes is not None else [any_mix] * len(engine.nodes))
        self._claims: dict[int, Claim] = {}  # by the ids of their places
        self._nodes_of: dict[int, int] = {}
        self._tiers = _tiers(engine)

    def copy(self) -> Placer:
        """The same with all that is placed, to try something on."""
        copied = Placer.__new__(Placer)
        copied.__dict__.update(self.__dict__)
        copied.engine = self.engine.copy()
        copied.quotas = self.quotas.copy()
        copied._neighbours = self._neighbours.copy()
        copied._classes = self._classes.copy()
        copied._claims = dict(self._claims)
        copied._nodes_of = dict(self._nodes_of)
        return copied

    def add(self, node: int, labels: Collection[Label], priority: PriorityClass) -> None:
        """Something is on a node that has no place of this placer's: what it has is held there."""
        self._neighbours.add(node, labels)
        self._classes.add(node, priority)

    def place(self, claim: Claim) -> Place | None:
        """Place a claim where it is best; None where it may or can go nowhere."""
        if self.quotas.lacking(claim.tenant, claim.request):
            return None
        for allowed in self._allowed(claim):
            place = self.engine.place(claim.request, allowed)
            if place is not None:
                return self._noted(claim, place)
        return None

    def place_on(self, claim: Claim, node: int) -> Place | None:
        """Place a claim on a node, on devices that its policy chooses; None where it may not be."""
        if not self._may(claim, node) or self.quotas.lacking(claim.tenant, claim.request):
            return None
        only = bytearray(len(self.engine.nodes))
        only[node] = 1
        place = self.engine.place(claim.request, bytes(only))
        return None if place is None else self._noted(claim, place)

    def place_at(self, claim: Claim, node: int, devices: Sequence[int]) -> Place | None:
        """Place a claim where it is already: only its size is looked at."""
        place = self.engine.place_at(claim.request, node, devices)
        return None if place is None else self._noted(claim, place)

    def preview(self, claim: Claim) -> Place | None:
        """Where a claim would go; its place has no id yet (-1)."""
        if self.quotas.lacking(claim.tenant, claim.request):
            return None
        found = (self.engine.preview(claim.request, allowed) for allowed in self._allowed(claim))
        return next((place for place in found if place is not None), None)

    def give_back(self, place: int) -> Claim:
        """Free what is placed, by its id; raises KeyError where there is no such place."""
        claim = self._claims.pop(place)
        node = self._nodes_of.pop(place)
        self.engine.give_back(place)
        self._neighbours.remove(node, claim.labels)
        self._classes.remove(node, claim.priority)
        self.quotas.remove(claim.tenant, claim.request)
        return claim

    def claim_of(self, place: int) -> Claim:
        """The claim of what is placed, by its id; raises KeyError where there is no such place."""
        return self._claims[place]

    def ranked(self, claim: Claim) -> list[Rank]:
        """All nodes where a claim may go, the best first: where it would go is the first."""
        if self.quotas.lacking(claim.tenant, claim.request):
            return []
        scores = self.engine.scores(claim.request)
        found: list[Rank] = []
        for allowed in self._allowed(claim):
            tier = [
                Rank(node, score)
                for node, score in enumerate(scores)
                if score >= 0 and (allowed is None or allowed[node])
            ]
            found += sorted(tier, key=lambda rank: -rank.score)
        return found

    def obstacles(self, claim: Claim, node: int) -> tuple[Obstacle, ...]:
        """All that keeps a claim from a node; nothing where it may go."""
        found: list[Obstacle] = []
        if claim.nodes is not None and node not in claim.nodes:
            found.append(Obstacle.NODE)
        if claim.rules and not self._neighbours.allowed(claim.rules)[node]:
            found.append(Obstacle.RULE)
        if not self._classes.allow(node, claim.priority):
            found.append(Obstacle.MIX)
        found += self.quotas.lacking(claim.tenant, claim.request)
        found += obstacles(claim.request, self.engine.nodes[node], self.engine.room(node))
        return tuple(found)

    def breach(self, node: int, priority: PriorityClass) -> Breach | None:
        """What a node's mix says against one more of a class; None where that may come."""
        return self._classes.breach(node, priority)

    def _may(self, claim: Claim, node: int) -> bool:
        """Whether a claim may go to a node, whatever is free there."""
        return (
            (claim.nodes is None or node in claim.nodes)
            and (not claim.rules or bool(self._neighbours.allowed(claim.rules)[node]))
            and self._classes.allow(node, claim.priority)
        )

    def _allowed(self, claim: Claim) -> list[bytes | None]:
        """A byte for each node, where a claim may go; those that stand in for others come last."""
        if claim.nodes is None and not claim.rules and not self._classes.mixed:
            return self._tiers
        mask = bytearray(self._neighbours.allowed(claim.rules))
        for node in range(len(mask)):
            if claim.nodes is not None and node not in claim.nodes:
                mask[node] = 0
            elif mask[node]:
                mask[node] = self._classes.allow(node, claim.priority)
        if len(self._tiers) == 1:
            return [bytes(mask)]
        return [
            bytes(one & other for one, other in zip(mask, tier or mask, strict=True))
            for tier in self._tiers
        ]

    def _noted(self, claim: Claim, place: Place) -> Place:
        self._claims[place.id] = claim
        self._nodes_of[place.id] = place.node
        self._neighbours.add(place.node, claim.labels)
        self._classes.add(place.node, claim.priority)
        self.quotas.add(claim.tenant, claim.request)
        return place


def _tiers(engine: Engine) -> list[bytes | None]:
    """The nodes by whether they stand in for others, as bytes; None where all are alike."""
    stands_in = [node.stands_in for node in engine.nodes]
    if len(set(stands_in)) <= 1:
        return [None]
    return [bytes(one is wanted for one in stands_in) for wanted in (False, True)]
