"""Hybrid: software vGPUs stand over the partition that carries them, within its card's column.

To the state such a partition is a device; in the picture it is what stands between its vGPUs and
the card, where others have their device host.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aliquot.diagram import measures
from aliquot.diagram.chain import vgpu_lines
from aliquot.diagram.scene import Scene, look_of
from aliquot.diagram.slots import Slots
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Box, Layer, Line
from aliquot.model.api.vgpus import VgpuResource


def folded(scene: Scene) -> Scene:
    """The scene with what is on a partition put on its card, where its carrier is in the scene."""
    cards = {vgpu.id: vgpu.device for vgpu in scene.vgpus if vgpu.device is not None}
    known = {device.uuid for device in scene.devices}
    moved = {
        device.uuid: str(cards[carrier])
        for device in scene.devices
        if (carrier := _carrier(device)) in cards and cards[carrier] in known
    }
    # A virtual function that is a card to OpenCL keeps its own column: it is a device.
    if not moved:
        return scene
    more: dict[str, int] = {}
    for device in scene.devices:
        if device.uuid in moved:
            card = moved[device.uuid]
            more[card] = more.get(card, 0) + device.vgpus
    return scene._replace(
        devices=[
            msgspec.structs.replace(one, vgpus=one.vgpus + more.get(one.uuid, 0))
            for one in scene.devices
            if one.uuid not in moved
        ],
        vgpus=[
            msgspec.structs.replace(one, device=moved.get(str(one.device), one.device))
            for one in scene.vgpus
        ],
    )


def carrying(vgpus: Sequence[VgpuResource]) -> dict[str, list[VgpuResource]]:
    """By the id of each that carries any of these, what is on it; in the order of their making."""
    there = {vgpu.id: vgpu.device for vgpu in vgpus}
    found: dict[str, list[VgpuResource]] = {}
    for vgpu in vgpus:
        if vgpu.on in there and there[vgpu.on] == vgpu.device:
            found.setdefault(str(vgpu.on), []).append(vgpu)
    return found


def assign(slots: Slots, device: str, vgpus: Sequence[VgpuResource]) -> dict[str, int]:
    """The slots over a device: those of each carrier beside each other, behind all others.

    What carries stands below what it carries, and has no slot of its own.
    """
    carriers = carrying(vgpus)
    above = {vgpu.id for some in carriers.values() for vgpu in some}
    alone = [vgpu.id for vgpu in vgpus if vgpu.id not in above and vgpu.id not in carriers]
    places = dict(slots.assign(device, alone))
    for carrier, some in carriers.items():
        first = max(places.values(), default=-1) + 1
        inner = slots.assign(carrier, [vgpu.id for vgpu in some])
        places |= {vgpu: first + at for vgpu, at in inner.items()}
    return places


def carrier_box(carrier: VgpuResource, workers: Sequence[Box], top: int, *, stale: bool) -> Box:
    """The partition, under the workers that it carries and no wider; `top` is its row's."""
    left = min(worker.x for worker in workers)
    return Box(
        id=f"vgpu:{carrier.id}",
        layer=Layer.VIRTUALIZATION,
        kind="carrier",
        look=look_of(carrier),
        x=left,
        y=top + measures.HOST_AT,
        width=max(worker.x + worker.width for worker in workers) - left,
        height=measures.HOST,
        title=Line(key="name", values={"name": carrier.name}),
        lines=vgpu_lines(carrier)[:1],
        subject=carrier.id,
        owner=carrier.tenant,
        state=carrier.state.value,
        stale=stale,
        reason=carrier.reason,
        reason_code=carrier.reason_code,
        reason_lines=list(carrier.reason_lines),
    )


def of_card(devices: Sequence[DeviceResource], card: str) -> set[str]:
    """A device and its partitions, by their UUIDs."""
    return {card, *(one.uuid for one in devices if one.facts.get("card") == card)}


def _carrier(device: DeviceResource) -> str:
    """The id of the vGPU whose partition a device is; empty: it is a card."""
    return str(device.facts.get("carrier") or "")
