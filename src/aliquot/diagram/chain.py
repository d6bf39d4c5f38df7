"""A vGPU's chain of boxes, from who uses it down to what gives it its device's time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from aliquot.diagram import bars, measures
from aliquot.diagram.scene import Scene, look_of
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.picture import Box, Edge, Layer, Line, Look, Values
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.lifecycle import VgpuState

# What stands in the guest layer, and in the virtualization layer, by the mode.
_GUESTS = {
    Look.SOFTWARE: "guest-driver",
    Look.HYBRID: "guest-driver",
    Look.HARDWARE: "vgpu-driver",
    Look.PASSTHROUGH: "vendor-driver",
}
_MIDDLES = {
    Look.SOFTWARE: "worker",
    Look.HYBRID: "worker",
    Look.HARDWARE: "partition",
    Look.PASSTHROUGH: "vfio",
}
# The same while nobody uses it: then it is no more than a reservation, if it is of software.
_RESTING = _MIDDLES | {Look.SOFTWARE: "reserved", Look.HYBRID: "reserved"}


class Chain(NamedTuple):
    """The boxes of one vGPU, or of several that are drawn as one; `foot` is its last box."""

    boxes: list[Box]
    edges: list[Edge]
    foot: Box


class Flow(NamedTuple):
    """What goes through a chain now: percent of the device's time, and bytes a second."""

    share: float
    bytes_per_second: float
    active: bool

    @staticmethod
    def of(vgpus: Sequence[VgpuResource]) -> Flow:
        """The sum of some vGPUs'."""
        return Flow(
            round(sum(vgpu.measured.get("consumed", 0.0) for vgpu in vgpus), 3),
            round(sum(vgpu.measured.get("copied", 0.0) for vgpu in vgpus), 1),
            any(vgpu.leases for vgpu in vgpus),
        )


def single(
    vgpu: VgpuResource, leases: Sequence[LeaseResource], x: int, top: int, *, stale: bool
) -> Chain:
    """The chain of one vGPU, drawn in a slot that begins at `x` of a row that begins at `top`."""
    look = look_of(vgpu)
    worker = vgpu_box(vgpu, x, top, stale=stale, used=bool(leases))
    users = [] if not leases else [_consumer(vgpu, leases, look, x, top)]
    chain = _joined(users, worker, look, vgpu.id, Flow.of([vgpu]), top)
    if _MIDDLES[look] != "worker":
        return chain
    # Of what goes through a worker there is more to see.
    boxes = [msgspec.structs.replace(box, zooms=vgpu.id) for box in chain.boxes]
    return Chain(boxes, chain.edges, boxes[-1])


def vgpu_box(
    vgpu: VgpuResource, x: int, top: int, *, stale: bool, used: bool, width: int = measures.SLOT
) -> Box:
    """A vGPU in the virtualization layer of a row that begins at `top`; `used`: by somebody."""
    look = look_of(vgpu)
    lines = vgpu_lines(vgpu)
    if vgpu.state in (VgpuState.READY, VgpuState.LEASED):
        consumed = vgpu.measured.get("consumed")
        if consumed is not None:
            lines.append(Line(key="consumed", values={"share": round(consumed, 1)}))
        elif not vgpu.leases:
            lines.append(Line(key="unused"))
    else:
        lines.append(Line(key=f"state-{vgpu.state.value}"))
    return Box(
        id=f"vgpu:{vgpu.id}",
        layer=Layer.VIRTUALIZATION,
        kind=_MIDDLES[look] if used or vgpu.worker_process_id else _RESTING[look],
        look=look,
        x=x,
        y=_at(Layer.VIRTUALIZATION, top),
        width=width,
        height=measures.WORKER,
        title=Line(key="name", values={"name": vgpu.name}),
        lines=lines,
        subject=vgpu.id,
        owner=vgpu.tenant,
        state=vgpu.state.value,
        stale=stale,
        reason=vgpu.reason,
        reason_code=vgpu.reason_code,
        reason_lines=list(vgpu.reason_lines),
    )


def vgpu_lines(vgpu: VgpuResource) -> list[Line]:
    """What it was promised: of software a part of memory and time, of hardware what it is."""
    if look_of(vgpu) in (Look.SOFTWARE, Look.HYBRID):
        memory = Line(key="memory", values={"used": vgpu.memory_used, "limit": vgpu.memory})
        return [memory, _promise(vgpu)]
    size = Line(key="memory-unknown")
    if vgpu.memory:
        size = Line(key="device-memory", values={"size": vgpu.memory})
    if vgpu.type:
        size = Line(key="vgpu-type", values={"type": vgpu.type}, lines=[size])
    return [size, *([Line(key="name", values={"name": vgpu.hardware})] if vgpu.hardware else [])]


def several(
    group: str, look: Look, vgpus: Sequence[VgpuResource], x: int, top: int, *, stale: bool
) -> Chain:
    """The chain of several vGPUs of one look, drawn as one; `group` is where they stand."""
    key = f"{group}:{look.value}"
    leases = sum(vgpu.leases for vgpu in vgpus)
    flow = Flow.of(vgpus)
    works = leases or any(vgpu.worker_process_id for vgpu in vgpus)
    worker = Box(
        id=f"vgpus:{key}",
        layer=Layer.VIRTUALIZATION,
        kind=_MIDDLES[look] if works else _RESTING[look],
        look=look,
        x=x,
        y=_at(Layer.VIRTUALIZATION, top),
        width=measures.SLOT,
        height=measures.WORKER,
        title=Line(key="vgpus", values={"count": len(vgpus)}),
        lines=[
            Line(
                key="memory",
                values={
                    "used": sum(vgpu.memory_used for vgpu in vgpus),
                    "limit": sum(vgpu.memory for vgpu in vgpus),
                },
            ),
            Line(key="promised", values={"share": round(sum(v.compute for v in vgpus), 2)}),
            Line(key="consumed", values={"share": round(flow.share, 1)}),
        ],
        stale=stale,
        count=len(vgpus),
        opens=group,
    )
    users: list[Box] = []
    if leases:
        title = Line(key="consumers", values={"count": leases})
        user = _box(f"consumers:{key}", Layer.CONSUMERS, "process", look, x, top, title)
        users.append(msgspec.structs.replace(user, opens=group))
    return _joined(users, worker, look, key, flow, top)


