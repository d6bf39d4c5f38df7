"""Where boxes stand: nothing overlaps, edges join what they say, and a change moves only itself."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot import words
from aliquot.diagram.arrange import arrange
from aliquot.diagram.scene import Choice, Collapse, Grouping, Scene
from aliquot.diagram.slots import Slots, column_slots
from aliquot.model.api.picture import Box, Look, Picture
from aliquot.model.modes import Mode
from tests.fakes.scenes import GIB, device, lease, scene, vgpu

_MODES = ("remoting", "mig", "mdev", "sriov", "passthrough")


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Up to six devices on up to three nodes, with vGPUs of all modes, some of them hidden."""
    devices = [
        device(number, node=draw(st.sampled_from("abc")), vgpus=draw(st.sampled_from((0, 0, 3))))
        for number in range(draw(st.integers(0, 6)))
    ]
    places = [*devices, None]
    vgpus = [
        vgpu(number, draw(st.sampled_from(places)), mode=draw(st.sampled_from(_MODES)))
        for number in range(draw(st.integers(0, 40)))
    ]
    held = [lease(one, number) for number, one in enumerate(vgpus) if draw(st.booleans())]
    return scene(devices, vgpus, held)


@given(scenes(), st.sampled_from(Collapse), st.sampled_from(Grouping))
def test_every_picture_is_sound(moment: Scene, collapse: Collapse, grouping: Grouping) -> None:
    picture = arrange(moment, Choice(grouping=grouping, collapse=collapse), Slots())
    boxes = {box.id: box for box in picture.boxes}
    assert len(boxes) == len(picture.boxes)
    assert len({edge.id for edge in picture.edges}) == len(picture.edges)
    for box in boxes.values():
        assert box.x >= 0
        assert box.x + box.width <= picture.width
        assert box.y >= 0
        assert box.y + box.height <= picture.height
    for one, other in combinations(boxes.values(), 2):
        apart = _apart(one, other)
        assert apart or _holds(one, other) or _holds(other, one), (one.id, other.id)
    for edge in picture.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        (x, y), (end_x, end_y) = edge.points[0], edge.points[-1]
        assert source.x <= x <= source.x + source.width
        assert y == source.y + source.height
        assert target.x <= end_x <= target.x + target.width
        assert end_y == target.y
    frames = [box for box in boxes.values() if box.kind == "node"]
    assert {box.subject for box in frames} == {one.node for one in moment.devices}
    frames += [box for box in boxes.values() if box.kind == "group"]
    for box in boxes.values():
        if box.kind not in ("node", "group", "queue"):
            assert any(_holds(frame, box) for frame in frames)


@given(scenes())
def test_the_same_moment_is_the_same_picture(moment: Scene) -> None:
    choice = Choice()
    assert arrange(moment, choice, Slots()) == arrange(moment, choice, Slots())
    slots = Slots()
    assert arrange(moment, choice, slots) == arrange(moment, choice, slots)


@given(scenes(), st.data())
def test_who_goes_moves_nobody(moment: Scene, data: st.DataObject) -> None:
    slots = Slots()
    choice = Choice(collapse=Collapse.NONE)
    before = _places(arrange(moment, choice, slots))
    if not moment.vgpus:
        return
    leaves = data.draw(st.sampled_from(moment.vgpus))
    after = _places(
        arrange(
            moment._replace(vgpus=[one for one in moment.vgpus if one is not leaves]), choice, slots
        )
    )
    moved = {name for name in after.keys() & before.keys() if after[name] != before[name]}
    # Widths go in steps: only where a column fell below one does anything else move.
    if after["device"] == before["device"]:
        assert {name for name in moved if not name.startswith(("host:", "queue"))} == set()


