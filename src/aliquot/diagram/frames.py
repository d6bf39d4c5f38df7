"""Frames around what belongs together, the rows in them, and the queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def group(key: str, name: str, x: int, y: int, width: int, height: int) -> Box:
    """The frame around the vGPUs of an owner or a mode; `name` is the one, or the other's line."""
    title = Line(key=name) if name.startswith("look-") else Line(key="name", values={"name": name})
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
