"""The picture of one vGPU: its processes and their command queues, each in its place."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from aliquot import words
from aliquot.diagram.arrange import arrange
from aliquot.diagram.mermaid import mermaid
from aliquot.diagram.scene import Choice, Scene
from aliquot.diagram.slots import Slots
from aliquot.diagram.svg import svg
from aliquot.model.api.picture import Box, Picture
from aliquot.model.api.processes import ProcessResource
from tests.fakes.scenes import command_queue, device, guest_process, processes, scene, vgpu

_GPU = device(0)
_ONE = vgpu(1, _GPU, name="train", measured={"consumed": 40.0, "copied": 0.0}, leases=1)
_OTHER = vgpu(2, _GPU)
_CHOICE = Choice(vgpu=_ONE.id)


def moment(using: list[ProcessResource] | None = None, **more: object) -> Scene:
    """With these processes, or with one that has two queues."""
    return scene([_GPU], [_ONE, _OTHER], processes=processes(_ONE, using, **more))


@st.composite
def users(draw: st.DrawFn) -> list[ProcessResource]:
    """Up to twenty processes, some with many queues."""
    return [
        guest_process(
            connection,
            [command_queue(number) for number in draw(st.sets(st.integers(1, 40), max_size=24))],
            queues_left_out=draw(st.sampled_from((0, 0, 7))),
        )
        for connection in sorted(draw(st.sets(st.integers(1, 99), max_size=20)))
    ]


@given(users())
def test_every_picture_is_sound(using: list[ProcessResource]) -> None:
    picture = arrange(moment(using), _CHOICE, Slots())
    boxes = {box.id: box for box in picture.boxes}
    assert len(boxes) == len(picture.boxes)
    assert len({edge.id for edge in picture.edges}) == len(picture.edges)
    for box in boxes.values():
        assert 0 <= box.x <= box.x + box.width <= picture.width
        assert 0 <= box.y <= box.y + box.height <= picture.height
    for one, other in combinations(boxes.values(), 2):
        assert _apart(one, other) or _holds(one, other) or _holds(other, one), (one.id, other.id)
    for edge in picture.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        (x, y), (end_x, end_y) = edge.points
        assert x == end_x
        assert source.x <= x <= source.x + source.width
        assert target.x <= x <= target.x + target.width
        assert (y, end_y) == (source.y + source.height, target.y)
        between = [box for box in boxes.values() if y < box.y < end_y and box.look != "frame"]
        assert not [box for box in between if box.x < x < box.x + box.width]


@given(users(), st.data())
def test_who_goes_moves_no_queue(using: list[ProcessResource], data: st.DataObject) -> None:
    slots = Slots()
    before = _places(arrange(moment(using), _CHOICE, slots))
    candidates = [one for one in using if len(one.queues) > 1]
    if not candidates:
        return
    gone = data.draw(st.sampled_from(candidates))
    rest = [queue for queue in gone.queues if queue is not gone.queues[0]]
    after_using = [guest_process(gone.connection, rest) if one is gone else one for one in using]
    after = _places(arrange(moment(after_using), _CHOICE, slots))
    own = f"queue:{gone.connection}:"
    for name in after.keys() & before.keys():
        if name.startswith(own):
            assert after[name] == before[name]


def test_two_queues_of_a_process() -> None:
    picture = arrange(moment(), _CHOICE, Slots())
    assert picture.vgpu == _ONE.id
    boxes = {box.id: box for box in picture.boxes}
    first, second = (boxes[f"queue:1:{number}:{_ONE.id}"] for number in (1, 2))
    said = [
        [words.say("en", line.key, line.values) for line in box.lines] for box in (first, second)
    ]
    assert said == [
        ["in order", "3 outstanding", "oldest 12.5 ms", "50 % of the time"],
        ["out of order", "0 outstanding", "1200 done", "50 % of the time"],
    ]
    [bar] = first.bars
    assert (bar.kind, bar.total, bar.parts[0].used) == ("share", 100, 50)
    # An edge is as thick as its share of the device's time.
    shares = {(edge.source, edge.target): edge.share for edge in picture.edges}
    assert shares[first.id, f"vgpu:{_ONE.id}"] == 20
    assert shares[f"vgpu:{_ONE.id}", f"host:{_GPU.uuid}"] == 40
    assert boxes[f"process:1:{_ONE.id}"].lines[0].values == {"process": 4001}


def test_what_is_not_told_is_said() -> None:
    def said(shown: Scene) -> str:
        picture = arrange(shown, _CHOICE, Slots())
        lines = [line for box in picture.boxes for line in (box.title, *box.lines)]
        return "\n".join(words.say("en", line.key, line.values) for line in lines)

    assert "nobody uses it" in said(moment([]))
    assert "is not told to this token" in said(scene([_GPU], [_ONE]))
    unknown = said(moment([], queues_told="silent"))
    assert "who uses it is unknown now" in unknown
    assert "nobody uses it" not in unknown
    silent = moment([guest_process(1, [])], queues_told="silent")
    assert "its worker doesn't tell of queues" in said(silent)
    hidden = moment([guest_process(1, [], process_id=0, name="")])
    assert "a process\n" in said(hidden)
    assert "4001" not in said(hidden)
    many = moment([guest_process(1, [command_queue(n) for n in range(1, 21)], queues_left_out=5)])
    assert "more queues: 9" in said(many)
    crowd = moment([guest_process(n, []) for n in range(1, 31)])
    assert "more processes: 14" in said(crowd)


def test_without_a_device() -> None:
    waiting = vgpu(3, None)
    picture = arrange(scene([_GPU], [waiting]), Choice(vgpu=waiting.id), Slots())
    assert [box.id for box in picture.boxes] == [f"vgpu:{waiting.id}"]


def test_it_is_drawn() -> None:
    picture = arrange(moment(), _CHOICE, Slots())
    for language in words.LANGUAGES:
        drawn = svg(picture, language=language)
        assert f'id="queue:1:2:{_ONE.id}"' in drawn
        assert words.say(language, "queue-out-of-order") in drawn
        assert words.say(language, "queue-in-order") in mermaid(picture, language=language)


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def _holds(one: Box, other: Box) -> bool:
    return (
        one.x <= other.x
        and other.x + other.width <= one.x + one.width
        and one.y <= other.y
        and other.y + other.height <= one.y + one.height
    )


def _places(picture: Picture) -> dict[str, tuple[int, int]]:
    return {box.id: (box.x, box.y) for box in picture.boxes}
