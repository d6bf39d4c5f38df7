"""The layout of one vGPU: its processes, the command queues of each, and what they stand on.

Processes and queues keep their places as long as they are there, so what comes or goes moves
others only where a process needs more room. Beyond a number they are drawn as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aliquot.diagram import chain, column, frames, measures
from aliquot.diagram.chain import Flow
from aliquot.diagram.column import PAST_THE_HOST, Column
from aliquot.diagram.frames import Laid
from aliquot.diagram.scene import Scene, look_of
from aliquot.diagram.slots import Slots, column_slots
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Band, Bar, Box, Edge, Layer, Line, Look, Part
from aliquot.model.api.processes import CommandQueueResource, ProcessResource
from aliquot.model.api.vgpus import VgpuResource

_MOST_PROCESSES = 16
_MOST_QUEUES = 16  # of a process
_NARROWEST = 2  # slots
_MILLISECOND_NS = 1_000_000


class _Place(NamedTuple):
    """A process where it stands: how wide, its queues by their slots, and how many are left."""

    process: ProcessResource
    slots: int
    queues: dict[int, CommandQueueResource]
    more: int


class _Users(NamedTuple):
    """Who uses the vGPU, by places; some may be empty, and some have none."""

    places: list[_Place | None]
    more: int
    width: int


def arrange(scene: Scene, vgpu: VgpuResource, slots: Slots) -> Laid:
    """All of it."""
    users = _users(scene, slots)
    left, top = measures.MARGIN + measures.LABELS, measures.MARGIN
    device = next((one for one in scene.devices if one.uuid == vgpu.device), None)
    if device is None:  # it waits for one, and nobody uses it
        box = chain.vgpu_box(vgpu, left, top, stale=False, used=False)
        band = Band(layer=Layer.VIRTUALIZATION, y=box.y, height=box.height)
        below = box.y + box.height + measures.ROW_GAP
        return Laid([box], [], [band], box.x + box.width, below)

    def made(of: DeviceResource) -> Column:
        on_it = [one for one in scene.vgpus if one.device == of.uuid]
        return Column(of, on_it, {}, users.width + 2 * measures.COLUMN_PAD)

    def draw(one: Column, x: int, y: int) -> tuple[list[Box], list[Edge]]:
        return _drawn(scene, vgpu, users, one, x, y)

    return frames.nodes(
        [device], made, draw, measures.OPENED_LAYERS, measures.OPENED_ROW, left, top
    )


def _users(scene: Scene, slots: Slots) -> _Users:
    told = scene.processes.processes if scene.processes is not None else []
    by_connection = {str(process.connection): process for process in told}
    slots.keep_only(["processes", *(f"queues:{key}" for key in by_connection)])
    places = slots.assign("processes", list(by_connection))
    shown = {place: key for key, place in places.items() if place < _MOST_PROCESSES}
    found = [
        _place(by_connection[shown[place]], slots) if place in shown else None
        for place in range(max(shown, default=-1) + 1)
    ]
    more = len(by_connection) - len(shown)
    widths = [_width(place) for place in found] + ([measures.SLOT] if more else [])
    gaps = measures.COLUMN_GAP * (len(widths) - 1)
    return _Users(found, more, max(sum(widths) + gaps, measures.slots_width(_NARROWEST)))


def _place(process: ProcessResource, slots: Slots) -> _Place:
    by_number = {str(queue.number): queue for queue in process.queues}
    places = slots.assign(f"queues:{process.connection}", list(by_number))
    queues = {place: by_number[key] for key, place in places.items() if place < _MOST_QUEUES}
    more = len(by_number) - len(queues) + process.queues_left_out
    used = max(queues, default=-1) + 1 + bool(more)
    return _Place(process, column_slots(used), queues, more)


def _width(place: _Place | None) -> int:
    return measures.slots_width(place.slots if place is not None else _NARROWEST)


def _drawn(
    scene: Scene, vgpu: VgpuResource, users: _Users, one: Column, left: int, top: int
) -> tuple[list[Box], list[Edge]]:
    stale = one.device.uuid in scene.stale
    below = top + measures.OPENED_SHIFT
    x = left + measures.COLUMN_PAD
    used = any(place is not None for place in users.places)
    worker = chain.vgpu_box(vgpu, x, below, stale=stale, used=used, width=users.width)
    boxes, edges = _all_users(scene, vgpu, users, worker, x, top)
    device = column.device_box(one, left, below, stale=stale)
    boxes += [worker, device, *column.mode_boxes(one.device, device)]
    flow, look = Flow.of([vgpu]), look_of(vgpu)
    target = device
    if look not in PAST_THE_HOST:
        target = column.host_box(one, [worker], below)
        boxes.append(target)
        name = f"device:{one.device.uuid}"
        edges.append(chain.down(target, device, look, flow, name))
    edges.append(chain.down(worker, target, look, flow, f"turns:{worker.id}"))
    return boxes, edges


def _all_users(
    scene: Scene, vgpu: VgpuResource, users: _Users, worker: Box, left: int, top: int
) -> tuple[list[Box], list[Edge]]:
    boxes: list[Box] = []
    edges: list[Edge] = []
    silent = scene.processes is not None and scene.processes.queues_told == "silent"
    x = left
    for place in users.places:
        if place is not None:
            made, ways = _process(vgpu, place, worker, x, top, silent=silent)
            boxes += made
            edges += ways
        x += _width(place) + measures.COLUMN_GAP
    if users.more:
        title = Line(key="processes-more", values={"count": users.more})
        box = _user(vgpu, "processes", title, [], x, top, measures.SLOT, users.more)
        boxes.append(box)
        edges.append(_way(box, worker, vgpu, 0.0, active=False))
    if not boxes:
        key = "users-untold" if scene.processes is None else "unused"
        if silent:  # what nobody tells is unknown
            key = "users-unknown"
        box = _user(vgpu, "nobody", Line(key=key), [], x, top, worker.width, 1)
        boxes.append(box)
    return boxes, edges


def _process(
    vgpu: VgpuResource, place: _Place, worker: Box, x: int, top: int, *, silent: bool
) -> tuple[list[Box], list[Edge]]:
    process = place.process
    lines = [Line(key="memory-of-process", values={"used": process.memory_used})]
    if process.process_id:
        lines.insert(0, Line(key="process", values={"process": process.process_id}))
    if silent:
        lines.append(Line(key="queues-silent"))
    title = Line(key="name", values={"name": process.name})
    if not process.name:
        title = Line(key="process-unknown")
    key = f"process:{process.connection}"
    user = _user(vgpu, key, title, lines, x, top, _width(place), 1)
    boxes, edges = [user], list[Edge]()
    step = measures.SLOT + measures.SLOT_GAP
    for slot, queue in sorted(place.queues.items()):
        box = _queue(vgpu, process, queue, x + slot * step, top)
        boxes.append(box)
        active = bool(queue.outstanding or queue.share)
        for source, target in ((user, box), (box, worker)):
            edges.append(_way(source, target, vgpu, queue.share, active=active))
    if place.more:
        slot = max(place.queues, default=-1) + 1
        box = _more_queues(vgpu, process, place.more, x + slot * step, top)
        boxes.append(box)
        for source, target in ((user, box), (box, worker)):
            edges.append(_way(source, target, vgpu, 0.0, active=False))
    if len(boxes) == 1:  # nothing is known of queues
        edges.append(_way(user, worker, vgpu, process.share, active=True))
    return boxes, edges


def _user(
    vgpu: VgpuResource,
    key: str,
    title: Line,
    lines: Sequence[Line],
    x: int,
    top: int,
    width: int,
    count: int,
) -> Box:
    return Box(
        id=f"{key}:{vgpu.id}",
        layer=Layer.CONSUMERS,
        kind=key.partition(":")[0],
        look=Look.ABSENT if key == "nobody" else look_of(vgpu),
        x=x,
        y=top,
        width=width,
        height=measures.PROCESS,
        title=title,
        lines=list(lines),
        subject=vgpu.id,
        owner=vgpu.tenant,
        count=count,
    )


def _queue(
    vgpu: VgpuResource, process: ProcessResource, queue: CommandQueueResource, x: int, top: int
) -> Box:
    """A command queue, with its part of the vGPU's time, to scale."""
    order = Line(key="queue-in-order" if queue.in_order else "queue-out-of-order")
    waits = Line(key="queue-outstanding", values={"count": queue.outstanding})
    more = Line(key="queue-done", values={"count": queue.completed})
    if queue.outstanding:
        age = round(queue.oldest_ns / _MILLISECOND_NS, 1)
        more = Line(key="queue-oldest", values={"age": age})
    number = str(queue.number)
    part = Part(
        vgpu=vgpu.id,
        name=number,
        promised_from=0.0,
        promised=0.0,
        used_from=0.0,
        used=queue.share,
    )
    lines = [order, waits, more, Line(key="queue-share", values={"share": round(queue.share, 1)})]
    return _in_guest(
        vgpu,
        f"queue:{process.connection}:{number}",
        "command-queue",
        x,
        top,
        title=Line(key="command-queue", values={"number": number}),
        lines=lines,
        bars=[Bar(kind="share", total=100.0, parts=[part])],
    )


