"""Edges from chains to the devices below them: down, across in a lane, and down again.

Where rows of boxes lie between, an edge goes through a gap of theirs, so that none seems to end at,
or to come from, a box that it has nothing to do with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from aliquot.diagram import chain, measures
from aliquot.diagram.chain import Flow
from aliquot.diagram.column import PAST_THE_HOST
from aliquot.model.api.picture import Box, Edge
from aliquot.model.api.vgpus import VgpuResource

_CLEAR = 4  # so far from a box, and from another edge in the same gap
_LEVELS = 4  # heights at which edges go across between two rows
_FRAMES = ("node", "group", "mode")  # edges may cross these


class Foot(NamedTuple):
    """The end of a chain, and what of it goes to which device."""

    box: Box
    by_device: dict[str, list[VgpuResource]]


class _Way(NamedTuple):
    """An edge before it has its points."""

    foot: Box
    target: Box
    device: Box
    vgpus: list[VgpuResource]
    lane: int
    level: int
    alone: bool  # the only one from its foot


def across(
    feet: Sequence[Foot], above: Sequence[Box], below: Sequence[Box], top: int
) -> list[Edge]:
    """From each chain, among the boxes above, to the devices that its vGPUs are on."""
    by_id = {box.id: box for box in below}
    ways = _ways(feet, by_id, top)
    at_target: dict[tuple[str, bool], int] = {}
    for way in ways:
        at_target[_end(way)] = at_target.get(_end(way), 0) + 1
    reached: dict[tuple[str, bool], int] = {}
    gaps = _Gaps()
    edges: list[Edge] = []
    for way in ways:
        end = _end(way)
        reached[end] = number = reached.get(end, 0) + 1
        left, width = _landing(way, by_id)
        to = left + width * number // (at_target[end] + 1)
        name = f"turns:{way.foot.id}:{way.device.subject}"
        straight = chain.down(way.foot, way.target, way.foot.look, Flow.of(way.vgpus), name)
        points = [
            *_down_from(way, above, gaps),
            *_down_to(way, to, below, gaps),
        ]
        label = _label(way, points, number)
        edges.append(msgspec.structs.replace(straight, points=points, label=label))
    return edges


def _label(way: _Way, points: Sequence[tuple[int, int]], number: int) -> tuple[int, int]:
    """Under the foot, where nothing else is; or at the end, where a foot has several edges."""
    if way.alone:
        x, y = points[0]
        return x + measures.LABEL_GAP, y + measures.LABEL
    x, y = points[-1]
    return x + measures.LABEL_GAP, y - measures.LABEL - measures.LABEL * ((number - 1) % 3)


def _down_from(way: _Way, above: Sequence[Box], gaps: _Gaps) -> list[tuple[int, int]]:
    """From the foot to its lane, past the rows between."""
    x, y = way.foot.x + way.foot.width // 2, way.foot.y + way.foot.height
    between = [box for box in above if box.y > y and box.kind not in _FRAMES]
    if not between:
        return [(x, y), (x, way.lane)]
    turn = y + measures.NODE_PAD + _CLEAR + way.level
    passed = gaps.nearest(x, between)
    return [(x, y), (x, turn), (passed, turn), (passed, way.lane)]


def _down_to(way: _Way, to: int, below: Sequence[Box], gaps: _Gaps) -> list[tuple[int, int]]:
    """From the lane to where it ends, past the rows between."""
    end = way.target.y
    row = min(way.device.y - measures.BARE_DEVICE_AT, end)
    between = [box for box in below if box.y + box.height < row and box.kind not in _FRAMES]
    if not between:
        return [(to, way.lane), (to, end)]
    turn = row - measures.NODE_HEADER - measures.NODE_PAD - _CLEAR + way.level // 2
    passed = gaps.nearest(to, between)
    return [(passed, way.lane), (passed, turn), (to, turn), (to, end)]


class _Gaps:
    """Where edges may go down between boxes; no two at the same place."""

    def __init__(self) -> None:
        """None goes anywhere yet."""
        self._taken: set[int] = set()

    def nearest(self, x: int, boxes: Iterable[Box]) -> int:
        """The free place that is nearest to this one."""
        blocked = [(box.x - _CLEAR, box.x + box.width + _CLEAR) for box in boxes]
        steps = sorted(range(-_reach(x, blocked), _reach(x, blocked) + 1), key=abs)
        for step in steps:
            place = x + _CLEAR * step
            free = not any(begin < place < end for begin, end in blocked)
            if place > 0 and free and place not in self._taken:
                self._taken.add(place)
                return place
        return x  # there are more edges than room


def _reach(x: int, blocked: Sequence[tuple[int, int]]) -> int:
    """So many steps to either side there surely is a gap."""
    far = max(max(abs(begin - x), abs(end - x)) for begin, end in blocked)
    return far // _CLEAR + measures.SLOT // _CLEAR


def _ways(feet: Sequence[Foot], by_id: dict[str, Box], top: int) -> list[_Way]:
    found: list[_Way] = []
    for number, foot in enumerate(feet):
        lane = number % measures.LANES - measures.LANES // 2
        for uuid, vgpus in foot.by_device.items():
            device = by_id.get(f"device:{uuid}")
            if device is None:
                continue
            past = foot.box.look in PAST_THE_HOST
            target = device if past else by_id.get(f"host:{uuid}", device)
            y = top - measures.CROSSING // 2 + lane * measures.LANE
            level = number % _LEVELS * _CLEAR
            alone = len(foot.by_device) == 1
            found.append(_Way(foot.box, target, device, vgpus, y, level, alone))
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
