"""The modes explained: each has all its parts, in both languages, drawn as the picture is."""

from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree

import pytest

from aliquot import words
from aliquot.diagram.explained.pictures import all_modes, picture
from aliquot.diagram.explained.ways import HYBRID, WAYS, Way
from aliquot.diagram.svg import svg
from aliquot.model.api.picture import Box, Layer, Line, Look
from aliquot.model.modes import Mode

_EACH = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.mode)


def test_every_mode_is_explained_once_and_only_remoting_is_tested_on_devices() -> None:
    told = all_modes().items
    assert sorted(one.mode for one in told) == sorted([*(mode.value for mode in Mode), HYBRID])
    assert [one.mode for one in told if one.tested] == [Mode.REMOTING.value]


@_EACH
def test_every_layer_is_there_from_the_top_down(way: Way) -> None:
    made = picture(way)
    layers = [band.layer for band in made.bands]
    assert layers == [Layer.CONSUMERS, Layer.GUEST, Layer.VIRTUALIZATION, Layer.DEVICES]
    assert {box.layer for box in made.boxes} == {*layers, Layer.NODE}
    for box in made.boxes:
        if box.look is not Look.FRAME:
            [band] = [band for band in made.bands if band.layer is box.layer]
            assert band.y <= box.y
            assert box.y + box.height <= band.y + band.height
    for above, below in zip(made.bands, made.bands[1:], strict=False):
        assert above.y + above.height < below.y


@_EACH
def test_boxes_lie_apart_within_the_picture_and_edges_join_them(way: Way) -> None:
    made = picture(way)
    boxes = {box.id: box for box in made.boxes}
    assert len(boxes) == len(made.boxes)
    inner = [box for box in made.boxes if box.look is not Look.FRAME]
    assert not [(one.id, two.id) for one, two in combinations(inner, 2) if _overlap(one, two)]
    for box in made.boxes:
        assert box.x >= 0
        assert box.x + box.width <= made.width
        assert box.y + box.height <= made.height
    for edge in made.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        (x, top), (also_x, bottom) = edge.points
        assert x == also_x
        assert target.x <= x <= target.x + target.width
        assert (top, bottom) == (source.y + source.height, target.y)
    # From each consumer one gets down to the device.
    down = {edge.source: edge.target for edge in made.edges}
    for box in (box for box in made.boxes if box.layer is Layer.CONSUMERS):
        at = box.id
        while at in down:
            at = down[at]
        assert at == f"device:{way.mode}"


@_EACH
def test_shares_add_up_to_no_more_than_the_device(way: Way) -> None:
    [device] = [box for box in picture(way).boxes if box.kind == "device"]
    assert {bar.kind for bar in device.bars} == {"memory", *(["time"] if way.time else [])}
    for bar in device.bars:
        for first, second in zip(bar.parts, bar.parts[1:], strict=False):
            assert first.promised_from + first.promised == second.promised_from
        last = bar.parts[-1]
        assert last.promised_from + last.promised <= bar.total
        assert last.used_from + last.used <= bar.total
        if bar.kind == "memory":
            assert all(part.used <= part.promised for part in bar.parts)


@_EACH
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_all_can_be_said_and_fits(way: Way, language: str) -> None:
    for fact in ("way", "runs", "isolates", "costs", "limits"):
        assert words.say(language, f"{fact}-{way.mode}")
    text = svg(picture(way), language=language, title=Line(key=f"way-{way.mode}"), legend=False)
    root = ElementTree.fromstring(text)
    cut = [element.text for element in root.iter() if (element.text or "").endswith("…")]
    assert cut == []
    drawn = {element.get("id") for element in root.iter()}
    assert {box.id for box in picture(way).boxes} <= drawn
    assert text == svg(
        picture(way), language=language, title=Line(key=f"way-{way.mode}"), legend=False
    )


def _overlap(one: Box, two: Box) -> bool:
    across = one.x < two.x + two.width and two.x < one.x + one.width
    return across and one.y < two.y + two.height and two.y < one.y + one.height