def _more_queues(vgpu: VgpuResource, process: ProcessResource, count: int, x: int, top: int) -> Box:
    key = f"queues:{process.connection}"
    title = Line(key="queues-more", values={"count": count})
    return _in_guest(vgpu, key, "command-queues", x, top, title=title, count=count)


def _in_guest(
    vgpu: VgpuResource,
    key: str,
    kind: str,
    x: int,
    top: int,
    *,
    title: Line,
    lines: Sequence[Line] = (),
    bars: Sequence[Bar] = (),
    count: int = 1,
) -> Box:
    return Box(
        id=f"{key}:{vgpu.id}",
        layer=Layer.GUEST,
        kind=kind,
        look=look_of(vgpu),
        x=x,
        y=top + measures.OPENED_LAYERS[Layer.GUEST][0],
        width=measures.SLOT,
        height=measures.COMMAND_QUEUE,
        title=title,
        lines=list(lines),
        bars=list(bars),
        subject=vgpu.id,
        owner=vgpu.tenant,
        count=count,
    )


def _way(source: Box, target: Box, vgpu: VgpuResource, share: float, *, active: bool) -> Edge:
    """Straight down through the middle of the narrower box; `share` is of the vGPU's time."""
    narrow = min(source, target, key=lambda box: box.width)
    x = narrow.x + narrow.width // 2
    of_device = round(share * vgpu.measured.get("consumed", 0.0) / 100, 3)
    return Edge(
        id=f"way:{source.id}>{target.id}",
        source=source.id,
        target=target.id,
        look=look_of(vgpu),
        points=[(x, source.y + source.height), (x, target.y)],
        label=(x + measures.LABEL_GAP, (source.y + source.height + target.y) // 2),
        share=of_device,
        active=active,
    )
