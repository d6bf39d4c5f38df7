"""What would serve a queue: the ways, the answer and its page."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot.placement.engine import WHOLE, Node, Request
from aliquot.placement.planning import answer, scenarios
from aliquot.placement.planning.page import page, picture, verdict
from aliquot.placement.planning.scenarios import added_nodes, in_slices, whole

NODES = [
    Node(name="a", cpu=32, memory=64, devices=4, model="A"),
    Node(name="b", cpu=32, memory=64, devices=4, model="A"),
    Node(name="c", cpu=8, memory=64, devices=1, model="B"),
]
THIRD = Request(cpu=1, devices=1, share=3000)


def test_more_devices_come_on_nodes_like_those_that_are_there() -> None:
    found = added_nodes(NODES, 10, None)
    assert [node.devices for node in found] == [4, 4, 2]
    assert [node.cpu for node in found] == [32, 32, 16]
    assert {node.model for node in added_nodes(NODES, 3, "B")} == {"B"}
    with pytest.raises(ValueError, match="'C'"):
        added_nodes(NODES, 1, "C")


@given(st.integers(1, WHOLE))
def test_an_instance_has_as_much_compute_as_was_asked_for(share: int) -> None:
    sliced = in_slices(Request(devices=1, share=share))
    compute = sliced.share // (WHOLE // 7)
    assert compute * WHOLE >= 7 * share
    assert sliced.device_memory >= compute
    assert in_slices(Request(cpu=1)) == Request(cpu=1)
    assert whole(Request(devices=1, share=share)).share == WHOLE


def test_sharing_serves_what_whole_devices_do_not() -> None:
    queue = [THIRD] * 20
    answers = {way.key: answer(way, queue, [1, 2]) for way in scenarios(NODES, 12)}
    assert list(answers) == ["whole", "mig", "vgpu", "whole+12", "mig+12", "vgpu+12"]
    assert answers["whole"].refused == 11
    assert answers["whole"].served == pytest.approx(45)
    assert answers["whole"].lacking == {"a free share of a device": 100.0}
    assert answers["mig"].refused == 2  # two instances of 3g on each of nine
    assert answers["vgpu"].refused == 0
    assert answers["whole+12"].refused == 0
    assert answers["vgpu"].devices_used == pytest.approx(100 * 20 * 0.3 / 9)


def test_the_page_says_what_would_do() -> None:
    answers = [answer(way, [THIRD] * 20, [1]) for way in scenarios(NODES, 12)]
    text = page(answers, "What would serve 20 requests?")
    assert text.startswith(
        "# What would serve 20 requests?\n\n**Yes: software vGPUs** serve 100.0 %"
    )
    assert text.count("\n| ") == 7
    assert "No way" in verdict(answers[:2])
    root = ElementTree.fromstring(picture(answers, "What?"))
    words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sum(word.endswith(" served") for word in words) == 6
