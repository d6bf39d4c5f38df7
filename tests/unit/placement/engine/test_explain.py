"""What is told of a request is true: each change and each move makes it fit."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aliquot.placement.engine import WHOLE, Engine, Node, Policy, Request, typical_requests
from aliquot.placement.engine.explain import explain
from aliquot.placement.engine.obstacles import obstacles
from tests.unit.placement.engine.clusters import could_go, nodes, requests

FILLING = st.lists(requests(), max_size=25)


def filled(cluster: list[Node], filling: list[Request]) -> Engine:
    engine = Engine(cluster, Policy.ALIQUOT, typical_requests(filling))
    for request in filling:
        engine.place(request)
    return engine


@given(nodes(), FILLING, requests())
def test_an_explanation_is_true(
    cluster: list[Node], filling: list[Request], wanted: Request
) -> None:
    engine = filled(cluster, filling)
    before = [engine.room(at) for at in range(len(cluster))]
    told = explain(engine, wanted)
    assert [engine.room(at) for at in range(len(cluster))] == before
    could = [could_go(wanted, *pair) for pair in zip(cluster, before, strict=True)]
    assert told.fits == any(could)
    assert told.fitting == sum(could)
    place = engine.preview(wanted)
    if told.fits:
        assert place is not None
        assert told.why.startswith(engine.nodes[place.node].name)
        assert told.changes == ()
        assert told.move is None
        return
    for change in told.changes:
        assert engine.preview(change.request) is not None, change
        assert change.request != wanted
    if told.move is not None:
        assert engine.place_by_move(wanted, told.move).node == told.move.source


@given(nodes(), FILLING, requests())
def test_a_change_of_size_is_the_smallest(
    cluster: list[Node], filling: list[Request], wanted: Request
) -> None:
    engine = filled(cluster, filling)
    for change in explain(engine, wanted).changes:
        for field in ("cpu", "memory", "share", "device_memory", "devices"):
            asked, changed = getattr(wanted, field), getattr(change.request, field)
            if changed == asked:
                continue
            assert changed < asked
            more = msgspec.structs.replace(change.request, **{field: changed + 1})
            assert engine.preview(more) is None


@given(nodes(), FILLING, requests())
def test_obstacles_are_all_there_are(
    cluster: list[Node], filling: list[Request], wanted: Request
) -> None:
    engine = filled(cluster, filling)
    for at, node in enumerate(cluster):
        room = engine.room(at)
        assert (not obstacles(wanted, node, room)) == could_go(wanted, node, room)


def test_in_words() -> None:
    engine = Engine(
        [
            Node(name="small", cpu=4, memory=9, devices=1, model="A"),
            Node(name="large", cpu=8, memory=9, devices=2, model="B"),
        ],
        Policy.FGD,
    )
    whole = Request(cpu=4, devices=1, share=WHOLE)
    assert (
        explain(engine, whole).why
        == "small is the best of 2 that fit, the first of 2 that are as good"
    )
    assert explain(engine, Request(cpu=6)).why == "large is the only node that fits"
    refused = explain(engine, Request(cpu=9, devices=2, share=WHOLE, models=frozenset("B")))
    assert refused.why == (
        "of 2 nodes, 1 lacks CPU and a model that will do and devices; 1 lacks CPU"
    )
    assert [change.words for change in refused.changes] == ["with a CPU of 8 instead of 9"]
    refused = explain(engine, Request(devices=3, share=WHOLE))
    assert [change.words for change in refused.changes] == ["with 2 devices instead of 3"]