def test_who_comes_takes_the_free_place_and_moves_nobody() -> None:
    one, other = device(0), device(1)
    made = [vgpu(number, one) for number in range(3)] + [vgpu(9, other)]
    slots = Slots()
    before = arrange(scene([one, other], made), Choice(), slots)
    arrange(scene([one, other], [made[0], *made[2:]]), Choice(), slots)
    new = vgpu(20, one)
    after = arrange(scene([one, other], [made[0], *made[2:], new]), Choice(), slots)
    where = {box.id: (box.x, box.y) for box in after.boxes}
    for box in before.boxes:
        if box.id in where:
            assert where[box.id] == (box.x, box.y)
    freed = next(box for box in before.boxes if box.id == f"vgpu:{made[1].id}")
    assert where[f"vgpu:{new.id}"] == (freed.x, freed.y)


@given(st.lists(st.frozensets(st.integers(0, 30)), max_size=12))
def test_slots(steps: list[frozenset[int]]) -> None:
    slots = Slots()
    before: dict[str, int] = {}
    for step in steps:
        there = [str(one) for one in sorted(step)]
        places = slots.assign("device", there)
        assert set(places) == set(there)
        assert len(set(places.values())) == len(places)
        assert all(places[one] == before[one] for one in places.keys() & before.keys())
        before = places


def test_widths_go_in_steps() -> None:
    assert [column_slots(used) for used in (0, 2, 3, 4, 5, 8, 9, 17)] == [2, 2, 4, 4, 8, 8, 16, 24]


def test_bars_are_to_scale() -> None:
    gpu = device(0)
    made = [
        vgpu(1, gpu, memory=6 * GIB, memory_used=2 * GIB, compute=50.0),
        vgpu(2, gpu, memory=12 * GIB, compute=25.0, measured={"consumed": 70.0}),
    ]
    picture = arrange(scene([gpu], made), Choice(), Slots())
    memory, time = next(box for box in picture.boxes if box.kind == "device").bars
    assert (memory.total, time.total) == (24 * GIB, 100.0)
    first, second = memory.parts
    assert (first.promised_from, first.promised, first.used) == (0, 6 * GIB, 2 * GIB)
    assert (second.promised_from, second.used_from) == (6 * GIB, 6 * GIB)
    first, second = time.parts
    assert (first.used, second.promised_from, second.promised) == (0.0, 50.0, 25.0)
    assert (second.used_from, second.used) == (0.0, 70.0)  # a track of its own, from the left


def test_others_are_counted_and_not_named() -> None:
    gpu = device(0, vgpus=2, reserved_memory=10 * GIB, reserved_compute=30.0)
    picture = arrange(scene([gpu], [vgpu(1, gpu)]), Choice(), Slots())
    (others,) = [box for box in picture.boxes if box.kind == "others"]
    assert (others.count, others.subject, others.owner) == (2, "", "")
    memory, time = next(box for box in picture.boxes if box.kind == "device").bars
    assert [(part.vgpu, part.promised) for part in memory.parts[1:]] == [("", 10 * GIB)]
    assert [(part.count, part.promised) for part in time.parts[1:]] == [(2, 30.0)]


@pytest.mark.parametrize("grouping", Grouping)
def test_others_have_their_share_to_scale_and_nothing_else(grouping: Grouping) -> None:
    gpus = [
        device(0, vgpus=2, reserved_memory=10 * GIB, reserved_compute=30.0),
        device(1),
        device(2, vgpus=1, reserved_memory=4 * GIB),
    ]
    own = vgpu(1, gpus[0], mode="remoting")
    picture = arrange(scene(gpus, [own]), Choice(grouping), Slots())
    boxes = {box.id: box for box in picture.boxes}
    others = [box for box in picture.boxes if box.kind == "others"]
    assert [box.id for box in others] == [f"others:{gpus[0].uuid}", f"others:{gpus[2].uuid}"]
    for box in others:
        on_device = boxes[box.id.replace("others", "device")]
        for bar, whole in zip(box.bars, on_device.bars, strict=True):
            assert (bar.kind, bar.total) == (whole.kind, whole.total)
            assert bar.parts == [part for part in whole.parts if not part.vgpu]
        assert (box.subject, box.owner, box.lines) == ("", "", [])
    assert [part.promised for part in others[0].bars[0].parts] == [10 * GIB]
    assert [part.promised for part in others[0].bars[1].parts] == [30.0]
    assert others[1].bars[1].parts == []  # they are promised no time
    ways = {edge.source: edge.target for edge in picture.edges}
    if grouping is not Grouping.NODE:
        frame = boxes["group:others:0"]
        assert frame.title.values == {"count": 3}
        assert all(_holds(frame, box) for box in others)
        assert ways[others[0].id] == f"device:{gpus[0].uuid}"


