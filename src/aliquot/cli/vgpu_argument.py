"""The argument that names a vGPU in use: one kind for all commands."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from aliquot.cli.parser import Parser
from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.errors import AmbiguousVgpu, DeviceHostUnreachable, NoSuchVgpu
from aliquot.model.vgpu import VgpuUsage


def add_vgpu_of_daemon(parser: Parser) -> None:
    """Add VGPU, as the daemon knows it."""
    parser.add_argument(
        "vgpu",
        metavar="VGPU",
        help="its name or id, as 'aliquot vgpus' prints; an admin writes another's as TENANT:NAME",
    )


def add_vgpu(parser: Parser) -> None:
    """Add VGPU and --device."""
    parser.add_argument(
        "vgpu", metavar="VGPU", help="its name, its id, or without a daemon its number"
    )
    parser.add_argument(
        "--device",
        metavar="D",
        help="index, UUID or unique part of the name of its device, where vGPUs of several fit "
        "(only without a daemon)",
    )


@contextlib.contextmanager
def found_vgpu(wanted: str, device: str | None) -> Generator[tuple[DeviceHost, VgpuUsage]]:
    """The vGPU that is meant and its device host; raises NoSuchVgpu or AmbiguousVgpu."""
    device_uuid = uuid_of(device)
    hosts = running_hosts()
    try:
        yield _find(wanted, hosts, device_uuid)
    finally:
        for host in hosts:
            host.close()


def uuid_of(wanted: str | None) -> str | None:
    """The UUID of the device that --device means, None where none is given."""
    if wanted is None:
        return None
    from aliquot.devices.opencl import find_device

    return find_device(wanted)[1].uuid


def _find(
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
