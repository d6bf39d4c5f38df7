"""A vGPU of the daemon's in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aliquot.cli.printable import printable
from aliquot.model.shares import PriorityClass, Shares
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.shares import format_copy_limit, format_shares
from aliquot.sizes import format_duration, format_size

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.devices import DeviceResource
    from aliquot.model.api.vgpus import VgpuResource


def shares_in(vgpu: VgpuResource) -> Shares:
    """What it was promised, as device hosts count it."""
    return Shares(
        round(vgpu.compute * 100),
        round(vgpu.compute_limit * 100),
        vgpu.weight,
        PriorityClass[vgpu.priority.upper()],
    )


def promise(vgpu: VgpuResource) -> str:
    """Its memory, share of the time and limit of copies; of hardware, what it is made of."""
    if vgpu.mode != MODE_REMOTING:
        return ", ".join(filter(None, [made_of(vgpu), memory(vgpu)]))
    words = [
        format_size(vgpu.memory),
        format_shares(shares_in(vgpu)),
        format_copy_limit(vgpu.copy_limit),
    ]
    return ", ".join(filter(None, words))


def memory(vgpu: VgpuResource) -> str:
    """How much it has."""
    return format_size(vgpu.memory) if vgpu.memory else "memory unknown"


def made_of(vgpu: VgpuResource) -> str:
    """Its mode, the type of its partition, and which piece of hardware it is."""
    words = [vgpu.mode, vgpu.type or "", vgpu.hardware]
    return printable(" ".join(filter(None, words)))


def state(vgpu: VgpuResource) -> str:
    """Its state, with its place in the queue where it waits."""
    if vgpu.queue_position is not None:
        return f"{vgpu.state} (number {vgpu.queue_position} in the queue)"
    return str(vgpu.state)


def devices_by_uuid(client: Client) -> dict[str, DeviceResource]:
    """The daemon's devices."""
    return {device.uuid: device for device in client.devices.list().items}


def place(vgpu: VgpuResource, devices: dict[str, DeviceResource]) -> str:
    """Where it is: `device 0 (name)`."""
    if vgpu.device is None:
        return "no device yet"
    device = devices.get(vgpu.device)
    if device is None:
        return f"device {vgpu.device}"
    simulated = ", simulated" if device.simulated else ""
    return f"device {device.index} ({printable(device.name)}{simulated})"


def line(vgpu: VgpuResource, devices: dict[str, DeviceResource]) -> str:
    """One line about it, for who has just changed something."""
    about = f"vGPU {vgpu.name}: {state(vgpu)}, {promise(vgpu)}, on {place(vgpu, devices)}"
    if vgpu.expires_ms is not None:
        about += f", deleted in {until(vgpu.expires_ms)}"
    return about + (f" ({printable(vgpu.reason)})" if vgpu.reason else "")


def vm_words(vgpu: VgpuResource) -> str:
    """The VM that it is attached to, and what that did last: `libvirt:build-01, paused`."""
    if vgpu.vm is None:
        return "-"
    told = f", {vgpu.vm_state.value}" if vgpu.vm_state is not None else ""
    return f"{printable(vgpu.vm.word)}{told}"


def until(at_ms: int) -> str:
    """How long it is to a moment."""
    return format_duration(at_ms - int(time.time() * 1000))


def since(at_ms: int) -> str:
    """How long it is since a moment."""
    return format_duration(int(time.time() * 1000) - at_ms)


def clock(at_ms: int) -> str:
    """A moment, UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at_ms / 1000))
