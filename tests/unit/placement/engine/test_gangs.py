"""Gangs, neighbours and islands: who goes beside whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aliquot.placement.engine import (
    WHOLE,
    Claim,
    Engine,
    Node,
    Placer,
    Policy,
    Request,
    typical_requests,
)
from aliquot.placement.engine.gangs import place_gang
from aliquot.placement.engine.neighbours import Neighbours, Relation, Rule
from tests.unit.placement.engine.clusters import nodes, requests

RACKS = [
    Node(name=f"{rack}{at}", cpu=64, memory=64, devices=4, domain=rack)
    for rack in "abc"
    for at in range(2)
]
PAIR = Request(cpu=8, devices=2, share=WHOLE)


@given(nodes(), st.lists(requests(), max_size=15), st.lists(requests(), max_size=5), st.booleans())
def test_all_of_a_gang_are_placed_or_nothing_changes(
    cluster: list[Node], filling: list[Request], gang: list[Request], own_nodes: bool
) -> None:
    engine = Engine(cluster, Policy.ALIQUOT, typical_requests([*filling, *gang]))
    for request in filling:
        engine.place(request)
    placer = Placer(engine)
    before = [engine.room(at) for at in range(len(cluster))]
    found, cut_off = place_gang(placer, [Claim(request=one) for one in gang], own_nodes=own_nodes)
    assert not cut_off
    if found is None:
        assert [engine.room(at) for at in range(len(cluster))] == before
        return
    assert [place.request for place in found] == gang
    assert not own_nodes or len({place.node for place in found}) == len(gang)
    for place in found:
        assert placer.give_back(place.id).request == place.request
    assert [engine.room(at) for at in range(len(cluster))] == before


def test_a_gang_stays_in_one_domain_where_it_is_to() -> None:
    engine = Engine(RACKS, Policy.BEST_FIT)
    assert engine.place_at(Request(devices=3, share=WHOLE), 0, [0, 1, 2]) is not None
    placer, pair = Placer(engine), Claim(request=PAIR)
    found = place_gang(placer, [pair] * 4, one_domain=True).places
    assert found is not None
    assert len({RACKS[place.node].domain for place in found}) == 1
    assert place_gang(placer, [pair] * 5, one_domain=True).places is None
    assert place_gang(placer, [pair] * 5).places is not None


def test_neighbours() -> None:
    there = Neighbours(RACKS)
    apart = Rule(relation=Relation.APART, label="db")
    together = Rule(relation=Relation.TOGETHER, label="db", by_domain=True)
    spread = Rule(relation=Relation.SPREAD, label="db")
    assert there.allowed([apart, together, spread]) == bytes([1] * 6)
    there.add(0, ["db", "x"])
    assert there.allowed([apart]) == bytes([0, 1, 1, 1, 1, 1])
    assert there.allowed([together]) == bytes([1, 1, 0, 0, 0, 0])
    assert there.allowed([apart, together]) == bytes([0, 1, 0, 0, 0, 0])
    assert there.allowed([spread]) == bytes([0, 0, 1, 1, 1, 1])
    there.remove(0, ["db", "x"])
    assert there.allowed([apart, together, spread]) == bytes([1] * 6)


def test_who_may_go_nowhere_is_not_placed() -> None:
    engine = Engine(RACKS, Policy.ALIQUOT, typical_requests([PAIR]))
    assert engine.place(PAIR, bytes(6)) is None
    place = engine.place(PAIR, bytes([0, 0, 0, 1, 0, 0]))
    assert place is not None
    assert place.node == 3


def test_several_devices_come_from_one_island_where_one_has_them() -> None:
    node = Node(name="n", cpu=64, memory=64, devices=6, islands=(0, 0, 1, 1, 1, 1))
    engine = Engine([node], Policy.BEST_FIT)
    assert engine.place_at(Request(devices=1, share=5000), 0, [0]) is not None
    first = engine.place(PAIR)  # the tightest two are of different islands
    assert first is not None
    assert first.devices == (2, 3)
    part = engine.place(Request(devices=2, share=5000))
    assert part is not None
    assert part.devices == (0, 1)  # the smallest island that is enough
    third = engine.place(PAIR)
    assert third is not None
    assert third.devices == (4, 5)
