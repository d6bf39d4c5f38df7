"""Plans of moves: they make room, exceed nothing on the way, and no fewer moves would do."""

from __future__ import annotations

from typing import Any

import pytest
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
    defragment,
    typical_requests,
)
from aliquot.placement.engine.defragment import plan_moves
from aliquot.placement.engine.obstacles import obstacles
from tests.unit.placement.engine.clusters import nodes, requests

FILLING = st.lists(requests(), max_size=20)


@given(nodes(), FILLING, requests())
def test_a_plan_can_be_carried_out(
    cluster: list[Node], filling: list[Request], wanted: Request
) -> None:
    engine = Engine(cluster, Policy.ALIQUOT, typical_requests(filling))
    placer = Placer(engine)
    places = [placer.place(Claim(request=request)) for request in filling]
    placed = {place.id: place for place in places if place is not None}
    before = [engine.room(at) for at in range(len(cluster))]
    plan = plan_moves(placer, Claim(request=wanted))
    assert [engine.room(at) for at in range(len(cluster))] == before
    one_move = engine.find_move(wanted)
    if plan is None:
        assert engine.preview(wanted) is None
        assert one_move is None
        return
    assert (plan.moves == ()) == (engine.preview(wanted) is not None)
    if one_move is not None and plan.moves:
        assert len(plan.moves) == 1
    # Every step by itself: what moves gives up its old place, and has room at the new one.
    for move in plan.moves:
        moved = placed[move.place]
        assert moved.node == move.source == plan.node != move.to
        assert engine.give_back(moved.id)
        assert engine.place_at(moved.request, move.to, move.devices) is not None
        assert move.bytes == moved.request.device_memory * moved.request.devices
    assert engine.place_at(wanted, plan.node, plan.devices) is not None


def test_the_fewest_moves_and_of_these_the_fewest_bytes() -> None:
    def node(name: str, devices: int) -> Node:
        return Node(name=name, cpu=100, memory=100, devices=devices, device_memory=100)

    engine = Engine([node("a", 2), node("b", 1), node("c", 1)], Policy.BEST_FIT)
    placer = Placer(engine)
    half = Request(devices=1, share=5000, device_memory=40)
    light = Request(devices=1, share=5000, device_memory=10)
    for request, at, device in ((half, 0, 0), (light, 0, 1), (half, 1, 0), (light, 2, 0)):
        assert placer.place_at(Claim(request=request), at, [device]) is not None
    plan = plan_moves(placer, Claim(request=Request(devices=1, share=WHOLE)))
    assert plan is not None
    (move,) = plan.moves
    assert move.bytes == plan.bytes == 10
    assert plan.pause_seconds > 0
    pair = Claim(request=Request(devices=2, share=WHOLE))
    both = plan_moves(placer, pair)
    assert both is not None
    assert len(both.moves) == 2
    assert {one.to for one in both.moves} == {1, 2}
    assert plan_moves(placer, pair, most_moves=1) is None
    assert plan_moves(placer, Claim(request=Request(devices=3, share=WHOLE))) is None


def test_those_that_are_alike_are_looked_at_once() -> None:
    def node(name: str) -> Node:
        return Node(name=name, cpu=0, memory=0, devices=1, device_memory=1000)

    placer = Placer(Engine([node("full"), *(node(f"n{at}") for at in range(3))], Policy.BEST_FIT))
    for _ in range(900):  # of these there are 121 million sets of three
        assert placer.place_at(Claim(request=Request(devices=1, device_memory=1)), 0, [0])
    for at in range(1, 4):
        placer.engine.hold(at, 0, 0, 999)
    wanted = Claim(request=Request(devices=1, device_memory=103))
    plan = plan_moves(placer, wanted)
    assert plan is not None
    assert [move.to for move in plan.moves] == [1, 2, 3]
    assert plan.bytes == 3


def test_the_search_for_several_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0

    def counting(*arguments: Any) -> Any:
        nonlocal looked_at
        looked_at += 1
        return obstacles(*arguments)

    monkeypatch.setattr(defragment, "obstacles", counting)
    sizes = range(100, 200)
    full = Node(name="full", cpu=0, memory=0, devices=1, device_memory=sum(sizes))
    other = Node(name="other", cpu=0, memory=0, devices=1, device_memory=199)
    placer = Placer(Engine([full, other], Policy.BEST_FIT))
    for size in sizes:
        assert placer.place_at(Claim(request=Request(devices=1, device_memory=size)), 0, [0])
    # Each could leave, and no two of them: 161,700 sets of three.
    assert plan_moves(placer, Claim(request=Request(devices=1, device_memory=350))) is None
    assert 2 * len(sizes) < looked_at <= len(sizes) + 2 * defragment.MOST_SETS + 6