def all_of(
    scene: Scene,
    key: str,
    vgpus: Sequence[VgpuResource],
    places: Mapping[str, int],
    left: int,
    top: int,
) -> list[tuple[Chain, list[VgpuResource]]]:
    """The chains of a device's or a group's vGPUs in the slots from `left` on, and whose they are.

    Where they have no places they are drawn as one for each look.
    """
    step = measures.SLOT + measures.SLOT_GAP

    def stale(some: Sequence[VgpuResource]) -> bool:
        return any(vgpu.device in scene.stale for vgpu in some)

    if places:
        return [
            (
                single(
                    vgpu,
                    scene.leases.get(vgpu.id, ()),
                    left + places[vgpu.id] * step,
                    top,
                    stale=stale([vgpu]),
                ),
                [vgpu],
            )
            for vgpu in vgpus
        ]
    by_look: dict[Look, list[VgpuResource]] = {}
    for vgpu in vgpus:
        by_look.setdefault(look_of(vgpu), []).append(vgpu)
    return [
        (
            several(key, look, some, left + number * step, top, stale=stale(some)),
            some,
        )
        for number, (look, some) in enumerate(sorted(by_look.items()))
    ]


def others(device: DeviceResource, vgpus: Sequence[VgpuResource], x: int, top: int) -> Box:
    """The vGPUs of a device beside these, which the caller may not see: their sum, to scale."""
    count = device.vgpus - len(vgpus)
    return Box(
        id=f"others:{device.uuid}",
        layer=Layer.VIRTUALIZATION,
        kind="others",
        look=Look.ABSENT,
        x=x,
        y=_at(Layer.VIRTUALIZATION, top),
        width=measures.SLOT,
        height=measures.WORKER,
        title=Line(key="others-here", values={"count": count}),
        bars=bars.of_others(device, vgpus),
        count=count,
    )


def down(source: Box, target: Box, look: Look, flow: Flow, name: str) -> Edge:
    """An edge straight down from the middle of a box."""
    x = source.x + source.width // 2
    return Edge(
        id=name,
        source=source.id,
        target=target.id,
        look=look,
        points=[(x, source.y + source.height), (x, target.y)],
        label=(x + measures.LABEL_GAP, (source.y + source.height + target.y) // 2),
        share=flow.share,
        bytes_per_second=flow.bytes_per_second,
        active=flow.active,
    )


def _joined(users: list[Box], worker: Box, look: Look, key: str, flow: Flow, top: int) -> Chain:
    """With the guest layer, where somebody uses it, and the edges between."""
    if not users:
        return Chain([worker], [], worker)
    [user] = users
    title = Line(key=_GUESTS[look])
    guest = _box(
        f"guest:{key}",
        Layer.GUEST,
        _GUESTS[look],
        look,
        worker.x,
        top,
        title,
        subject=worker.subject,
    )
    edges = [
        down(user, guest, look, flow, f"calls:{key}"),
        down(guest, worker, look, flow, f"ring:{key}"),
    ]
    return Chain([user, guest, worker], edges, worker)


def _consumer(
    vgpu: VgpuResource, leases: Sequence[LeaseResource], look: Look, x: int, top: int
) -> Box:
    """Who uses a vGPU: the one lease by its name, or how many there are."""
    first = leases[0]
    kinds = {lease.kind.value for lease in leases}
    kind = kinds.pop() if len(kinds) == 1 else "process"
    if len(leases) > 1:
        title = Line(key="consumers", values={"count": len(leases)})
        lines = []
    else:
        title = Line(key="name", values={"name": first.holder or vgpu.name})
        known: Values = {"process": first.process_id} if first.process_id else {}
        lines = [Line(key=kind if known else f"{kind}-unknown", values=known)]
    return _box(
        f"consumers:{vgpu.id}",
        Layer.CONSUMERS,
        kind,
        look,
        x,
        top,
        title,
        lines,
        subject=vgpu.id,
        owner=vgpu.tenant,
        count=len(leases),
    )


def _box(
    name: str,
    layer: Layer,
    kind: str,
    look: Look,
    x: int,
    top: int,
    title: Line,
    lines: Sequence[Line] = (),
    *,
    subject: str = "",
    owner: str = "",
    count: int = 1,
) -> Box:
    return Box(
        id=name,
        layer=layer,
        kind=kind,
        look=look,
        x=x,
        y=_at(layer, top),
        width=measures.SLOT,
        height=measures.LAYERS[layer][1],
        title=title,
        lines=list(lines),
        subject=subject,
        owner=owner,
        count=count,
    )


def _at(layer: Layer, top: int) -> int:
    return top + measures.LAYERS[layer][0]


def _promise(vgpu: VgpuResource) -> Line:
    if vgpu.compute_limit < 100:
        values: Values = {
            "share": round(vgpu.compute, 2),
            "limit": round(vgpu.compute_limit, 2),
        }
        return Line(key="promised-limited", values=values)
    if vgpu.compute:
        return Line(key="promised", values={"share": round(vgpu.compute, 2)})
    return Line(key="weight", values={"weight": vgpu.weight})
