"""Plans of moves: they make room, exceed nothing on the way, and no fewer moves would do."""

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
from aliquot.placement.engine.defragment import plan_moves
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
