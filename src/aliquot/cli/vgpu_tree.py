"""vGPUs as a tree: devices, what is on each, and what is on the partitions of that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aliquot.cli import vgpu_words
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from aliquot.model.api.devices import DeviceResource
    from aliquot.model.api.vgpus import VgpuResource


def lines(vgpus: list[VgpuResource], devices: list[DeviceResource]) -> Iterator[str]:
    """A line a device and a vGPU; devices with nothing on them stand there, too."""
    there = {vgpu.id for vgpu in vgpus}
    for device in devices:
        if device.facts.get("carrier") in there:
            continue  # it stands below the vGPU whose partition it is
        yield _device(device)
        yield from _on(None, [v for v in vgpus if _stands(v, there, device.uuid)], vgpus, "")
    waiting = [vgpu for vgpu in vgpus if vgpu.device is None]
    if waiting:
        yield "without a device yet"
        yield from _on(None, waiting, vgpus, "")


def _stands(vgpu: VgpuResource, there: set[str], device: str) -> bool:
    """Whether a vGPU is on a device itself, and on no vGPU's partition."""
    return vgpu.device == device and vgpu.on not in there


def _on(
    carrier: str | None, here: list[VgpuResource], vgpus: list[VgpuResource], indent: str
) -> Iterator[str]:
    for number, vgpu in enumerate(here, 1):
        last = number == len(here)
        yield f"{indent}{'└─' if last else '├─'} {_vgpu(vgpu)}"
        above = [one for one in vgpus if one.on == vgpu.id and one.id != carrier]
        yield from _on(vgpu.id, above, vgpus, f"{indent}{'   ' if last else '│  '}")


def _device(device: DeviceResource) -> str:
    memory = f", {format_size(device.memory)}" if device.memory else ""
    marks = ("" if device.present else ", gone") + (", simulated" if device.simulated else "")
    return f"device {device.index}: {device.name}{memory}{marks}"


def _vgpu(vgpu: VgpuResource) -> str:
    used = f", {vgpu.leases} in use" if vgpu.leases else ""
    why = f" ({vgpu.reason})" if vgpu.reason else ""
    return f"{vgpu.name}: {vgpu_words.state(vgpu)}, {vgpu_words.promise(vgpu)}{used}{why}"
