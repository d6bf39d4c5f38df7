"""Small clusters and requests made at random, and the rules of placement in other words."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from aliquot.model.shares import PriorityClass
from aliquot.placement.engine import WHOLE, Claim, Node, Place, Request, Room, Typical
from aliquot.placement.engine.neighbours import Relation, Rule

MODELS = ("A", "B", "C")
SHARES = (1_000, 2_500, 3_000, 5_000, 7_000, WHOLE)


@st.composite
def nodes(draw: st.DrawFn) -> list[Node]:
    """One to six nodes; some have no devices."""
    return [
        Node(
            name=f"n{number}",
            cpu=draw(st.sampled_from([4_000, 8_000, 16_000])),
            memory=draw(st.sampled_from([8, 16, 64])),
            devices=draw(st.integers(0, 4)),
            model=draw(st.sampled_from(MODELS)),
            device_memory=draw(st.sampled_from([0, 10, 20])),
            domain=draw(st.sampled_from(["x", "y"])),
            stands_in=draw(st.sampled_from([False, False, True])),
        )
        for number in range(draw(st.integers(1, 6)))
    ]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """For no device, for a part of one, for whole ones, for parts of several."""
    devices = draw(st.integers(0, 3))
    return Request(
        cpu=draw(st.sampled_from([0, 1_000, 2_000, 5_000])),
        memory=draw(st.sampled_from([0, 1, 4, 9])),
        devices=devices,
        share=draw(st.sampled_from(SHARES)) if devices else 0,
        device_memory=draw(st.sampled_from([0, 0, 3, 8])) if devices else 0,
        models=draw(st.sampled_from([None, None, frozenset("A"), frozenset("BC"), frozenset("X")]))
        if devices
        else None,
    )


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """A request of one of two tenants, most of them with no rule."""
    rule = st.builds(
        Rule,
        relation=st.sampled_from(list(Relation)),
        label=st.sampled_from("pq"),
        by_domain=st.booleans(),
    )
    return Claim(
        request=draw(requests()),
        labels=draw(st.frozensets(st.sampled_from("pq"))),
        rules=draw(st.just(()) | st.just(()) | st.tuples(rule)),
        tenant=draw(st.sampled_from(["alice", "bob"])),
        priority=draw(st.sampled_from(list(PriorityClass))),
        nodes=draw(st.none() | st.none() | st.frozensets(st.integers(0, 5), min_size=1)),
    )


def could_go(request: Request, node: Node, room: Room) -> bool:
    """Whether a request fits, in other words than the engine's."""
    if request.cpu > room.cpu or request.memory > room.memory:
        return False
    if request.devices == 0:
        return True
    if request.models is not None and node.model not in request.models:
        return False
    rooms = zip(room.shares, room.device_memory, strict=True)
    roomy = [
        share
        for share, memory in rooms
        if share >= request.share and memory >= request.device_memory
    ]
    return len(roomy) >= request.devices


def left(node: Node, places: list[Place]) -> Room:
    """What is free on a node, reckoned from what is placed there."""
    shares = [WHOLE] * node.devices
    memory = [node.device_memory] * node.devices
    for place in places:
        for device in place.devices:
            shares[device] -= place.request.share
            memory[device] -= place.request.device_memory
    return Room(
        cpu=node.cpu - sum(place.request.cpu for place in places),
        memory=node.memory - sum(place.request.memory for place in places),
        shares=tuple(shares),
        device_memory=tuple(memory),
    )


def fragmented(node: Node, room: Room, typical: list[Typical]) -> Fraction:
    """FGD's measure as its paper defines it: what each class can't use of what is free."""
    total = Fraction(0)
    for one in typical:
        request = one.request
        usable = [share for share in room.shares if share >= request.share]
        fits = (
            request.devices > 0
            and (request.models is None or node.model in request.models)
            and room.cpu >= request.cpu
            and len(usable) >= request.devices
        )
        unusable = sum(room.shares) - (sum(usable) if fits else 0)
        total += Fraction(one.weight) * unusable
    return total
