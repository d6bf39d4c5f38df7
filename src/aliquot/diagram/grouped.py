"""The layout by owner or by mode: groups of vGPUs above, all devices below, and edges across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from aliquot.diagram import chain, frames, measures
from aliquot.diagram.chain import Flow
from aliquot.diagram.column import (
    PAST_THE_HOST,
    Column,
    collapsed,
    device_box,
    host_box,
    mode_boxes,
)
from aliquot.diagram.frames import Laid
from aliquot.diagram.scene import Choice, Grouping, Scene, look_of
from aliquot.diagram.slots import Slots, column_slots
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Band, Box, Edge, Layer, Line, Look
from aliquot.model.api.vgpus import VgpuResource


class _Group(NamedTuple):
    """The vGPUs of an owner or mode before they have a place."""

    key: str
    title: Line
    vgpus: list[VgpuResource]
    places: dict[str, int]  # empty where they are drawn as one
    width: int


class _Foot(NamedTuple):
    """The end of a chain, and what of it goes to which device."""

    box: Box
    vgpus: list[VgpuResource]


def arrange(scene: Scene, choice: Choice, slots: Slots) -> Laid:
    """All of it but the queue."""
    boxes: list[Box] = []
    edges: list[Edge] = []
    bands: list[Band] = []
    feet: list[_Foot] = []
    left, top, right = measures.MARGIN + measures.LABELS, measures.MARGIN, 0
    for row in frames.rows(_groups(scene, choice, slots)):
        at = top + measures.NODE_HEADER
        x = left
        for one in row:
            height = measures.NODE_HEADER + measures.GROUP_ROW + measures.NODE_PAD
            boxes.append(frames.group(one.key, one.title, x, top, one.width, height))
            begin = x + measures.COLUMN_PAD
            for made, vgpus in chain.all_of(scene, one.key, one.vgpus, one.places, begin, at):
                boxes += made.boxes
                edges += made.edges
                feet.append(_Foot(made.foot, vgpus))
            x += one.width + measures.COLUMN_GAP
        right = max(right, x - measures.COLUMN_GAP)
        for layer in (Layer.CONSUMERS, Layer.GUEST, Layer.VIRTUALIZATION):
            begin, height = measures.LAYERS[layer]
            height = min(height, measures.GROUP_ROW - begin)
            bands.append(Band(layer=layer, y=at + begin, height=height))
        top = at + measures.GROUP_ROW + measures.NODE_PAD + measures.ROW_GAP
    if feet:
        top += measures.CROSSING - measures.ROW_GAP
    below = _devices(scene, left, top)
    boxes += below.boxes
    edges += below.edges + _across(feet, below.boxes, top)
    return Laid(boxes, edges, bands + below.bands, max(right, below.right), below.below)


def keys(scene: Scene, choice: Choice) -> dict[str, list[VgpuResource]]:
    """The vGPUs of each group, by its key: those that wait for a device are in none."""
    found: dict[str, list[VgpuResource]] = {}
    for vgpu in scene.vgpus:
        if vgpu.device is not None:
            by_owner = choice.grouping is Grouping.OWNER
            name = vgpu.tenant if by_owner else look_of(vgpu).value
            found.setdefault(f"{choice.grouping.value}:{name}", []).append(vgpu)
    return found


def _groups(scene: Scene, choice: Choice, slots: Slots) -> list[_Group]:
    """In the order of their names, so that a new one moves few."""
    found = keys(scene, choice)
    groups: list[_Group] = []
    for key in sorted(found):
        name, vgpus = key.partition(":")[2], found[key]
        title = Line(key=f"look-{name}")
        if choice.grouping is Grouping.OWNER:
            title = Line(key="name", values={"name": name})
        if collapsed(scene, key, len(vgpus), choice):
            looks = len({look_of(vgpu) for vgpu in vgpus})
            groups.append(_Group(key, title, vgpus, {}, measures.column_width(looks)))
            continue
        places = slots.assign(key, [vgpu.id for vgpu in vgpus])
        width = measures.column_width(column_slots(max(places.values()) + 1))
        groups.append(_Group(key, title, vgpus, places, width))
    return groups


def _devices(scene: Scene, left: int, top: int) -> Laid:
    """The devices, each with its device host where it has one, in the frames of their nodes."""
    layers = {
        Layer.VIRTUALIZATION: (0, measures.HOST),
        Layer.DEVICES: (measures.BARE_DEVICE_AT, measures.DEVICE),
    }

    def bare(device: DeviceResource) -> Column:
        on_it = [vgpu for vgpu in scene.vgpus if vgpu.device == device.uuid]
        return Column(device, on_it, {}, measures.column_width(2))

    def draw(one: Column, x: int, y: int) -> tuple[list[Box], list[Edge]]:
        return _device(scene, one, x, y)

    return frames.nodes(scene.devices, bare, draw, layers, measures.BARE_ROW, left, top)


def _device(scene: Scene, one: Column, x: int, top: int) -> tuple[list[Box], list[Edge]]:
    # Its row begins so that it stands where it should without chains over it.
    above = top + measures.BARE_DEVICE_AT - measures.LAYERS[Layer.DEVICES][0]
    box = device_box(one, x, above, stale=one.device.uuid in scene.stale)
    boxes = [box, *mode_boxes(one.device, box)]
    through = [vgpu for vgpu in one.vgpus if look_of(vgpu) not in PAST_THE_HOST]
    if not through:
        return boxes, []
    # What doesn't go through it passes by at its right.
    room = one.width - 2 * measures.COLUMN_PAD
    width = room if len(through) == len(one.vgpus) else room * 2 // 3
    host = msgspec.structs.replace(
        host_box(one, [box], top), x=x + measures.COLUMN_PAD, y=top, width=width
    )
    edge = chain.down(host, box, Look.SOFTWARE, Flow.of(through), f"device:{one.device.uuid}")
    return [*boxes, host], [edge]


class _Way(NamedTuple):
    """An edge before it has its points."""

    foot: Box
    target: Box
    device: Box
    vgpus: list[VgpuResource]
    lane: int


def _across(feet: Sequence[_Foot], boxes: Sequence[Box], top: int) -> list[Edge]:
    """From each chain to the devices that its vGPUs are on: down, across in a lane, and down."""
    ways = _ways(feet, {box.id: box for box in boxes}, top)
    at_target: dict[tuple[str, bool], int] = {}
    for way in ways:
        at_target[_end(way)] = at_target.get(_end(way), 0) + 1
    reached: dict[tuple[str, bool], int] = {}
    edges: list[Edge] = []
    for way in ways:
        end = _end(way)
        reached[end] = number = reached.get(end, 0) + 1
        left, width = _landing(way, {box.id: box for box in boxes})
        to = left + width * number // (at_target[end] + 1)
        name = f"turns:{way.foot.id}:{way.device.subject}"
        straight = chain.down(way.foot, way.target, way.foot.look, Flow.of(way.vgpus), name)
        x = way.foot.x + way.foot.width // 2
        points = [
            (x, way.foot.y + way.foot.height),
            (x, way.lane),
            (to, way.lane),
            (to, way.target.y),
        ]
        edges.append(msgspec.structs.replace(straight, points=points))
    return edges


def _ways(feet: Sequence[_Foot], by_id: dict[str, Box], top: int) -> list[_Way]:
    found: list[_Way] = []
    for number, foot in enumerate(feet):
        by_device: dict[str, list[VgpuResource]] = {}
        for vgpu in foot.vgpus:
            by_device.setdefault(str(vgpu.device), []).append(vgpu)
        lane = number % measures.LANES - measures.LANES // 2
        for uuid, vgpus in by_device.items():
            device = by_id.get(f"device:{uuid}")
            if device is None:
                continue
            past = foot.box.look in PAST_THE_HOST
            target = device if past else by_id.get(f"host:{uuid}", device)
            y = top - measures.CROSSING // 2 + lane * measures.LANE
            found.append(_Way(foot.box, target, device, vgpus, y))
    return found


def _end(way: _Way) -> tuple[str, bool]:
    """Edges of one end are spread side by side."""
    return way.target.id, way.foot.look in PAST_THE_HOST


def _landing(way: _Way, by_id: dict[str, Box]) -> tuple[int, int]:
    """Where edges of a way's end may land: beside the device host, if they pass it."""
    target = way.target
    host = by_id.get(f"host:{way.device.subject}")
    if way.foot.look in PAST_THE_HOST and host is not None:
        left = host.x + host.width
        return left, target.x + target.width - left
    return target.x, target.width
