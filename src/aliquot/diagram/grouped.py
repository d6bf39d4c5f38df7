"""The layout by owner or by mode: groups of vGPUs above, all devices below, and edges across."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
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
from aliquot.diagram.crossing import Foot, across
from aliquot.diagram.frames import Laid
from aliquot.diagram.scene import Choice, Grouping, Scene, look_of
from aliquot.diagram.slots import Slots, column_slots
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Band, Box, Edge, Layer, Line, Look
from aliquot.model.api.vgpus import VgpuResource

_OTHERS_BESIDE = 8  # so many devices' others stand in one frame


class _Group(NamedTuple):
    """The vGPUs of an owner or mode before they have a place; or others', of some devices."""

    key: str
    title: Line
    vgpus: list[VgpuResource]
    places: dict[str, int]  # empty where they are drawn as one
    width: int
    columns: Sequence[Column] = ()  # the devices, with what of them isn't others'


def arrange(scene: Scene, choice: Choice, slots: Slots) -> Laid:
    """All of it but the queue."""
    boxes: list[Box] = []
    edges: list[Edge] = []
    bands: list[Band] = []
    feet: list[Foot] = []
    left, top, right = measures.MARGIN + measures.LABELS, measures.MARGIN, 0
    for row in frames.rows(_groups(scene, choice, slots)):
        at = top + measures.NODE_HEADER
        x = left
        for one in row:
            height = measures.NODE_HEADER + measures.GROUP_ROW + measures.NODE_PAD
            frame = frames.group(
                one.key, one.title, x, top, one.width, height, opens=bool(one.vgpus)
            )
            boxes.append(frame)
            begin = x + measures.COLUMN_PAD
            for made, vgpus in chain.all_of(scene, one.key, one.vgpus, one.places, begin, at):
                boxes += made.boxes
                edges += made.edges
                feet.append(Foot(made.foot, _by_device(vgpus)))
            for number, column in enumerate(one.columns):
                step = number * (measures.SLOT + measures.SLOT_GAP)
                box = chain.others(column.device, column.vgpus, begin + step, at)
                boxes.append(box)
                feet.append(Foot(box, {column.device.uuid: []}))
            x += one.width + measures.COLUMN_GAP
        right = max(right, x - measures.COLUMN_GAP)
        for layer in (Layer.CONSUMERS, Layer.GUEST, Layer.VIRTUALIZATION):
            begin, height = measures.LAYERS[layer]
            height = min(height, measures.GROUP_ROW - begin)
            bands.append(Band(layer=layer, y=at + begin, height=height))
        top = at + measures.GROUP_ROW + measures.NODE_PAD + measures.ROW_GAP
    if feet:
        top += measures.CROSSING - measures.ROW_GAP
    above, below = tuple(boxes), _devices(scene, left, top)
    boxes += below.boxes
    edges += below.edges + across(feet, above, below.boxes, top)
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
    return groups + _others(scene)


def _others(scene: Scene) -> list[_Group]:
    """What of the devices others have, whom the caller may not see: no more than its sum."""
    bare = [_bare(scene, device) for device in scene.devices]
    having = [one for one in bare if one.device.vgpus > len(one.vgpus)]
    groups: list[_Group] = []
    for begin in range(0, len(having), _OTHERS_BESIDE):
        some = having[begin : begin + _OTHERS_BESIDE]
        count = sum(one.device.vgpus - len(one.vgpus) for one in some)
        title = Line(key="others", values={"count": count})
        width = measures.column_width(column_slots(len(some)))
        groups.append(_Group(f"others:{begin}", title, [], {}, width, some))
    return groups


def _bare(scene: Scene, device: DeviceResource) -> Column:
    """A device without anything over it."""
    on_it = [vgpu for vgpu in scene.vgpus if vgpu.device == device.uuid]
    return Column(device, on_it, {}, measures.column_width(2))


def _by_device(vgpus: Sequence[VgpuResource]) -> dict[str, list[VgpuResource]]:
    found: dict[str, list[VgpuResource]] = {}
    for vgpu in vgpus:
        found.setdefault(str(vgpu.device), []).append(vgpu)
    return found


def _devices(scene: Scene, left: int, top: int) -> Laid:
    """The devices, each with its device host where it has one, in the frames of their nodes."""
    layers = {
        Layer.VIRTUALIZATION: (0, measures.HOST),
        Layer.DEVICES: (measures.BARE_DEVICE_AT, measures.DEVICE),
    }

    def draw(one: Column, x: int, y: int) -> tuple[list[Box], list[Edge]]:
        return _device(scene, one, x, y)

    made = partial(_bare, scene)
    return frames.nodes(scene.devices, made, draw, layers, measures.BARE_ROW, left, top)


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
    all_of_them = max(len(one.vgpus), one.device.vgpus)
    width = room if len(through) == all_of_them else room * 2 // 3
    host = msgspec.structs.replace(
        host_box(one, [box], top), x=x + measures.COLUMN_PAD, y=top, width=width
    )
    edge = chain.down(host, box, Look.SOFTWARE, Flow.of(through), f"device:{one.device.uuid}")
    return [*boxes, host], [edge]
