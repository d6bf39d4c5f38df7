"""The layout: columns of devices in rows, rows in nodes, and the queue beside them.

Layers go from the top down, as the field draws them. It is computed, not relaxed: the same scene
and the same slots give the same picture, to the pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aliquot.diagram import measures
from aliquot.diagram.column import Column, column, drawn
from aliquot.diagram.scene import Choice, Scene
from aliquot.diagram.slots import Slots
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Band, Box, Edge, Layer, Line, Look, Picture
from aliquot.model.api.vgpus import VgpuResource


def arrange(scene: Scene, choice: Choice, slots: Slots) -> Picture:
    """The picture of a scene."""
    slots.keep_only([device.uuid for device in scene.devices])
    scene = _chosen(scene, choice)
    boxes: list[Box] = []
    edges: list[Edge] = []
    bands: list[Band] = []
    left, top, right = measures.MARGIN + measures.LABELS, measures.MARGIN, 0
    for node, devices in _by_node(scene.devices):
        columns = [column(scene, device, choice, slots) for device in devices]
        at = top + measures.NODE_HEADER
        frame_at = len(boxes)
        widest = 0
        for row in _rows(columns):
            x = left + measures.NODE_PAD
            for one in row:
                more_boxes, more_edges = drawn(scene, one, x, at)
                boxes += more_boxes
                edges += more_edges
                x += one.width + measures.COLUMN_GAP
            widest = max(widest, x - measures.COLUMN_GAP - left + measures.NODE_PAD)
            bands += [
                Band(layer=layer, y=at + begin, height=height)
                for layer, (begin, height) in measures.LAYERS.items()
            ]
            at += measures.ROW + measures.ROW_GAP
        bottom = at - measures.ROW_GAP + measures.NODE_PAD
        boxes.insert(frame_at, _node(node, devices, left, top, widest, bottom - top))
        top, right = bottom + measures.ROW_GAP, max(right, left + widest)
    waiting = [vgpu for vgpu in scene.vgpus if vgpu.device is None]
    if waiting:
        queue = _queue(waiting, left, top)
        boxes.append(queue)
        top, right = queue.y + queue.height + measures.ROW_GAP, max(right, queue.x + queue.width)
    return Picture(
        node=scene.node,
        at_ms=scene.at_ms,
        sequence=scene.sequence,
        width=max(right, left + measures.SLOT) + measures.MARGIN,
        height=top - measures.ROW_GAP + measures.MARGIN if boxes else 2 * measures.MARGIN,
        bands=bands,
        boxes=boxes,
        edges=edges,
    )


def _chosen(scene: Scene, choice: Choice) -> Scene:
    """Without what is not to be seen."""
    devices, vgpus = scene.devices, scene.vgpus
    if choice.device is not None:
        devices = [device for device in devices if device.uuid == choice.device]
        vgpus = [vgpu for vgpu in vgpus if vgpu.device == choice.device]
    if choice.owner is not None:
        vgpus = [vgpu for vgpu in vgpus if vgpu.tenant == choice.owner]
    return scene._replace(devices=devices, vgpus=vgpus)


def _by_node(devices: Iterable[DeviceResource]) -> list[tuple[str, list[DeviceResource]]]:
    found: dict[str, list[DeviceResource]] = {}
    for device in devices:
        found.setdefault(device.node, []).append(device)
    return list(found.items())


def _rows(columns: Sequence[Column]) -> list[list[Column]]:
    """Columns side by side, as far as a row is wide; each in its order."""
    rows: list[list[Column]] = []
    width = 0
    for one in columns:
        if not rows or width + one.width > measures.WIDEST_ROW:
            rows.append([])
            width = 0
        rows[-1].append(one)
        width += one.width + measures.COLUMN_GAP
    return rows


def _node(
    name: str, devices: Sequence[DeviceResource], x: int, y: int, width: int, height: int
) -> Box:
    return Box(
        id=f"node:{name}",
        layer=Layer.NODE,
        kind="node",
        look=Look.FRAME,
        x=x,
        y=y,
        width=width,
        height=height,
        title=Line(key="node", values={"name": name, "devices": len(devices)}),
        subject=name,
        simulated=all(device.simulated for device in devices),
    )


_SHOWN = 8


def _queue(waiting: Sequence[VgpuResource], x: int, y: int) -> Box:
    """Those that have no place yet, the next to be served first."""
    ordered = sorted(waiting, key=lambda vgpu: (vgpu.queue_position or 1 << 30, vgpu.id))
    lines = [
        Line(key="waits", values={"name": vgpu.name, "memory": vgpu.memory})
        for vgpu in ordered[:_SHOWN]
    ]
    if len(ordered) > _SHOWN:
        lines.append(Line(key="more", values={"count": len(ordered) - _SHOWN}))
    return Box(
        id="queue",
        layer=Layer.NODE,
        kind="queue",
        look=Look.QUEUE,
        x=x,
        y=y,
        width=measures.slots_width(2),
        height=40 + 18 * len(lines),
        title=Line(key="queue", values={"count": len(waiting)}),
        lines=lines,
        count=len(waiting),
    )