def test_others_of_many_devices_stand_in_several_frames() -> None:
    gpus = [device(number, vgpus=1, reserved_memory=GIB) for number in range(20)]
    picture = arrange(scene(gpus, []), Choice(Grouping.OWNER), Slots())
    frames = [box for box in picture.boxes if box.kind == "group"]
    assert [box.title.values["count"] for box in frames] == [8, 8, 4]
    assert not any(box.opens for box in frames)


def test_what_opens_a_group_opens_and_closes_it() -> None:
    gpu = device(0)
    many = [vgpu(number, gpu, leases=1, tenant="bob") for number in range(12)]
    for grouping, key in ((Grouping.NODE, gpu.uuid), (Grouping.OWNER, "owner:bob")):
        drawn = arrange(scene([gpu], many), Choice(grouping), Slots())
        kinds = {box.kind for box in drawn.boxes if box.opens == key}
        assert kinds >= {"worker", "process"}
        opened = arrange(scene([gpu], many), Choice(grouping, opened=frozenset({key})), Slots())
        (stays,) = [box for box in opened.boxes if box.opens]
        assert (stays.kind, stays.opens) == (
            ("device", key) if grouping is Grouping.NODE else ("group", key)
        )
        assert len([box for box in opened.boxes if box.id.startswith("vgpu:")]) == 12


def test_what_a_device_cannot_do_is_grey_with_the_reason() -> None:
    gpu = device(0, can=(Mode.REMOTING, Mode.MIG))
    picture = arrange(scene([gpu], []), Choice(), Slots())
    chips = {box.id.rpartition(":")[2]: box for box in picture.boxes if box.kind == "mode"}
    assert set(chips) == set(_MODES)
    assert {name for name, chip in chips.items() if chip.look is Look.ABSENT} == {
        "mdev",
        "sriov",
        "passthrough",
    }
    assert chips["mdev"].reason == "no kernel driver is bound to it"


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [
        ("remoting", ["process", "guest-driver", "worker", "device-host", "device"]),
        ("mig", ["process", "vgpu-driver", "partition", "device"]),
        ("passthrough", ["process", "vendor-driver", "vfio", "device"]),
    ],
)
def test_a_chain_goes_through_the_layers_of_its_mode(mode: str, kinds: list[str]) -> None:
    gpu = device(0)
    used = vgpu(1, gpu, mode=mode, leases=1, measured={"consumed": 42.0, "copied": 1000.0})
    picture = arrange(scene([gpu], [used], [lease(used)]), Choice(), Slots())
    boxes = {box.id: box for box in picture.boxes}
    ways = {edge.source: edge for edge in picture.edges}
    found = [boxes[f"consumers:{used.id}"]]
    while edge := ways.get(found[-1].id):
        assert (edge.share, edge.bytes_per_second, edge.active) == (42.0, 1000.0, True)
        found.append(boxes[edge.target])
    assert [box.kind for box in found] == kinds
    assert [box.y for box in found] == sorted(box.y for box in found)


def test_many_are_drawn_as_one_until_opened() -> None:
    gpus = [device(number) for number in range(4)]
    many = [vgpu(number, gpus[number % 4], leases=number % 2) for number in range(60)]
    moment = scene(gpus, many)
    drawn = arrange(moment, Choice(), Slots())
    assert [box.count for box in drawn.boxes if box.id.startswith("vgpus:")] == [15] * 4
    assert not [box for box in drawn.boxes if box.id.startswith("vgpu:")]
    bars = next(box for box in drawn.boxes if box.kind == "device").bars
    assert len(bars[0].parts) == 15
    opened = arrange(moment, Choice(opened=frozenset({gpus[0].uuid})), Slots())
    assert len([box for box in opened.boxes if box.id.startswith("vgpu:")]) == 15
    closed = Choice(collapse=Collapse.NONE, closed=frozenset({gpus[0].uuid}))
    assert (
        len([b for b in arrange(moment, closed, Slots()).boxes if b.id.startswith("vgpu:")]) == 45
    )


