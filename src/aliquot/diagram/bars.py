"""How a device is divided: its memory and its time by vGPU, to scale."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.picture import Bar, Part
from aliquot.model.api.vgpus import VgpuResource


def memory(device: DeviceResource, vgpus: Sequence[VgpuResource]) -> Bar:
    """Bytes: what is reserved for each vGPU, and what of that is in use."""
    left = device.memory
    sizes: list[tuple[VgpuResource, float, float]] = []
    for vgpu in vgpus:
        # What is on a partition is within that; drivers' types may add up to more than there is.
        size = min(vgpu.memory, left) if vgpu.on is None else 0
        sizes.append((vgpu, float(size), float(min(vgpu.memory_used, size))))
        left -= size
    return _bar("memory", device, float(device.memory), float(device.reserved_memory), sizes)


def time(device: DeviceResource, vgpus: Sequence[VgpuResource]) -> Bar:
    """Percent: what each vGPU is guaranteed, and what it has had in the last second."""
    shares = [(vgpu, vgpu.compute, vgpu.measured.get("consumed", 0.0)) for vgpu in vgpus]
    return _bar("time", device, 100.0, device.reserved_compute, shares)


def of_others(device: DeviceResource, vgpus: Sequence[VgpuResource]) -> list[Bar]:
    """The device's bars with nothing on them but what isn't promised to these vGPUs."""
    return [
        msgspec.structs.replace(bar, parts=[part for part in bar.parts if not part.vgpu])
        for bar in (memory(device, vgpus), time(device, vgpus))
    ]


def _bar(
    kind: str,
    device: DeviceResource,
    total: float,
    reserved: float,
    sizes: Sequence[tuple[VgpuResource, float, float]],
) -> Bar:
    parts: list[Part] = []
    promised_from = used_from = 0.0
    for vgpu, promised, used in sizes:
        parts.append(
            Part(
                vgpu=vgpu.id,
                name=vgpu.name,
                promised_from=round(promised_from, 3),
                promised=round(promised, 3),
                used_from=round(promised_from if kind == "memory" else used_from, 3),
                used=round(used, 3),
            )
        )
        promised_from += promised
        used_from += used
    hidden = device.vgpus - len(sizes)
    rest = round(reserved - promised_from, 3)
    if hidden > 0 and rest > 0:
        begin = round(promised_from, 3)
        parts.append(
            Part(
                vgpu="",
                name="",
                promised_from=begin,
                promised=rest,
                used_from=begin,
                used=0.0,
                count=hidden,
            )
        )
    return Bar(kind=kind, total=total, parts=parts)
