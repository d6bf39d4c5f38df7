"""Finds the vGPU in use that a person means."""

from __future__ import annotations

from aliquot.client.device_host import DeviceHost
from aliquot.errors import AmbiguousVgpu, DeviceHostUnreachable, NoSuchVgpu
from aliquot.model.vgpu import VgpuUsage


def device_uuid_of(wanted: str | None) -> str | None:
    """The UUID of the device that --device names, None where it wasn't given."""
    if wanted is None:
        return None
    from aliquot.devices.opencl import find_device

    return find_device(wanted)[1].uuid


def choose_vgpu(
    wanted: str, hosts: list[DeviceHost], device_uuid: str | None
) -> tuple[DeviceHost, VgpuUsage]:
    """The vGPU of this name, else of this number, on the device or on all."""
    listed: list[tuple[DeviceHost, VgpuUsage]] = []
    for host in hosts:
        if device_uuid in (None, host.welcome.device_uuid):
            try:
                listed += [(host, usage) for usage in host.list_vgpus()]
            except DeviceHostUnreachable:
                # It ends when its last vGPU does, perhaps while we ask.
                continue
    fitting = [found for found in listed if found[1].name == wanted]
    fitting = fitting or [found for found in listed if str(found[1].id) == wanted]
    if not fitting:
        raise NoSuchVgpu(f"there is no vGPU {wanted[:70]!r} in use here")
    if len(fitting) > 1:
        devices = ", ".join(usage.device_uuid for _, usage in fitting)
        raise AmbiguousVgpu(f"{wanted[:70]!r} fits vGPUs of the devices {devices}")
    return fitting[0]
