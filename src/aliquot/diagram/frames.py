"""Frames around what belongs together, the rows in them, and the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from aliquot.diagram import measures
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Band, Box, Edge, Layer, Line, Look
from aliquot.model.api.vgpus import VgpuResource


class Laid(NamedTuple):
    """What was laid out: how far to the right it reaches, and where the next thing may begin."""

    boxes: list[Box]
    edges: list[Edge]
    bands: list[Band]
    right: int
    below: int


class Wide(Protocol):
    """What stands beside others in a row."""

    @property
    def width(self) -> int:
        """How wide it is."""
        ...


W = TypeVar("W", bound=Wide)


def by_node(devices: Iterable[DeviceResource]) -> list[tuple[str, list[DeviceResource]]]:
    """Devices by their nodes, in their order."""
    found: dict[str, list[DeviceResource]] = {}
    for device in devices:
        found.setdefault(device.node, []).append(device)
    return list(found.items())


def rows(columns: Sequence[W]) -> list[list[W]]:
    """Columns side by side, as far as a row is wide; each in its order."""
    found: list[list[W]] = []
    width = 0
    for one in columns:
        if not found or width + one.width > measures.WIDEST_ROW:
            found.append([])
            width = 0
        found[-1].append(one)
        width += one.width + measures.COLUMN_GAP
    return found


def nodes(
    devices: Iterable[DeviceResource],
    made: Callable[[DeviceResource], W],
    draw: Callable[[W, int, int], tuple[list[Box], list[Edge]]],
    layers: Mapping[Layer, tuple[int, int]],
    height: int,
    left: int,
    top: int,
) -> Laid:
    """Nodes below one another, each a frame with its devices in rows of this height.

    `made` says how wide a device's column is, and `draw` draws it at a place.
    """
    boxes: list[Box] = []
    edges: list[Edge] = []
    bands: list[Band] = []
    right = 0
    for name, own in by_node(devices):
        at, frame_at, widest = top + measures.NODE_HEADER, len(boxes), 0
        for row in rows([made(device) for device in own]):
            x = left + measures.NODE_PAD
            for one in row:
                more_boxes, more_edges = draw(one, x, at)
                boxes += more_boxes
                edges += more_edges
                x += one.width + measures.COLUMN_GAP
            widest = max(widest, x - measures.COLUMN_GAP - left + measures.NODE_PAD)
            bands += [
                Band(layer=layer, y=at + begin, height=long)
                for layer, (begin, long) in layers.items()
            ]
            at += height + measures.ROW_GAP
        bottom = at - measures.ROW_GAP + measures.NODE_PAD
        boxes.insert(frame_at, node(name, own, left, top, widest, bottom - top))
        top, right = bottom + measures.ROW_GAP, max(right, left + widest)
    return Laid(boxes, edges, bands, right, top)


def node(
    name: str, devices: Sequence[DeviceResource], x: int, y: int, width: int, height: int
) -> Box:
    """The frame around a node's devices."""
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


def group(
    key: str, title: Line, x: int, y: int, width: int, height: int, *, opens: bool = True
) -> Box:
    """The frame around the vGPUs of an owner or a mode; `opens`: they can be drawn as one."""
    return Box(
        id=f"group:{key}",
        layer=Layer.NODE,
        kind="group",
        look=Look.FRAME,
        x=x,
        y=y,
        width=width,
        height=height,
        title=title,
        opens=key if opens else "",
    )


_SHOWN = 8


def queue(waiting: Sequence[VgpuResource], x: int, y: int) -> Box:
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
