"""What is told of a claim is true: each change and each move makes it fit."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aliquot.model.shares import PriorityClass, PriorityMix
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
from aliquot.placement.engine.explain import explain
from aliquot.placement.engine.obstacles import Obstacle, hindrances, obstacles
from aliquot.placement.engine.quotas import Quota, Quotas
from tests.unit.placement.engine.clusters import claims, could_go, nodes, requests

FILLING = st.lists(claims(), max_size=25)
CLASSES = st.sampled_from(list(PriorityClass))
MIXES = st.dictionaries(st.tuples(CLASSES, CLASSES), st.integers(0, 2), max_size=3)
QUOTA = st.builds(
    Quota,
    device_memory=st.none() | st.integers(0, 20),
    share=st.none() | st.integers(0, 3 * WHOLE),
    places=st.none() | st.integers(0, 9),
)


def filled(
    cluster: list[Node], filling: list[Claim], quota: Quota, mix: PriorityMix | None = None
) -> Placer:
    """Every second node has the mix."""
    typical = typical_requests(claim.request for claim in filling)
    placer = Placer(
        Engine(cluster, Policy.ALIQUOT, typical),
        quotas=Quotas(default=quota),
        mixes=[(mix or {}) if at % 2 else {} for at in range(len(cluster))],
    )
    for claim in filling:
        placer.place(claim)
    return placer


@given(nodes(), FILLING, claims(), QUOTA, MIXES)
def test_an_explanation_is_true(
    cluster: list[Node], filling: list[Claim], wanted: Claim, quota: Quota, mix: PriorityMix
) -> None:
    placer = filled(cluster, filling, quota, mix)
    before = [placer.engine.room(at) for at in range(len(cluster))]
    told = explain(placer, wanted)
    assert [placer.engine.room(at) for at in range(len(cluster))] == before
    free = [at for at in range(len(cluster)) if not placer.obstacles(wanted, at)]
    assert told.place == placer.preview(wanted)
    assert told.fitting == len(free)
    if told.place is not None:
        assert told.place.node in free
        assert 1 <= told.as_good <= told.fitting
        assert not told.changes
        assert told.move is None
        return
    for change in told.changes:
        assert placer.preview(change.claim) is not None, change
        assert not placer.obstacles(change.claim, change.node)
        assert change.claim != wanted
    if told.move is not None:
        assert len(told.move.moves) == 1


@given(nodes(), FILLING, claims(), QUOTA)
def test_a_change_of_size_is_the_smallest(
    cluster: list[Node], filling: list[Claim], wanted: Claim, quota: Quota
) -> None:
    placer = filled(cluster, filling, quota)
    for change in explain(placer, wanted).changes:
        for field in ("cpu", "memory", "share", "device_memory", "devices"):
            asked = getattr(wanted.request, field)
            changed = getattr(change.claim.request, field)
            if changed == asked:
                continue
            assert changed < asked
            more = msgspec.structs.replace(change.claim.request, **{field: changed + 1})
            claim = msgspec.structs.replace(change.claim, request=more)
            assert placer.preview(claim) is None


@given(nodes(), st.lists(requests(), max_size=25), requests())
def test_obstacles_are_all_there_are(
    cluster: list[Node], filling: list[Request], wanted: Request
) -> None:
    engine = filled(cluster, [Claim(request=one) for one in filling], Quota()).engine
    for at, node in enumerate(cluster):
        room = engine.room(at)
        assert (not obstacles(wanted, node, room)) == could_go(wanted, node, room)


def test_what_is_told() -> None:
    placer = Placer(
        Engine(
            [
                Node(name="small", cpu=4, memory=9, devices=1, model="A"),
                Node(name="large", cpu=8, memory=9, devices=2, model="B"),
            ],
            Policy.FGD,
        )
    )
    told = explain(placer, Claim(request=Request(cpu=4, devices=1, share=WHOLE)))
    assert told.place is not None
    assert (told.place.node, told.fitting, told.as_good) == (0, 2, 2)
    wanted = Request(cpu=9, devices=2, share=WHOLE, models=frozenset("B"))
    refused = explain(placer, Claim(request=wanted))
    assert refused.lacking == (
        (Obstacle.CPU, Obstacle.MODEL, Obstacle.DEVICES),
        (Obstacle.CPU,),
    )
    assert hindrances(Counter(refused.lacking)) == (
        "1 lacks CPU and a model that will do and devices; 1 lacks CPU"
    )
    (change,) = refused.changes
    assert (change.obstacle, change.node, change.claim.request.cpu) == (Obstacle.CPU, 1, 8)
    refused = explain(placer, Claim(request=Request(devices=3, share=WHOLE)))
    assert [change.claim.request.devices for change in refused.changes] == [2]


def test_where_only_the_class_is_in_the_way_the_others_are_told() -> None:
    latency, batch = PriorityClass.LATENCY, PriorityClass.BATCH
    node = Node(name="n", cpu=9, memory=9, devices=1)
    placer = Placer(Engine([node], Policy.BEST_FIT), mixes=[{(latency, batch): 0}])
    small = Request(devices=1, share=1000)
    assert placer.place(Claim(request=small, priority=latency)) is not None
    told = explain(placer, Claim(request=small, priority=batch))
    assert told.lacking == ((Obstacle.MIX,),)
    assert [change.obstacle for change in told.changes] == [Obstacle.MIX, Obstacle.MIX]
    assert {change.claim.priority for change in told.changes} == {latency, PriorityClass.NORMAL}
