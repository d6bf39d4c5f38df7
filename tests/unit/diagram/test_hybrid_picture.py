"""Hardware's vGPUs in the picture: each mode, a partition that carries others, and a VM's box."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot import words
from aliquot.diagram.arrange import arrange
from aliquot.diagram.mermaid import mermaid
from aliquot.diagram.scene import Choice, Collapse, Grouping, Scene
from aliquot.diagram.slots import Slots
from aliquot.diagram.svg import svg
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Box, Look, Picture
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.lease import LeaseKind
from tests.fakes.scenes import GIB, device, lease, scene, vgpu


def partition(number: int, carrier: VgpuResource) -> DeviceResource:
    """The device that a carrier's partition is to the state."""
    facts = {"carrier": carrier.id, "card": carrier.device, "modes": []}
    return device(number, name=f"part of {carrier.device}", memory=carrier.memory, facts=facts)


def hybrid(cards: int = 1, carried: int = 3, **more: Any) -> Scene:
    """Cards with a MIG instance that carries, one that doesn't, and a vGPU beside them."""
    devices, vgpus = [], []
    numbers = itertools.count(1)
    for at in range(cards):
        card = device(at, name="A100", memory=80 * GIB)
        half = vgpu(
            next(numbers), card, name="half", mode="mig", type="3g.40gb", memory=39 * GIB, compute=0
        )
        other = vgpu(next(numbers), card, name="other", mode="mig", type="1g.10gb", compute=0)
        part = partition(100 + at, half)
        on = [
            vgpu(next(numbers), part, name=f"on-{n}", on=half.id, memory=4 * GIB)
            for n in range(carried)
        ]
        devices += [card, part]
        vgpus += [half, other, *on]
    return scene(devices, vgpus, **more)


def drawn(moment: Scene, **choice: Any) -> dict[str, Box]:
    picture = arrange(moment, Choice(**choice), Slots())
    sound(picture)
    return {box.id: box for box in picture.boxes}


def sound(picture: Picture) -> None:
    """Nothing overlaps but what holds it; edges begin and end at what they say."""
    boxes = {box.id: box for box in picture.boxes}
    assert len(boxes) == len(picture.boxes)
    for one, other in itertools.combinations(boxes.values(), 2):
        assert _apart(one, other) or _holds(one, other) or _holds(other, one), (one.id, other.id)
    for edge in picture.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        (x, y), (end_x, end_y) = edge.points[0], edge.points[-1]
        assert source.x <= x <= source.x + source.width
        assert target.x <= end_x <= target.x + target.width
        assert (y, end_y) == (source.y + source.height, target.y)


def test_what_is_carried_stands_over_what_carries_it() -> None:
    moment = hybrid()
    picture = arrange(moment, Choice(), Slots())
    sound(picture)
    boxes = {box.id: box for box in picture.boxes}
    half, other, *on = moment.vgpus
    carrier = boxes[f"vgpu:{half.id}"]
    assert (carrier.kind, carrier.look) == ("carrier", Look.HARDWARE)
    for one in on:
        worker = boxes[f"vgpu:{one.id}"]
        assert worker.look is Look.HYBRID
        assert worker.y + worker.height < carrier.y
        assert carrier.x <= worker.x
        assert worker.x + worker.width <= carrier.x + carrier.width
    card = f"device:{moment.devices[0].uuid}"
    edges = {(edge.source, edge.target) for edge in picture.edges}
    assert {(f"vgpu:{one.id}", carrier.id) for one in on} <= edges
    assert {(carrier.id, card), (f"vgpu:{other.id}", card)} <= edges
    assert [box.id for box in picture.boxes if box.kind == "device"] == [card]
    [memory, _] = boxes[card].bars
    assert sum(part.promised for part in memory.parts) == half.memory + other.memory


@given(
    st.integers(1, 3),
    st.integers(0, 9),
    st.sampled_from(Collapse),
    st.sampled_from(Grouping),
)
def test_every_hybrid_picture_is_sound(
    cards: int, carried: int, collapse: Collapse, grouping: Grouping
) -> None:
    drawn(hybrid(cards, carried), collapse=collapse, grouping=grouping)


def test_of_one_card_its_partitions_come_along() -> None:
    moment = hybrid(cards=2)
    boxes = drawn(moment, device=moment.devices[0].uuid)
    assert len([box for box in boxes.values() if box.look is Look.HYBRID]) == 3
    assert len([box for box in boxes.values() if box.kind == "device"]) == 1


def test_who_may_not_see_the_carrier_sees_its_own_on_the_partition() -> None:
    moment = hybrid()
    own = moment._replace(vgpus=[one for one in moment.vgpus if one.on is not None])
    boxes = drawn(own)
    assert len([box for box in boxes.values() if box.look is Look.HYBRID]) == 3
    assert len([box for box in boxes.values() if box.kind == "device"]) == 2


@pytest.mark.parametrize(
    ("mode", "look", "guest"),
    [
        ("passthrough", Look.PASSTHROUGH, "vendor-driver"),
        ("mdev", Look.HARDWARE, "vgpu-driver"),
        ("sriov", Look.HARDWARE, "vgpu-driver"),
    ],
)
def test_a_virtual_machine_that_holds_one(mode: str, look: Look, guest: str) -> None:
    card = device(0, memory=48 * GIB)
    made = vgpu(1, card, mode=mode, type="A40-4Q", hardware="0000:41:00.4", compute=0, leases=1)
    held = lease(made, kind=LeaseKind.VM, holder="build-01", process_id=4711)
    boxes = drawn(scene([card], [made], [held]))
    user = boxes[f"consumers:{made.id}"]
    assert (user.kind, user.look, user.title.values) == ("vm", look, {"name": "build-01"})
    assert [words.line("en", line) for line in user.lines] == ["VM, PID 4711"]
    assert boxes[f"guest:{made.id}"].kind == guest
    told = [words.line("en", line) for line in boxes[f"vgpu:{made.id}"].lines]
    assert told == ["A40-4Q, 2 GiB", "0000:41:00.4"]
    unknown = msgspec.structs.replace(made, type=None, memory=0)
    again = drawn(scene([card], [unknown], [held]))
    assert words.line("zh", again[f"vgpu:{made.id}"].lines[0]) == "显存未知"


def test_types_that_add_up_to_more_than_the_card_tells() -> None:
    card = device(0, memory=46 * GIB)
    made = vgpu(1, card, mode="mdev", type="A40-48Q", memory=48 * GIB, compute=0)
    [memory, _] = drawn(scene([card], [made]))[f"device:{card.uuid}"].bars
    assert [part.promised for part in memory.parts] == [46 * GIB]
    unknown = device(0, memory=0)
    [memory, _] = drawn(scene([unknown], [made]))[f"device:{unknown.uuid}"].bars
    assert [part.promised for part in memory.parts] == [0]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_it_can_be_drawn(language: str) -> None:
    picture = arrange(hybrid(), Choice(), Slots())
    assert "3g.40gb" in svg(picture, language=language)
    assert "half" in mermaid(picture, language=language)


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def _holds(outer: Box, inner: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )
