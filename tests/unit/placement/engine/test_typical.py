"""Which classes of requests stand for a workload."""

from __future__ import annotations

import pytest

from aliquot.placement.engine import WHOLE, Node, Request, learnt_prices, typical_requests
from aliquot.placement.engine.prices import pinned_pressure

WHOLE_DEVICE = Request(cpu=8, devices=1, share=WHOLE)
PART = Request(cpu=2, devices=1, share=3000)
CPU_ONLY = Request(cpu=4)
RARE = Request(cpu=1, devices=8, share=WHOLE)


def test_the_most_frequent_classes_cover_as_much_as_is_wanted() -> None:
    found = typical_requests([WHOLE_DEVICE] * 60 + [PART] * 25 + [CPU_ONLY] * 11 + [RARE] * 4)
    assert [one.request for one in found] == [WHOLE_DEVICE, PART, CPU_ONLY]
    assert [one.weight for one in found] == pytest.approx([60 / 96, 25 / 96, 11 / 96])
    assert len(typical_requests([WHOLE_DEVICE] * 60 + [RARE] * 4, coverage=1)) == 2


def test_memory_tells_no_classes_apart() -> None:
    other = Request(cpu=8, memory=5, devices=1, share=WHOLE, device_memory=3)
    assert [one.request for one in typical_requests([WHOLE_DEVICE, other])] == [WHOLE_DEVICE]


def test_equally_frequent_classes_have_one_order() -> None:
    both = [PART, WHOLE_DEVICE]
    assert typical_requests(both) == typical_requests(both[::-1])


def test_nothing_is_typical_of_nothing() -> None:
    assert typical_requests([]) == []
    assert learnt_prices([], []).stranded == 0


def test_pressure_is_the_part_of_a_model_that_pinned_requests_need() -> None:
    nodes = [
        Node(name="a", cpu=1, memory=1, devices=1, model="A"),
        Node(name="b", cpu=1, memory=1, devices=3, model="B"),
    ]
    pinned = Request(devices=1, share=WHOLE, models=frozenset("A"))
    either = Request(devices=1, share=WHOLE, models=frozenset("AB"))
    anywhere = Request(devices=1, share=WHOLE)
    assert pinned_pressure(nodes, typical_requests([anywhere])) == {}
    # Four requests fill the four devices: half of them are pinned to one device.
    assert pinned_pressure(nodes, typical_requests([pinned, anywhere])) == {"A": pytest.approx(2)}
    # Spread over both models as their devices are.
    found = pinned_pressure(nodes, typical_requests([either, anywhere]))
    assert found == {"A": pytest.approx(0.5), "B": pytest.approx(0.5)}
