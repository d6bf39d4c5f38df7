"""Places for a gang: claims that are of use together alone, so all get one or none does.

On nodes of their own the members are a matching in a bipartite graph, found with augmenting paths
(Kuhn, 1955), exactly and fast. Sharing nodes they are vectors packed into bins: a search that
places the hardest first, remembers states that failed, and is cut off after MOST_STEPS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from aliquot.placement.engine.claims import Claim
from aliquot.placement.engine.cluster import Place
from aliquot.placement.engine.placer import Placer

MOST_STEPS = 2_000


class Gang(NamedTuple):
    """A place for each member, in their order; None, and nothing changed, where not all have one.

    `cut_off`: the search was ended before it knew; then there may be a way after all.
    """

    places: tuple[Place, ...] | None
    cut_off: bool = False


def place_gang(
    placer: Placer, claims: Sequence[Claim], *, own_nodes: bool = False, one_domain: bool = False
) -> Gang:
    """Places for all claims.

    `own_nodes`: no two on one node. `one_domain`: all in one domain, the one whose places the
    policy likes best.
    """
    if not one_domain:
        return _placed(placer, claims, own_nodes)
    nodes = placer.engine.nodes
    best: tuple[int, list[Claim]] | None = None
    cut_off = False
    for domain in dict.fromkeys(node.domain for node in nodes):
        there = frozenset(at for at, node in enumerate(nodes) if node.domain == domain)
        within = [_within(claim, there) for claim in claims]
        found = _placed(placer.copy(), within, own_nodes)
        cut_off = cut_off or found.cut_off
        if found.places is not None:
            score = sum(place.score for place in found.places)
            if best is None or score > best[0]:
                best = (score, within)
    return Gang(None, cut_off) if best is None else _placed(placer, best[1], own_nodes)


def _within(claim: Claim, nodes: frozenset[int]) -> Claim:
    only = nodes if claim.nodes is None else claim.nodes & nodes
    return msgspec.structs.replace(claim, nodes=only)


def _placed(placer: Placer, claims: Sequence[Claim], own_nodes: bool) -> Gang:
    if own_nodes:
        return Gang(_matched(placer, claims))
    search = _Search(placer, claims)
    return Gang(search.run(), search.cut_off)


def _matched(placer: Placer, claims: Sequence[Claim]) -> tuple[Place, ...] | None:
    wishes = [[rank.node for rank in placer.ranked(claim)] for claim in claims]
    taken: dict[int, int] = {}  # by node, which member

    def match(member: int, tried: set[int]) -> bool:
        for node in wishes[member]:
            if node in tried:
                continue
            tried.add(node)
            if node not in taken or match(taken[node], tried):
                taken[node] = member
                return True
        return False

    for member in sorted(range(len(claims)), key=lambda at: len(wishes[at])):
        if not match(member, set()):
            return None
    node_of = {member: node for node, member in taken.items()}
    found: list[Place] = []
    for at, claim in enumerate(claims):
        place = placer.place_on(claim, node_of[at])
        if place is None:  # rules and quotas that members have together
            for one in found:
                placer.give_back(one.id)
            return None
        found.append(place)
    return tuple(found)


class _Search:
    """Of nodes that are as good as each other, one is tried: those with as much free, and with the
    same members of the gang; where members look at labels, each node is its own."""

    def __init__(self, placer: Placer, claims: Sequence[Claim]) -> None:
        self._placer = placer
        self._claims = claims
        self._order = sorted(range(len(claims)), key=self._hardness)
        alike = not any(claim.labels or claim.rules for claim in claims)
        self._kinds = list(self._kinds_of_nodes() if alike else range(len(placer.engine.nodes)))
        self._there: dict[int, list[Claim]] = {}  # by node, members
        self._failed: set[tuple[int, frozenset[object]]] = set()
        self._steps = 0
        self._found: dict[int, Place] = {}

    @property
    def cut_off(self) -> bool:
        return self._steps > MOST_STEPS

    def run(self) -> tuple[Place, ...] | None:
        if not self._could() or not self._place(0):
            return None
        return tuple(self._found[at] for at in range(len(self._claims)))

    def _hardness(self, at: int) -> tuple[int, int, int, int, int]:
        claim = self._claims[at]
        request = claim.request
        memory = request.device_memory * request.devices
        return (len(self._placer.ranked(claim)), -memory, -request.total, -request.cpu, at)

    def _kinds_of_nodes(self) -> Iterator[object]:
        """What is the same of nodes that are as good as each other for all members."""
        engine = self._placer.engine
        wanted = {claim.nodes for claim in self._claims if claim.nodes is not None}
        for at, node in enumerate(engine.nodes):
            will_do = tuple(at in nodes for nodes in wanted)
            yield (engine.room(at), node.model, node.stands_in, will_do)

    def _could(self) -> bool:
        """Whether all fit at least into the sum of all rooms."""
        rooms = [self._placer.engine.room(at) for at in range(len(self._kinds))]
        requests = [claim.request for claim in self._claims]
        return sum(one.total for one in requests) <= sum(sum(room.shares) for room in rooms) and (
            sum(one.device_memory * one.devices for one in requests)
            <= sum(sum(room.device_memory) for room in rooms)
        )

    def _place(self, depth: int) -> bool:
        if depth == len(self._order):
            return True
        self._steps += 1
        if self.cut_off:
            return False
        state = (depth, self._state())
        if state in self._failed:
            return False
        at = self._order[depth]
        claim = self._claims[at]
        for rank in self._placer.ranked(claim):
            place = self._placer.place_on(claim, rank.node)
            if place is None:
                continue
            self._there.setdefault(rank.node, []).append(claim)
            if self._place(depth + 1):
                self._found[at] = place
                return True
            self._there[rank.node].pop()
            self._placer.give_back(place.id)
        if not self.cut_off:
            self._failed.add(state)
        return False

    def _state(self) -> frozenset[object]:
        """Which members are on nodes of which kind, whatever the nodes."""
        nodes = (
            (self._kinds[node], frozenset(Counter(there).items()))
            for node, there in self._there.items()
            if there
        )
        return frozenset(Counter(nodes).items())
