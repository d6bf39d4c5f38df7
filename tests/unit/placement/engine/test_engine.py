"""The engine against its rules in other words, in small clusters made at random."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot.errors import BadNodeList, ImpossibleRequest, UnknownPlacementPolicy
from aliquot.placement.engine import (
    WHOLE,
    Engine,
    Node,
    Place,
    Policy,
    Request,
    policy_named,
    typical_requests,
)
from tests.unit.placement.engine.clusters import could_go, fragmented, left, nodes, requests

POLICIES = st.sampled_from(list(Policy))


class History:
    """An engine, and what it should have placed by now."""

    def __init__(self, cluster: list[Node], policy: Policy, asked: list[Request]) -> None:
        self.engine = Engine(cluster, policy, typical_requests(asked), seed=7)
        self.placed: dict[int, Place] = {}

    def step(self, request: Request, leaves: int | None) -> Place | None:
        """Whoever is the `leaves`th goes first."""
        if leaves is not None and self.placed:
            gone = sorted(self.placed)[leaves % len(self.placed)]
            assert self.engine.give_back(gone)
            assert not self.engine.give_back(gone)
            del self.placed[gone]
        place = self.engine.place(request)
        if place is not None:
            self.placed[place.id] = place
        return place


STEPS = st.lists(st.tuples(requests(), st.none() | st.integers(0, 9)), min_size=1, max_size=25)


@given(nodes(), POLICIES, STEPS)
def test_no_capacity_is_ever_exceeded_and_nothing_is_refused_that_fits(
    cluster: list[Node], policy: Policy, steps: list[tuple[Request, int | None]]
) -> None:
    history = History(cluster, policy, [request for request, _ in steps])
    for request, leaves in steps:
        place = history.step(request, leaves)
        rooms = [history.engine.room(at) for at in range(len(cluster))]
        for at, node in enumerate(cluster):
            there = [one for one in history.placed.values() if one.node == at]
            assert rooms[at] == left(node, there)
            assert {one.id: one.devices for one in history.engine.places(at)} == {
                one.id: one.devices for one in there
            }
            numbers = (rooms[at].cpu, rooms[at].memory, *rooms[at].shares, *rooms[at].device_memory)
            assert min(numbers) >= 0
        if place is None:
            assert not any(map(could_go, [request] * len(cluster), cluster, rooms))
        else:
            assert len(set(place.devices)) == request.devices


@given(nodes(), POLICIES, STEPS)
def test_the_same_seed_gives_the_same_places(
    cluster: list[Node], policy: Policy, steps: list[tuple[Request, int | None]]
) -> None:
    asked = [request for request, _ in steps]
    one, other = (History(cluster, policy, asked) for _ in range(2))
    assert [one.step(*step) for step in steps] == [other.step(*step) for step in steps]


@given(nodes(), POLICIES, STEPS)
def test_scores_that_are_kept_are_those_of_an_engine_that_looks_for_the_first_time(
    cluster: list[Node], policy: Policy, steps: list[tuple[Request, int | None]]
) -> None:
    asked = [request for request, _ in steps]
    history = History(cluster, policy, asked)
    for step in steps:
        history.step(*step)
    anew = Engine(cluster, policy, typical_requests(asked), seed=7)
    for place in history.placed.values():
        assert anew.place_at(place.request, place.node, place.devices) is not None
    for request in asked:
        assert history.engine.scores(request) == anew.scores(request)


@given(nodes(), STEPS)
def test_fragmentation_and_fgd_are_as_their_paper_defines_them(
    cluster: list[Node], steps: list[tuple[Request, int | None]]
) -> None:
    asked = [request for request, _ in steps]
    typical = typical_requests(asked)
    history = History(cluster, Policy.FGD, asked)
    for step in steps:
        history.step(*step)
    engine = history.engine
    rooms = [engine.room(at) for at in range(len(cluster))]
    wasted = [fragmented(*pair, typical) for pair in zip(cluster, rooms, strict=True)]
    assert engine.fragmented() == pytest.approx(float(sum(wasted)), abs=1e-6)
    request = asked[0]
    for at, score in enumerate(engine.scores(request)):
        if not could_go(request, cluster[at], rooms[at]):
            assert score == -1
            continue
        places = [*engine.places(at)]
        options: list[float] = []
        for devices in _choices(request, rooms[at].shares, rooms[at].device_memory):
            new = Place(id=-1, request=request, node=at, devices=devices)
            after = fragmented(cluster[at], left(cluster[at], [*places, new]), typical)
            gain = float(wasted[at] - after) / WHOLE
            options.append(100 / (1 + exp(-gain)))
        # The engine adds up in another order: a score just below an integer may come out as it.
        assert int(max(options) - 1e-9) <= score <= int(max(options) + 1e-9)


def _choices(
    request: Request, shares: tuple[int, ...], memory: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """For a part of a device each that has room; for more the tightest."""
    roomy = [
        at
        for at, share in enumerate(shares)
        if share >= request.share and memory[at] >= request.device_memory
    ]
    if request.devices == 1 and request.share < WHOLE:
        return [(at,) for at in roomy]
    return [tuple(sorted(roomy, key=lambda at: shares[at])[: request.devices])]


@given(nodes(), STEPS, requests())
def test_a_move_makes_room_and_leaves_all_others_where_they_are(
    cluster: list[Node], steps: list[tuple[Request, int | None]], wanted: Request
) -> None:
    history = History(cluster, Policy.ALIQUOT, [request for request, _ in steps])
    for step in steps:
        history.step(*step)
    engine = history.engine
    if engine.preview(wanted) is not None:
        return
    before = dict(history.placed)
    move = engine.find_move(wanted)
    if move is None:
        assert not _any_move(cluster, before, wanted)
        return
    place = engine.place_by_move(wanted, move)
    assert place.node == move.source == before[move.moved].node
    after = {one.id: one for at in range(len(cluster)) for one in engine.places(at)}
    assert after.keys() == before.keys() | {place.id}
    assert after[move.moved].node == move.to != move.source
    assert all(
        after[one.id].devices == one.devices for one in before.values() if one.id != move.moved
    )
    for at, node in enumerate(cluster):
        room = engine.room(at)
        assert room == left(node, [one for one in after.values() if one.node == at])
        assert min(room.cpu, room.memory, *room.shares, *room.device_memory, 0) == 0


@given(nodes(), STEPS, requests())
def test_an_exchange_makes_room_and_leaves_all_others_where_they_are(
    cluster: list[Node], steps: list[tuple[Request, int | None]], wanted: Request
) -> None:
    history = History(cluster, Policy.ALIQUOT, [request for request, _ in steps])
    for step in steps:
        history.step(*step)
    engine = history.engine
    exchange = engine.find_exchange(wanted)
    if exchange is None:
        return
    before = dict(history.placed)
    larger, smaller = before[exchange.larger], before[exchange.smaller]
    place = engine.place_by_exchange(wanted, exchange)
    assert (place.node, place.devices) == (larger.node, larger.devices)
    after = {one.id: one for at in range(len(cluster)) for one in engine.places(at)}
    assert (after[larger.id].node, after[larger.id].devices) == (smaller.node, smaller.devices)
    assert (after[smaller.id].node, after[smaller.id].devices) == (larger.node, larger.devices)
    for one in before.values():
        if one.id not in (larger.id, smaller.id):
            assert (after[one.id].node, after[one.id].devices) == (one.node, one.devices)
    for at, node in enumerate(cluster):
        room = engine.room(at)
        assert room == left(node, [one for one in after.values() if one.node == at])
        assert min(room.cpu, room.memory, *room.shares, *room.device_memory) >= 0


def test_an_exchange_uses_what_is_left_on_two_devices() -> None:
    engine = Engine([Node(name="n", cpu=9, memory=9, devices=2)], Policy.BEST_FIT)
    for share, device in ((6500, 0), (1900, 0), (4700, 1), (3200, 1)):
        place = engine.place_at(Request(devices=1, share=share), 0, [device])
        assert place is not None
    wanted = Request(devices=1, share=3000)  # 1600 are left on one, 2100 on the other
    assert engine.place(wanted) is None
    exchange = engine.find_exchange(wanted)
    assert exchange is not None
    found = engine.place_by_exchange(wanted, exchange)
    assert found.devices == (1,)  # 1900 went where 3200 was, which takes what is left beside 6500
    assert sorted(engine.room(0).shares) == [300, 400]
    assert engine.find_exchange(Request(devices=1, share=WHOLE)) is None


def _any_move(cluster: list[Node], placed: dict[int, Place], wanted: Request) -> bool:
    def room(at: int, without: int) -> bool:
        there = [one for one in placed.values() if one.node == at and one.id != without]
        request = wanted if at == placed[without].node else placed[without].request
        return could_go(request, cluster[at], left(cluster[at], there))

    return any(
        room(one.node, one.id)
        and any(room(at, one.id) for at in range(len(cluster)) if at != one.node)
        for one in placed.values()
    )


def test_what_no_node_could_have_is_refused() -> None:
    engine = Engine([Node(name="n", cpu=1, memory=1, devices=1)], Policy.FGD)
    for impossible in (
        Request(devices=17, share=WHOLE),
        Request(devices=1, share=WHOLE + 1),
        Request(devices=1),
        Request(share=1),
        Request(cpu=-1),
    ):
        with pytest.raises(ImpossibleRequest) as raised:
            engine.place(impossible)
        assert raised.value.code == "ALQ-E704"


def test_a_cluster_of_too_many_models_or_devices_is_refused() -> None:
    many = [Node(name=f"n{at}", cpu=1, memory=1, devices=1, model=f"m{at}") for at in range(65)]
    for cluster in (many, [Node(name="n", cpu=1, memory=1, devices=17)]):
        with pytest.raises(BadNodeList):
            Engine(cluster, Policy.FGD)


def test_policies_are_found_however_they_are_spelt() -> None:
    assert policy_named("FGD") is Policy.FGD
    assert policy_named("GPU packing") is policy_named("gpu_packing") is Policy.GPU_PACKING
    assert policy_named("DotProd") is policy_named("dot-product") is Policy.DOT_PRODUCT
    with pytest.raises(UnknownPlacementPolicy):
        policy_named("tetris")


@pytest.mark.parametrize("policy", list(Policy))
def test_nodes_of_sixteen_devices_are_placed_on(policy: Policy) -> None:
    asked = [Request(cpu=1, devices=1, share=WHOLE), Request(cpu=1, devices=1, share=4000)] * 20
    node = Node(name="n", cpu=99, memory=9, devices=16)
    engine = Engine([node, node], policy, typical_requests(asked), seed=1)
    assert all(engine.place(request) is not None for request in asked[:28])


def test_a_place_that_somebody_else_chose_is_refused_where_it_does_not_fit() -> None:
    engine = Engine([Node(name="n", cpu=4, memory=4, devices=2)], Policy.BEST_FIT)
    half = Request(cpu=1, devices=1, share=6000)
    assert engine.place_at(half, 0, [0]) is not None
    assert engine.place_at(half, 0, [0]) is None  # its share is taken
    assert engine.place_at(half, 0, [2]) is None  # there is no such device
    assert engine.place_at(half, 0, [0, 1]) is None  # it wants one
    assert engine.place_at(half, 0, [1]) is not None
