"""The upper bound: exact where it can be seen, and never below what is placed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aliquot.placement.engine import WHOLE, Engine, Node, Policy, Request, typical_requests
from aliquot.placement.simulation.bound import upper_bound
from tests.absent import absent
from tests.unit.placement.engine.clusters import nodes, requests

NODE = Node(name="n", cpu=8, memory=8, devices=2, model="A")


@pytest.fixture(autouse=True)
def solver() -> None:
    if find_spec("scipy") is None:
        absent("scipy is not installed here")


def part(share: int, cpu: int = 0) -> Request:
    return Request(cpu=cpu, devices=1, share=share)


@pytest.mark.parametrize(
    ("demand", "bound"),
    [
        ({}, 0),
        ({Request(cpu=1): 5}, 0),
        ({part(8100): 5}, 16200),
        ({part(4700): 5}, 18800),
        ({part(8100): 2, part(1900): 2}, 20000),
        ({part(6500): 1, part(3500): 1, part(8000): 3}, 18000),
        ({part(WHOLE): 9}, 20000),
        ({part(WHOLE): 0.5}, 5000),
        ({part(WHOLE, cpu=5): 9}, 16000),  # all CPU is used, by parts of requests
        ({Request(devices=2, share=WHOLE): 1}, 20000),
        ({Request(devices=3, share=WHOLE): 1}, 0),
        ({Request(devices=1, share=5000, models=frozenset("B")): 3}, 0),
    ],
)
def test_known_cases(demand: Mapping[Request, float], bound: float) -> None:
    assert upper_bound([NODE], demand) == pytest.approx(bound, abs=0.01)


@settings(max_examples=40)
@given(nodes(), st.lists(requests(), max_size=20))
def test_nothing_that_is_placed_exceeds_it(cluster: list[Node], asked: list[Request]) -> None:
    engine = Engine(cluster, Policy.ALIQUOT, typical_requests(asked))
    placed = sum(request.total for request in asked if engine.place(request) is not None)
    assert placed <= upper_bound(cluster, Counter(asked)) + 0.01
