"""A device and all that stands over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from aliquot import words
from aliquot.diagram import bars, chain, hybrid, measures
from aliquot.diagram.chain import Flow
from aliquot.diagram.scene import Choice, Collapse, Scene, look_of
from aliquot.diagram.slots import Slots, column_slots
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Box, Edge, Layer, Line, Look, Values
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.modes import Mode, ModeAbility
from aliquot.model.why import Why, because

_FEW = 8  # so many vGPUs of a device are drawn one by one
_MANY = 48  # where there are more in all, devices with more than two are drawn as one
_TIGHT = 2
_NARROWEST = 2  # slots: a device's name, bars and modes have no room in less
# What of a mode doesn't go through a device host of ours; of others' vGPUs the mode isn't told.
PAST_THE_HOST = (Look.HARDWARE, Look.PASSTHROUGH, Look.ABSENT)


class Column(NamedTuple):
    """A device's column before it has a place: how wide, and what draws it there."""

    device: DeviceResource
    vgpus: list[VgpuResource]
    places: dict[str, int]  # empty where they are drawn as one
    width: int


def column(scene: Scene, device: DeviceResource, choice: Choice, slots: Slots) -> Column:
    """How a device's column will be."""
    on_it = [vgpu for vgpu in scene.vgpus if vgpu.device == device.uuid]
    hidden = device.vgpus > len(on_it)
    if collapsed(scene, device.uuid, len(on_it), choice):
        looks = len({look_of(vgpu) for vgpu in on_it}) + hidden
        return Column(device, on_it, {}, measures.column_width(max(_NARROWEST, looks)))
    places = hybrid.assign(slots, device.uuid, on_it)
    used = max(places.values(), default=-1) + 1 + hidden
    return Column(device, on_it, places, measures.column_width(column_slots(used)))


def drawn(scene: Scene, one: Column, left: int, top: int) -> tuple[list[Box], list[Edge]]:
    """The boxes and edges of a column at a place."""
    device = one.device
    stale = device.uuid in scene.stale
    opens = device.uuid if one.vgpus else ""
    box = device_box(one, left, top, stale=stale, opens=opens)
    boxes: list[Box] = [box, *mode_boxes(device, box)]
    edges: list[Edge] = []
    begin = left + measures.COLUMN_PAD
    standing = [vgpu for vgpu in one.vgpus if not one.places or vgpu.id in one.places]
    chains = chain.all_of(scene, device.uuid, standing, one.places, begin, top)
    carriers = _carriers(one, chains, top, stale=stale)
    through = [
        (made, vgpus)
        for made, vgpus in chains
        if made.foot.look not in PAST_THE_HOST and vgpus[0].on not in carriers
    ]
    host = host_box(one, [made.foot for made, _ in through], top) if through else None
    for made, vgpus in chains:
        boxes += made.boxes
        edges += made.edges
        look = made.foot.look
        target = box if look in PAST_THE_HOST or host is None else host
        target = carriers.get(str(vgpus[0].on), target)
        name = f"turns:{made.foot.id}"
        edges.append(chain.down(made.foot, target, look, Flow.of(vgpus), name))
    if host is not None:
        boxes.append(host)
        flow = Flow.of([vgpu for _, vgpus in through for vgpu in vgpus])
        edges.append(chain.down(host, box, Look.SOFTWARE, flow, f"device:{device.uuid}"))
    for carrier, partition in carriers.items():
        boxes.append(partition)
        flow = Flow.of([vgpu for vgpu in one.vgpus if vgpu.on == carrier])
        edges.append(chain.down(partition, box, Look.HARDWARE, flow, f"partition:{carrier}"))
    if device.vgpus > len(one.vgpus):
        x = left + one.width - measures.COLUMN_PAD - measures.SLOT
        boxes.append(chain.others(device, one.vgpus, x, top))
    return boxes, edges


def _carriers(
    one: Column, chains: Sequence[tuple[chain.Chain, list[VgpuResource]]], top: int, *, stale: bool
) -> dict[str, Box]:
    """What carries others, by its id: under these, where each is drawn by itself."""
    if not one.places:
        return {}
    feet = {vgpus[0].id: made.foot for made, vgpus in chains}
    named = {vgpu.id: vgpu for vgpu in one.vgpus}
    return {
        carrier: hybrid.carrier_box(
            named[carrier], [feet[vgpu.id] for vgpu in some], top, stale=stale
        )
        for carrier, some in hybrid.carrying(one.vgpus).items()
    }


def collapsed(scene: Scene, key: str, count: int, choice: Choice) -> bool:
    """Whether the vGPUs of a device, or of a group, are drawn as one."""
    if key in choice.opened:
        return False
    if key in choice.closed or choice.collapse is Collapse.ALL:
        return True
    if choice.collapse is Collapse.NONE:
        return False
    return count > (_TIGHT if len(scene.vgpus) > _MANY else _FEW)