def test_an_owner_s_and_a_device_s_alone() -> None:
    gpus = [device(0), device(1)]
    made = [vgpu(1, gpus[0]), vgpu(2, gpus[0], tenant="bob"), vgpu(3, gpus[1], tenant="bob")]
    slots = Slots()
    bobs = arrange(scene(gpus, made), Choice(owner="bob"), slots)
    assert {box.owner for box in bobs.boxes if box.id.startswith("vgpu:")} == {"bob"}
    second = arrange(scene(gpus, made), Choice(device=gpus[1].uuid), slots)
    assert [box.subject for box in second.boxes if box.kind == "device"] == [gpus[1].uuid]


def test_who_waits_stands_in_the_queue_in_order() -> None:
    waiting = [vgpu(number, None, queue_position=11 - number) for number in range(1, 11)]
    picture = arrange(scene([], waiting), Choice(), Slots())
    (queue,) = picture.boxes
    assert queue.count == 10
    assert [line.values.get("name") for line in queue.lines][:2] == ["vgpu-10", "vgpu-9"]
    assert queue.lines[-1].key == "more"
    assert queue.lines[-1].values == {"count": 2}


def _places(picture: Picture) -> dict[str, object]:
    found: dict[str, object] = {
        box.id: (box.x, box.y, box.width) for box in picture.boxes if box.kind != "queue"
    }
    found["device"] = [
        (box.x, box.y, box.width) for box in picture.boxes if box.kind in ("device", "node")
    ]
    return found


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


@pytest.mark.parametrize("grouping", [Grouping.OWNER, Grouping.MODE])
def test_groups_hold_what_is_theirs_and_lead_to_their_devices(grouping: Grouping) -> None:
    gpus = [device(0), device(1)]
    made = [
        vgpu(1, gpus[0], tenant="alice", leases=1),
        vgpu(2, gpus[1], tenant="alice", mode="mig"),
        vgpu(3, gpus[1], tenant="bob"),
    ]
    moment = scene(gpus, made, [lease(made[0])])
    picture = arrange(moment, Choice(grouping=grouping), Slots())
    boxes = {box.id: box for box in picture.boxes}
    groups = [box for box in boxes.values() if box.kind == "group"]
    names = {"alice", "bob"} if grouping is Grouping.OWNER else {"software", "hardware"}
    assert {box.id.rpartition(":")[2] for box in groups} == names
    for one in made:
        stands = boxes[f"vgpu:{one.id}"]
        name = one.tenant if grouping is Grouping.OWNER else stands.look.value
        assert _holds(boxes[f"group:{grouping.value}:{name}"], stands)
        (way,) = [edge for edge in picture.edges if edge.source == stands.id]
        end = boxes[way.target]
        assert (end.subject, end.kind) == (
            one.device,
            "device" if one.mode == "mig" else "device-host",
        )


def test_whatever_an_owner_is_called_is_a_name() -> None:
    gpu = device(0)
    names = ["look-software", "look-nothing", "a:b", "{name}"]
    made = [vgpu(number, gpu, tenant=name) for number, name in enumerate(names)]
    picture = arrange(scene([gpu], made), Choice(grouping=Grouping.OWNER), Slots())
    groups = [box for box in picture.boxes if box.kind == "group"]
    assert {words.say("en", one.title.key, one.title.values) for one in groups} == set(names)


def test_what_is_drawn_as_one_has_a_worker_only_where_one_of_them_has() -> None:
    gpu = device(0)
    unused, used = vgpu(1, gpu), vgpu(2, gpu, worker_process_id=7)
    for vgpus, kind in (([unused], "reserved"), ([unused, used], "worker")):
        picture = arrange(scene([gpu], vgpus), Choice(collapse=Collapse.ALL), Slots())
        assert [box.kind for box in picture.boxes if box.id.startswith("vgpus:")] == [kind]
