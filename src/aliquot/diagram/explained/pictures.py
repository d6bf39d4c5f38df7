"""Lays a way to divide a GPU out as a picture: levels from the top down, A and B side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from aliquot.diagram import measures
from aliquot.diagram.chain import Flow, down
from aliquot.diagram.explained.ways import MEMORY, WAYS, Level, Share, Way
from aliquot.model.api.explained import ModeExplained, ModesExplained
from aliquot.model.api.picture import Band, Bar, Box, Edge, Layer, Line, Look, Part, Picture

_NAMES = ("A", "B")
_VGPUS = (f"{0:032x}", f"{1:032x}")  # ids that nothing real has; they give the colours
_GIB = 1 << 30
_BARS_AT = 48  # in the device, as it is drawn
_BAR_STEP = 36
_LEFT = measures.MARGIN + measures.LABELS
_INSIDE = _LEFT + measures.NODE_PAD
_WIDTH = measures.column_width(len(_NAMES))
_FLOWS = Flow(0.0, 0.0, active=True)


@cache
def all_modes() -> ModesExplained:
    """Each way with its picture."""
    return ModesExplained(
        items=[
            ModeExplained(mode=way.mode, look=way.look, tested=way.tested, picture=picture(way))
            for way in WAYS
        ]
    )


def picture(way: Way) -> Picture:
    """The picture of a way."""
    y = measures.MARGIN + measures.NODE_HEADER
    boxes: list[Box] = []
    edges: list[Edge] = []
    bands: list[Band] = []
    above: list[Box] = []
    for level in way.levels:
        if bands:
            within = bands[-1].layer is level.layer
            y += measures.HOST_GAP if within else measures.LAYER_GAP
        row = _row(way, level, y)
        boxes += row
        edges += _edges(above, row)
        above = row
        bands = _with_band(bands, level.layer, y, level.height)
        y += level.height
    if len(way.memory) < len(_NAMES):
        boxes.append(_nobody(way, bands[-1]))
    y += measures.LAYER_GAP
    device = _device(way, y)
    boxes.append(device)
    edges += _edges(above, [device])
    bands = _with_band(bands, Layer.DEVICES, y, device.height)
    bottom = y + device.height + measures.NODE_PAD
    return Picture(
        node=way.mode,
        at_ms=0,
        sequence=0,
        width=_INSIDE + _WIDTH + measures.NODE_PAD + measures.MARGIN,
        height=bottom + measures.MARGIN,
        bands=bands,
        boxes=[_frame(way, bottom), *boxes],
        edges=edges,
    )


def _row(way: Way, level: Level, y: int) -> list[Box]:
    if level.common:
        name = f"{level.kind}:{way.mode}"
        return [_box(name, level, _slot(0), y, measures.slots_width(len(_NAMES)), "")]
    users = min(len(_NAMES), len(way.memory))
    return [
        _box(
            f"{_prefix(level)}:{way.mode}:{_NAMES[number]}",
            level,
            _slot(number),
            y,
            measures.SLOT,
            _NAMES[number],
            _VGPUS[number],
        )
        for number in range(users)
    ]


def _prefix(level: Level) -> str:
    """What ids begin with; what is drawn as a vGPU begins as those of vGPUs do."""
    names = {Layer.CONSUMERS: "consumers", Layer.GUEST: "guest"}
    return names.get(level.layer, "vgpu")


def _box(name: str, level: Level, x: int, y: int, width: int, user: str, subject: str = "") -> Box:
    return Box(
        id=name,
        layer=level.layer,
        kind=level.kind,
        look=level.look,
        x=x,
        y=y,
        width=width,
        height=level.height,
        title=Line(key=level.title, values={"name": user} if user else {}),
        lines=[Line(key=key) for key in level.lines],
        subject=subject,
    )


def _nobody(way: Way, band: Band) -> Box:
    """Where B would be, if there were room beside A."""
    return Box(
        id=f"others:{way.mode}",
        layer=band.layer,
        kind="others",
        look=Look.ABSENT,
        x=_slot(1),
        y=band.y,
        width=measures.SLOT,
        height=band.height,
        title=Line(key="scene-nobody"),
    )


def _device(way: Way, y: int) -> Box:
    bars = [_bar("memory", MEMORY * _GIB, [_sized(one) for one in way.memory])]
    if way.time:
        bars.append(_bar("time", 100.0, way.time))
    return Box(
        id=f"device:{way.mode}",
        layer=Layer.DEVICES,
        kind="device",
        look=Look.DEVICE,
        x=_INSIDE,
        y=y,
        width=_WIDTH,
        height=_BARS_AT + _BAR_STEP * len(bars),
        title=Line(key="scene-device"),
        lines=[Line(key=way.device)],
        bars=bars,
    )


def _sized(share: Share) -> Share:
    return Share(share.promised * _GIB, share.used * _GIB)


def _bar(kind: str, total: float, shares: Sequence[Share]) -> Bar:
    """What is used of memory lies within what was promised; of time it is a track of its own."""
    parts: list[Part] = []
    promised = used = 0.0
    for number, share in enumerate(shares):
        known = number < len(_NAMES)
        parts.append(
            Part(
                vgpu=_VGPUS[number] if known else "",
                name=_NAMES[number] if known else "",
                promised_from=promised,
                promised=share.promised,
                used_from=promised if kind == "memory" else used,
                used=share.used,
            )
        )
        promised += share.promised
        used += share.used
    return Bar(kind=kind, total=total, parts=parts)


def _frame(way: Way, bottom: int) -> Box:
    return Box(
        id=f"node:{way.mode}",
        layer=Layer.NODE,
        kind="node",
        look=Look.FRAME,
        x=_LEFT,
        y=measures.MARGIN,
        width=_WIDTH + 2 * measures.NODE_PAD,
        height=bottom - measures.MARGIN,
        title=Line(key="scene-node"),
    )


def _edges(above: Sequence[Box], row: Sequence[Box]) -> list[Edge]:
    """Straight down, each to the box below it."""
    return [
        down(box, row[number if len(row) == len(above) else 0], box.look, _FLOWS, f"from:{box.id}")
        for number, box in enumerate(above)
    ]


def _with_band(bands: list[Band], layer: Layer, y: int, height: int) -> list[Band]:
    """The bands with one more level; what is of one layer is one band."""
    if bands and bands[-1].layer is layer:
        last = bands[-1]
        return [*bands[:-1], Band(layer=layer, y=last.y, height=y + height - last.y)]
    return [*bands, Band(layer=layer, y=y, height=height)]


def _slot(number: int) -> int:
    return _INSIDE + measures.COLUMN_PAD + number * (measures.SLOT + measures.SLOT_GAP)