def host_box(one: Column, workers: Sequence[Box], top: int) -> Box:
    """Under the workers that it has, and no wider."""
    left = min(worker.x for worker in workers)
    device, policy = one.device, one.device.policy
    values: Values = {"policy": policy.policy}
    key = "policy"
    if policy.turn_ms:
        key, values["turn"] = "policy-turn", policy.turn_ms
    return Box(
        id=f"host:{device.uuid}",
        layer=Layer.VIRTUALIZATION,
        kind="device-host",
        look=Look.SOFTWARE,
        x=left,
        y=top + measures.HOST_AT,
        width=max(worker.x + worker.width for worker in workers) - left,
        height=measures.HOST,
        title=Line(key="device-host"),
        lines=[Line(key=key, values=values)],
        subject=device.uuid,
        simulated=device.simulated,
    )


def device_box(one: Column, left: int, top: int, *, stale: bool, opens: str = "") -> Box:
    """The device itself, with its bars; `top` is its row's."""
    device = one.device
    at, height = measures.LAYERS[Layer.DEVICES]
    lines = [Line(key="device-memory", values={"size": device.memory})]
    if architecture := device.facts.get("architecture"):
        lines.insert(0, Line(key="name", values={"name": str(architecture["name"])}))
    if units := device.facts.get("compute_units"):
        lines.append(Line(key="compute-units", values={"count": units}))
    lines += _now(device)
    return Box(
        id=f"device:{device.uuid}",
        layer=Layer.DEVICES,
        kind="device",
        look=Look.DEVICE if device.present else Look.ABSENT,
        x=left,
        y=top + at,
        width=one.width,
        height=height,
        title=Line(key="device", values={"index": device.index, "name": device.name}),
        lines=lines,
        bars=[bars.memory(device, one.vgpus), bars.time(device, one.vgpus)],
        subject=device.uuid,
        state="present" if device.present else "lost",
        simulated=device.simulated,
        stale=stale,
        reason=str(device.facts.get("fault") or ""),
        opens=opens,
    )


def _now(device: DeviceResource) -> list[Line]:
    """What was measured of it in the last second, where something is."""
    measured = device.measured
    found: list[Line] = []
    if "busy" in measured:
        found.append(Line(key="busy", values={"share": round(measured["busy"], 1)}))
    if "power" in measured:
        found.append(Line(key="power", values={"watts": round(measured["power"])}))
    if "temperature" in measured:
        found.append(Line(key="temperature", values={"degrees": round(measured["temperature"])}))
    return found


def mode_boxes(device: DeviceResource, box: Box) -> list[Box]:
    """A chip for each mode, at the foot of the device: grey, with the reason, if it can't."""
    abilities = msgspec.convert(device.facts.get("modes", []), tuple[ModeAbility, ...])
    told = {ability.mode: ability for ability in abilities}
    across = max(1, (box.width - 2 * measures.COLUMN_PAD) // 100)
    chips: list[Box] = []
    for number, mode in enumerate(Mode):
        ability = told.get(mode) or _untold(mode)
        row, place = divmod(number, min(across, len(Mode)))
        rows = -(-len(Mode) // min(across, len(Mode)))
        width = (box.width - 2 * measures.COLUMN_PAD + measures.CHIP_GAP) // min(across, len(Mode))
        step = measures.CHIP + measures.CHIP_GAP
        chips.append(
            Box(
                id=f"mode:{device.uuid}:{mode.value}",
                layer=Layer.DEVICES,
                kind="mode",
                look=_MODE_LOOKS[mode] if ability.can else Look.ABSENT,
                x=box.x + measures.COLUMN_PAD + place * width,
                y=box.y + box.height - measures.CHIP_GAP - (rows - row) * step + measures.CHIP_GAP,
                width=width - measures.CHIP_GAP,
                height=measures.CHIP,
                title=Line(key=f"mode-{mode.value}"),
                subject=device.uuid,
                reason=ability.why_not or ability.note or "",
                reason_lines=list(ability.lines),
            )
        )
    return chips


def _untold(mode: Mode) -> ModeAbility:
    line = because(Why.NOT_TOLD)
    return ModeAbility(mode=mode, can=False, why_not=words.english(line), lines=(line,))


_MODE_LOOKS = {
    Mode.REMOTING: Look.SOFTWARE,
    Mode.PASSTHROUGH: Look.PASSTHROUGH,
    Mode.MDEV: Look.HARDWARE,
    Mode.SRIOV: Look.HARDWARE,
    Mode.MIG: Look.HARDWARE,
}
