"""Rules that aren't of size: neighbours, classes, quotas, who stands in; in other words."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from aliquot.model.shares import PriorityClass, PriorityMix
from aliquot.placement.engine import (
    WHOLE,
    Claim,
    Engine,
    Node,
    Place,
    Placer,
    Policy,
    Request,
    typical_requests,
)
from aliquot.placement.engine.neighbours import Relation
from aliquot.placement.engine.quotas import Quota, Quotas
from tests.unit.placement.engine.clusters import claims, could_go, left, nodes

CLASSES = list(PriorityClass)
MIXES = st.dictionaries(
    st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), st.integers(0, 2), max_size=3
)
QUOTA = Quota(device_memory=20, share=3 * WHOLE, places=6)
STEPS = st.lists(st.tuples(claims(), st.none() | st.integers(0, 9)), min_size=1, max_size=20)

There = list[tuple[Claim, Place]]


def kept(claim: Claim, at: int, cluster: list[Node], there: There) -> bool:
    """Whether rules let a claim go to a node."""
    if claim.nodes is not None and at not in claim.nodes:
        return False
    for rule in claim.rules:
        labelled = [place.node for one, place in there if rule.label in one.labels]
        domain = cluster[at].domain
        if rule.by_domain:
            near = sum(cluster[node].domain == domain for node in labelled)
        else:
            near = labelled.count(at)
        if rule.relation is Relation.APART and near:
            return False
        if rule.relation is Relation.TOGETHER and labelled and not near:
            return False
        if rule.relation is Relation.SPREAD:
            counts = {node.domain: 0 for node in cluster}
            for node in labelled:
                counts[cluster[node].domain] += 1
            if counts[domain] + 1 - min(counts.values()) > rule.most_skew:
                return False
    return True


def mixed(classes: list[PriorityClass], mix: PriorityMix) -> bool:
    """Whether a node with these classes is as the mix wants it."""
    counts = Counter(classes)
    return all(
        counts[second] - (first is second) <= most
        for (first, second), most in mix.items()
        if counts[first]
    )


def within(claim: Claim, there: There) -> bool:
    """Whether a tenant's quota is enough for one more."""
    requests = [one.request for one, _ in there if one.tenant == claim.tenant] + [claim.request]
    assert QUOTA.device_memory is not None
    assert QUOTA.share is not None
    assert QUOTA.places is not None
    return (
        sum(one.device_memory * one.devices for one in requests) <= QUOTA.device_memory
        and sum(one.total for one in requests) <= QUOTA.share
        and len(requests) <= QUOTA.places
    )


@given(
    nodes(),
    STEPS,
    st.lists(MIXES, min_size=2, max_size=2),
    st.sampled_from([Policy.ALIQUOT, Policy.PACK, Policy.SPREAD]),
)
def test_every_rule_is_kept_and_nothing_is_refused_that_may_go(
    cluster: list[Node],
    steps: list[tuple[Claim, int | None]],
    two: list[PriorityMix],
    policy: Policy,
) -> None:
    mixes = [two[at % 2] for at in range(len(cluster))]  # every second node has one of its own
    typical = typical_requests(claim.request for claim, _ in steps)
    placer = Placer(Engine(cluster, policy, typical), quotas=Quotas(default=QUOTA), mixes=mixes)
    there: There = []
    for claim, leaves in steps:
        if leaves is not None and there:
            gone, place = there.pop(leaves % len(there))
            assert placer.give_back(place.id) == gone
        able = [
            at
            for at, node in enumerate(cluster)
            if could_go(
                claim.request, node, left(node, [one for _, one in there if one.node == at])
            )
            and kept(claim, at, cluster, there)
            and mixed([*(o.priority for o, p in there if p.node == at), claim.priority], mixes[at])
            and within(claim, there)
        ]
        assert [at for at in range(len(cluster)) if not placer.obstacles(claim, at)] == able
        assert sorted(rank.node for rank in placer.ranked(claim)) == able
        before = placer.copy()
        place = placer.place(claim)
        assert (place is None) == (not able)
        if place is None:
            continue
        assert place.node == before.ranked(claim)[0].node
        first_choice = [at for at in able if not cluster[at].stands_in]
        assert place.node in (first_choice or able)
        there.append((claim, place))


def test_two_of_class_latency_share_a_node_and_none_with_batch() -> None:
    mix = {
        (PriorityClass.LATENCY, PriorityClass.LATENCY): 1,
        (PriorityClass.LATENCY, PriorityClass.BATCH): 0,
    }
    nodes = [Node(name=name, cpu=9, memory=9, devices=1) for name in "ab"]
    placer = Placer(Engine(nodes, Policy.BEST_FIT), mixes=[mix] * len(nodes))

    def placed(priority: PriorityClass) -> int | None:
        found = placer.place(Claim(request=Request(devices=1, share=1000), priority=priority))
        return found and found.node

    assert [placed(PriorityClass.LATENCY) for _ in range(3)] == [0, 0, 1]
    assert placed(PriorityClass.BATCH) is None
    assert [placed(PriorityClass.NORMAL) for _ in range(2)] == [0, 0]


def test_pack_fills_the_fullest_and_spread_the_emptiest_device() -> None:
    node = Node(name="n", cpu=9, memory=9, devices=3, device_memory=100)
    for policy, wanted in ((Policy.PACK, 1), (Policy.SPREAD, 2)):
        engine = Engine([node], Policy.FGD)
        for device, share, memory in ((0, 2000, 10), (1, 100, 60), (2, 1000, 5)):
            engine.hold(0, device, share, memory)
        place = engine.place(Request(devices=1, share=1000, device_memory=10, policy=policy))
        assert place is not None
        assert place.devices == (wanted,)


def test_more_may_be_held_than_there_is() -> None:
    node = Node(name="n", cpu=9, memory=9, devices=1, device_memory=100)
    engine = Engine([node], Policy.PACK)
    engine.hold(0, 0, 3 * WHOLE, 20)
    assert engine.room(0).shares == (0,)
    assert engine.place(Request(devices=1, share=1, device_memory=1)) is None
    assert engine.place(Request(devices=1, device_memory=80)) is not None  # it wants no share
    engine.hold(0, 0, -2 * WHOLE - 1, -5)
    assert engine.place(Request(devices=1, share=1, device_memory=5)) is not None
