"""Replays, departures, reports and pictures, on a cluster small enough to look at."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest

from aliquot.errors import BadSeeds
from aliquot.placement.engine import WHOLE, Node, Policy, Request
from aliquot.placement.simulation.arrivals import arrivals
from aliquot.placement.simulation.curves import draw
from aliquot.placement.simulation.departures import with_departures
from aliquot.placement.simulation.openb import Pod
from aliquot.placement.simulation.replay import Workload, at_percent, replay, workload
from aliquot.placement.simulation.report import paired, parse_seeds, simulate

NODES = [Node(name=f"n{at}", cpu=16, memory=16, devices=4) for at in range(5)]


def small() -> Workload:
    rng = random.Random(1)
    pods = [
        Pod(f"p{at}", Request(cpu=rng.randrange(1, 7), devices=1, share=rng.choice((3_000, WHOLE))))
        for at in range(20)
    ]
    return workload(NODES, pods)


def test_pods_come_until_enough_is_asked_for() -> None:
    work = small()
    pods = arrivals(NODES, work.pods, 42).pods
    asked = sum(pod.request.total for pod in pods)
    assert sorted(pod.name for pod in pods[:20]) == sorted(pod.name for pod in work.pods)
    assert 1.3 * work.capacity - WHOLE <= asked <= 1.3 * work.capacity
    assert pods == arrivals(NODES, work.pods, 42).pods
    assert pods != arrivals(NODES, work.pods, 43).pods


def test_a_list_that_asks_for_too_much_loses_some() -> None:
    pods = [Pod(f"p{at}", Request(devices=1, share=WHOLE)) for at in range(50)]
    found = arrivals(NODES, pods, 1).pods
    assert len(found) == 26
    assert len({pod.name for pod in found}) == 26


def test_nodes_are_all_there_in_another_order() -> None:
    orders = [arrivals(NODES, small().pods, seed).nodes for seed in range(5)]
    assert all(sorted(order, key=lambda node: node.name) == NODES for order in orders)
    assert len({tuple(node.name for node in order) for order in orders}) > 1


@pytest.mark.parametrize("policy", list(Policy))
def test_a_replay_is_the_same_with_the_same_seed(policy: Policy) -> None:
    work = small()
    found = replay(work, policy, 42)
    assert found == replay(work, policy, 42)
    assert max(found.allocated.values()) <= 100
    assert found.moves == 0
    assert found.refused > 0


def test_moves_are_bounded_and_help() -> None:
    # Halves that lie on devices of their own are in the way of whole ones.
    shares = [5_000, 5_000, WHOLE]
    pods = [Pod(f"p{at}", Request(devices=1, share=shares[at % 3])) for at in range(12)]
    work = workload(NODES, pods)
    without = [replay(work, Policy.WORST_FIT, seed) for seed in range(20)]
    moved = [replay(work, Policy.WORST_FIT, seed, moves_per_hundred=10) for seed in range(20)]
    arrived = [len(arrivals(NODES, pods, seed).pods) for seed in range(20)]
    assert all(one.moves <= count / 10 for one, count in zip(moved, arrived, strict=True))
    assert sum(one.moves for one in moved) > 0
    reached = [sum(at_percent(one.allocated, 130) for one in every) for every in (moved, without)]
    assert reached[0] > reached[1]


def test_departures_leave_room_for_others() -> None:
    work = small()
    found = with_departures(work, Policy.FGD, 42, measured=400)
    assert found == with_departures(work, Policy.FGD, 42, measured=400)
    assert 0 < found.allocated < 100
    assert found.refused > 0
    assert min(found.by_load) == 100
    assert max(found.by_load) == 120


def test_a_curve_at_a_percent_where_nobody_came() -> None:
    curve = {10: 9.0, 20: 18.0}
    assert at_percent(curve, 20) == 18
    assert at_percent(curve, 15) == 9
    assert at_percent(curve, 5) == 9


@pytest.mark.parametrize(
    ("text", "seeds"), [("42", [42]), ("42-44", [42, 43, 44]), ("1,2, 7-8", [1, 2, 7, 8])]
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "-1", "3-1", "1-2-3", "0-1000", "1-", "1,,2", "²"])
def test_bad_seeds(text: str) -> None:
    with pytest.raises(BadSeeds) as raised:
        parse_seeds(text)
    assert raised.value.code == "ALQ-E705"


def test_a_paired_difference_has_the_interval_of_a_t_table() -> None:
    one = {str(seed): float(seed) for seed in range(10)}
    mean, half_width = paired(one, dict.fromkeys(one, 0.0))
    assert mean == 4.5
    # The standard error of 0 … 9 is 0.957427, and t with nine degrees of freedom 2.262157.
    assert half_width == pytest.approx(0.957427 * 2.262157, rel=1e-3)
    assert paired({"1": 1.0}, {"1": 0.5}) == (0.5, float("inf"))


def test_the_picture_has_a_line_a_policy_in_each_panel() -> None:
    work = small()
    curves = {
        policy.value: simulate(work, policy, [1, 2])[1] for policy in (Policy.FGD, Policy.RANDOM)
    }
    svg = draw(
        {name: one.allocated for name, one in curves.items()},
        {name: one.fragmented for name, one in curves.items()},
        "A <title>",
        "a note",
    )
    root = ElementTree.fromstring(svg)
    assert len(root.findall("{*}polyline")) == 4
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"fgd", "random", "A <title>", "a note", "100"} <= set(words)
